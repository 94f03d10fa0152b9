// Something that callers cancel: one flag for any number of runs, which also wakes those that wait. Thread-safe.
#ifndef CORE_RUNTIME_CANCEL_SOURCE_H_
#define CORE_RUNTIME_CANCEL_SOURCE_H_

#include <algorithm>
#include <functional>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "core/backend/kernel.h"

namespace mirin::runtime {

class CancelSource {
 public:
  // For good: runs with this source end, later ones do not begin.
  void Cancel() {
    absl::MutexLock lock(&mutex_);
    cancellation_.Cancel();
    for (const std::function<void()>* wake : listeners_) (*wake)();
  }
  const Cancellation& cancellation() const { return cancellation_; }

  // Calls `wake` once when the source is cancelled, while the listener lives; not if it was before. A null source never is.
  // `wake` must not use the source.
  class Listener {
   public:
    Listener(CancelSource* source, std::function<void()> wake)
        : source_(source), wake_(std::move(wake)) {
      if (source_ == nullptr) return;
      absl::MutexLock lock(&source_->mutex_);
      source_->listeners_.push_back(&wake_);
    }
    ~Listener() {
      if (source_ == nullptr) return;
      absl::MutexLock lock(&source_->mutex_);
      auto& all = source_->listeners_;
      all.erase(std::find(all.begin(), all.end(), &wake_));
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    CancelSource* source_;
    std::function<void()> wake_;
  };

 private:
  absl::Mutex mutex_;
  Cancellation cancellation_;
  std::vector<const std::function<void()>*> listeners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_CANCEL_SOURCE_H_
