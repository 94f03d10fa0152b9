#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "core/tools/benchmark.h"

namespace mirin::tools {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// At most so many at a time.
class Gate {
 public:
  explicit Gate(int64_t places) : places_(places) {}
  void Enter() {
    const absl::MutexLock lock(&mutex_, absl::Condition(this, &Gate::HasPlace));
    --places_;
  }
  void Leave() {
    const absl::MutexLock lock(&mutex_);
    ++places_;
  }

 private:
  bool HasPlace() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return places_ > 0; }

  absl::Mutex mutex_;
  int64_t places_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status RunParallel(const BenchmarkSettings& settings, const mirin_model* model,
                         const mirin_session_options& options,
                         const std::vector<TensorPtr>& inputs) {
  Gate gate(settings.workers);
  std::mutex mutex;
  std::vector<double> latencies;
  absl::Status failure;
  bool stop = false;
  const auto request = [&]() -> absl::Status {
    const auto pointers = Pointers(inputs);
    std::vector<mirin_tensor*> outputs(mirin_model_output_count(model));
    gate.Enter();
    const absl::Status status = Take(mirin_model_run(
        model, &options, pointers.data(), pointers.size(), outputs.data(), outputs.size()));
    gate.Leave();
    if (status.ok()) {
      for (mirin_tensor* t : outputs) mirin_tensor_destroy(t);
    }
    return status;
  };
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < settings.requesters; ++t) {
    threads.emplace_back([&] {
      for (int64_t i = 0; settings.requests < 0 || i < settings.requests; ++i) {
        const auto begin = Clock::now();
        const absl::Status status = request();
        const std::lock_guard<std::mutex> lock(mutex);
        if (settings.requests >= 0) latencies.push_back(MillisecondsSince(begin));
        if (!status.ok() && failure.ok()) failure = status;
        stop |= !status.ok();
        if (stop) return;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  if (!failure.ok()) return failure;
  const double total = MillisecondsSince(start);
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double part) {
    return latencies[static_cast<size_t>(part * static_cast<double>(latencies.size() - 1))];
  };
  std::printf(
      "parallel predict: ParallelNum = %lld, WorkersNum = %lld, Requests = %zu, TotalTime = %g ms, "
      "Throughput = %g requests/s\n",
      static_cast<long long>(settings.requesters), static_cast<long long>(settings.workers),
      latencies.size(), total, static_cast<double>(latencies.size()) / total * 1e3);
  std::printf("latency: Min = %g ms, P50 = %g ms, P99 = %g ms, Max = %g ms\n", latencies.front(),
              at(0.5), at(0.99), latencies.back());
  return absl::OkStatus();
}

}  // namespace mirin::tools
