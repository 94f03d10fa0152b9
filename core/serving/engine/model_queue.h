// The queue of one subgraph of one model: takes instances of any methods and callers, makes batches of them and runs those.
#ifndef CORE_SERVING_ENGINE_MODEL_QUEUE_H_
#define CORE_SERVING_ENGINE_MODEL_QUEUE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/serving/engine/executor.h"
#include "core/serving/engine/served_model.h"
#include "core/serving/engine/work.h"
#include "core/serving/message.h"

namespace mirin::serving {

struct ModelWork : Work {
  std::string session;
  bool strict = false;  // shapes, not only sizes, must be the model's
  int32_t priority = 0;
  absl::Duration max_delay = absl::ZeroDuration();  // it may wait that long for others
};

// Owned by shared pointers: tasks of the executor may outlive the servable.
class ModelQueue : public std::enable_shared_from_this<ModelQueue> {
 public:
  ModelQueue(std::shared_ptr<ServedModel> model, size_t subgraph, Executor* executor)
      : model_(std::move(model)), subgraph_(subgraph), executor_(executor) {}

  // Takes over; each work's `done` is called once, on this thread (when `run_here` and the model is quick and idle, or the instance
  // does not fit the model) or on the executor's.
  void Enqueue(std::vector<std::unique_ptr<ModelWork>> works, bool run_here);

 private:
  using Batch = std::vector<std::unique_ptr<ModelWork>>;

  // Takes the next batch when one may run now, and marks a replica busy; else empty. `expired` gets works that nobody waits for.
  Batch Take(Batch& expired) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Runs batches on this thread until none may run.
  void Drain();
  void Run(Batch batch);
  bool IsQuick() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return mean_us_ >= 0 && mean_us_ < kQuickUs;
  }

  // A run that is this quick is not worth a switch of threads.
  static constexpr double kQuickUs = 200;
  // Entries that are looked at to fill a batch.
  static constexpr size_t kScan = 256;

  const std::shared_ptr<ServedModel> model_;
  const size_t subgraph_;
  Executor* const executor_;

  absl::Mutex mutex_;
  // priority (0 is after all others) -> in order of arrival
  std::map<uint32_t, std::deque<std::unique_ptr<ModelWork>>> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  int32_t busy_ ABSL_GUARDED_BY(mutex_) = 0;
  double mean_us_ ABSL_GUARDED_BY(mutex_) = -1;  // of a run, moving; -1: not known
  absl::Time timer_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_MODEL_QUEUE_H_
