// Pools of testing/mindspore_serving/worker.py for tests.
#ifndef CORE_SERVING_WORKER_TESTING_POOL_H_
#define CORE_SERVING_WORKER_TESTING_POOL_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "core/serving/metrics.h"
#include "core/serving/stage_runner.h"
#include "gtest/gtest.h"

namespace mirin::serving::worker {
enum Method : uint32_t {
  kEcho,
  kHandBack,
  kDie,
  kExit,
  kHang,
  kSurroundings,
  kFailOdd,
  kCallModel,
  kFault,
  kCountFaults
};

class CountingMetrics : public Metrics {
 public:
  MethodMetrics* Method(absl::string_view, uint64_t, absl::string_view) override { return nullptr; }
  void Refused(absl::string_view, absl::string_view) override {}
  void WorkerStarted(absl::string_view) override { ++started; }
  void WorkerEnded(absl::string_view, absl::string_view reason) override {
    absl::MutexLock lock(&mutex_);
    ++ended_[std::string(reason)];
  }
  void Connections(absl::string_view, int64_t) override {}
  std::string Text() const override { return ""; }
  int ended(const std::string& reason) {
    absl::MutexLock lock(&mutex_);
    return ended_[reason];
  }
  std::atomic<int> started{0};

 private:
  absl::Mutex mutex_;
  std::map<std::string, int> ended_ ABSL_GUARDED_BY(mutex_);
};

inline std::string Fake() {
  char* path = ::realpath("core/serving/worker/testing", nullptr);
  std::string text = path;
  ::free(path);
  return text;
}

inline WorkerPoolOptions Options(const std::string& servable = "fake", uint32_t workers = 1) {
  WorkerPoolOptions options;
  options.python = "/usr/bin/python3";
  options.paths = {Fake()};
  options.directory = "/a directory";
  options.servable = servable;
  options.version = 3;
  options.workers = workers;
  options.key = std::string(16, 'k');
  options.cipher = "AES-GCM";
  return options;
}

inline std::shared_ptr<StageRunner> Running(WorkerPoolOptions options, Metrics* metrics = nullptr) {
  absl::StatusOr<Description> description = StartWorkers(std::move(options), metrics);
  EXPECT_TRUE(description.ok()) << description.status();
  if (!description.ok()) return nullptr;
  const absl::Status started = description->runner->Start();
  EXPECT_TRUE(started.ok()) << started;
  return started.ok() ? description->runner : nullptr;
}

inline Tensor Numbers(std::vector<int64_t> values) {
  Tensor tensor;
  tensor.dtype = MIRIN_DTYPE_I64;
  tensor.dims = {static_cast<int64_t>(values.size())};
  tensor.data = Buffer::Copy({reinterpret_cast<const char*>(values.data()), values.size() * 8});
  return tensor;
}

inline Tensor Large(size_t size, char first) {
  Tensor tensor;
  tensor.dtype = MIRIN_DTYPE_U8;
  tensor.dims = {static_cast<int64_t>(size)};
  uint8_t* data;
  tensor.data = Buffer::Allocate(size, &data);
  for (size_t i = 0; i < size; ++i) data[i] = static_cast<uint8_t>(first + i % 251);
  return tensor;
}

using Results = absl::StatusOr<std::vector<StageResult>>;

// Waits for idle callbacks instead of asking again and again.
class Caller {
 public:
  explicit Caller(std::shared_ptr<StageRunner> runner) : runner_(std::move(runner)) {
    runner_->SetIdleCallback([this] {
      absl::MutexLock lock(&mutex_);
      ++changes_;
    });
  }
  ~Caller() { runner_->SetIdleCallback(nullptr); }

  void Start(Method method, std::vector<std::vector<Tensor>> instances, StageRunner::Done done) {
    auto call = std::make_shared<StageCall>();
    call->method = method;
    call->instances = std::move(instances);
    while (true) {
      const int64_t seen = changes();
      if (runner_->TryRun(call, done)) return;
      AwaitChange(seen);
    }
  }
  Results Run(Method method, std::vector<std::vector<Tensor>> instances) {
    absl::Notification answered;
    Results results;
    Start(method, std::move(instances), [&](Results got) {
      results = std::move(got);
      answered.Notify();
    });
    answered.WaitForNotification();
    return results;
  }
  void AwaitAlive(size_t alive) {
    while (true) {
      const int64_t seen = changes();
      if (runner_->Alive() == alive) return;
      AwaitChange(seen);
    }
  }
  StageRunner& runner() { return *runner_; }

 private:
  int64_t changes() {
    absl::MutexLock lock(&mutex_);
    return changes_;
  }
  void AwaitChange(int64_t seen) {
    absl::MutexLock lock(&mutex_);
    const auto changed = [&] { return changes_ != seen; };
    mutex_.Await(absl::Condition(&changed));
  }
  const std::shared_ptr<StageRunner> runner_;
  absl::Mutex mutex_;
  int64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

inline int64_t Number(const Results& results, size_t output = 0) {
  int64_t value = -1;
  if (results.ok() && results->at(0).outputs.size() > output)
    std::memcpy(&value, (*results)[0].outputs[output].data.data(), 8);
  return value;
}

inline int64_t WorkerPid(Caller& caller) { return Number(caller.Run(kSurroundings, {{}}), 1); }

}  // namespace mirin::serving::worker

#endif  // CORE_SERVING_WORKER_TESTING_POOL_H_
