// Threads that run batches and their completions, and a timer.
#ifndef CORE_SERVING_ENGINE_EXECUTOR_H_
#define CORE_SERVING_ENGINE_EXECUTOR_H_

#include <deque>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mirin::serving {

class Executor {
 public:
  explicit Executor(int threads);
  // Runs what was submitted, forgets what waits for a time, and joins.
  ~Executor();

  void Submit(std::function<void()> task);
  // Submits at a time.
  void At(absl::Time time, std::function<void()> task);

 private:
  void Work();
  void Tick();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !tasks_.empty();
  }
  bool TimerMoved() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || (!timed_.empty() && timed_.begin()->first < wakes_at_);
  }

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, std::function<void()>> timed_ ABSL_GUARDED_BY(mutex_);
  absl::Time wakes_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::vector<std::thread> threads_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_EXECUTOR_H_
