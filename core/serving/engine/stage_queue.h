// The queue of the Python stages of one servable: gives its workers instances, later stages first.
#ifndef CORE_SERVING_ENGINE_STAGE_QUEUE_H_
#define CORE_SERVING_ENGINE_STAGE_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/serving/engine/executor.h"
#include "core/serving/engine/work.h"
#include "core/serving/stage_runner.h"

namespace mirin::serving {

struct StageWork : Work {
  int attempts = 0;  // workers that died with it
};

// Owned by shared pointers: tasks of the executor may outlive the servable.
class StageQueue : public std::enable_shared_from_this<StageQueue> {
 public:
  // limits[method][stage]: most instances of a call; 0 for stages that are not Python, -1 for those that take one at a time (quick
  // ones get several in a call).
  StageQueue(std::vector<std::vector<int64_t>> limits, Executor* executor);

  // `gone`: what an instance fails with when the last worker died with it.
  void SetRunner(std::shared_ptr<StageRunner> runner, std::function<Failure(uint32_t method)> gone);
  void Enqueue(uint32_t method, uint32_t stage, std::vector<std::unique_ptr<StageWork>> works);
  // Everything that waits fails; nothing begins any more. The runner is stopped first.
  void Stop(absl::Time deadline);
  uint64_t Alive() const { return runner_ == nullptr ? 0 : runner_->Alive(); }

 private:
  using Batch = std::vector<std::unique_ptr<StageWork>>;
  struct Stage {
    int64_t limit = 0;
    double mean_us = -1;  // of an instance
    std::deque<std::unique_ptr<StageWork>> waiting;
  };
  struct Call {
    uint32_t method = 0, stage = 0;
    Batch works;  // null: answered, its deadline passed
    absl::Time start;
    std::shared_ptr<StageCall> call;
  };

  void Pump();
  // The next call, chosen round robin over methods; false when nothing waits. `expired` as in ModelQueue.
  bool Next(Call& call, Batch& expired) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish(std::shared_ptr<Call> call, absl::StatusOr<std::vector<StageResult>> results);
  // Sees to it that Expire is called at the deadline, or before.
  void Arm(absl::Time deadline);
  // Answers what workers still have and whose deadlines have passed; the workers go on.
  void Expire(absl::Time armed);

  // A stage that takes an instance at a time and is this quick gets up to kTogether in a call.
  static constexpr double kQuickUs = 300;
  static constexpr int64_t kTogether = 16;
  static constexpr int kMaxAttempts = 2;

  Executor* const executor_;
  std::atomic<uint64_t> idle_calls_{0};
  std::shared_ptr<StageRunner> runner_;  // set once
  std::function<Failure(uint32_t)> gone_;

  absl::Mutex mutex_;
  std::vector<std::vector<Stage>> stages_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Call>> running_ ABSL_GUARDED_BY(mutex_);  // in the hands of workers
  absl::Time armed_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  size_t next_method_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_STAGE_QUEUE_H_
