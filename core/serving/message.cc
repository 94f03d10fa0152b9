#include "core/serving/message.h"

namespace mirin::serving {

bool Cancellation::cancelled() const {
  absl::MutexLock lock(&mutex_);
  return cancelled_;
}

void Cancellation::Cancel() {
  absl::MutexLock lock(&mutex_);
  if (cancelled_) return;
  cancelled_ = true;
  if (hook_) hook_();
  hook_ = nullptr;
}

void Cancellation::SetHook(std::function<void()> hook) {
  absl::MutexLock lock(&mutex_);
  if (cancelled_) {
    hook();
    return;
  }
  hook_ = std::move(hook);
}

void Cancellation::ClearHook() {
  absl::MutexLock lock(&mutex_);
  hook_ = nullptr;
}

}  // namespace mirin::serving
