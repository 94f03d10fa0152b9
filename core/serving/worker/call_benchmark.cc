// Prints how long calls of a worker take: call_benchmark PYTHONPATH [DIRECTORY SERVABLE]. The servable's method 0 copies its input,
// method 1 hands it back.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "absl/synchronization/notification.h"
#include "core/serving/stage_runner.h"

using mirin::serving::StageCall;
using mirin::serving::Tensor;

namespace {

Tensor Bytes(size_t size) {
  Tensor tensor;
  tensor.dtype = MIRIN_DTYPE_U8;
  tensor.dims = {static_cast<int64_t>(size)};
  tensor.data = mirin::serving::Buffer::Copy(std::string(size, 'x'));
  return tensor;
}

double MedianMicroseconds(mirin::serving::StageRunner* runner, uint32_t method,
                          const Tensor& tensor, int rounds) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    auto call = std::make_shared<StageCall>();
    call->method = method;
    call->instances = {{tensor}};
    absl::Notification answered;
    const auto start = std::chrono::steady_clock::now();
    // the one before has been answered, so the worker is idle
    if (!runner->TryRun(call, [&](auto) { answered.Notify(); })) return -1;
    answered.WaitForNotification();
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return 2;
  mirin::serving::WorkerPoolOptions options;
  options.python = "python3";
  options.paths = {argv[1]};
  if (argc == 4) options.directory = argv[2];
  options.servable = argc == 4 ? argv[3] : "fake";
  const auto workers = mirin::serving::StartWorkers(options, nullptr);
  const absl::Status status = workers.ok() ? workers->runner->Start() : workers.status();
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  mirin::serving::StageRunner* runner = workers->runner.get();
  std::printf("8 byte call %.0f us\n", MedianMicroseconds(runner, 0, Bytes(8), 2000));
  std::printf("16 MiB echo %.2f ms\n", MedianMicroseconds(runner, 0, Bytes(16u << 20), 30) / 1000);
  std::printf("16 MiB handed back %.2f ms\n",
              MedianMicroseconds(runner, 1, Bytes(16u << 20), 30) / 1000);
  return 0;
}
