#include "core/serving/message.h"

#include "absl/strings/str_cat.h"

namespace mirin::serving {

Failure InvalidInputs(std::string text) {
  return {Code::kInvalidInputs, absl::StatusCode::kInvalidArgument, std::move(text)};
}

std::string NotAvailableText(absl::string_view servable, absl::string_view method, uint64_t version,
                             absl::string_view what) {
  const std::string asked = version == 0 ? "" : absl::StrCat(" version(", version, ") ");
  return absl::StrCat("Request servable(", servable, ") method(", method, ") ", asked, ", ", what,
                      " is not available");
}

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
