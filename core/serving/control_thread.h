// A thread for what blocks for seconds: loading and unloading on clients' demand.
#ifndef CORE_SERVING_CONTROL_THREAD_H_
#define CORE_SERVING_CONTROL_THREAD_H_

#include <deque>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace mirin::serving {

// Runs one thing after the other; the thread begins with the first.
class ControlThread {
 public:
  ~ControlThread() { Stop(); }
  // False when too much waits already, or after Stop.
  bool Run(absl::AnyInvocable<void()> work);
  // Finishes what was taken: somebody waits for each answer.
  void Stop();

 private:
  void Loop();
  bool Wakes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopped_ || !queue_.empty(); }

  absl::Mutex mutex_;
  std::deque<absl::AnyInvocable<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_CONTROL_THREAD_H_
