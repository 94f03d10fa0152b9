#include "core/serving/control_thread.h"

#include <utility>

namespace mirin::serving {

bool ControlThread::Run(absl::AnyInvocable<void()> work) {
  constexpr size_t kMaxWaiting = 64;
  absl::MutexLock lock(&mutex_);
  if (stopped_ || queue_.size() >= kMaxWaiting) return false;
  queue_.push_back(std::move(work));
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
  return true;
}

void ControlThread::Loop() {
  for (;;) {
    absl::AnyInvocable<void()> work;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &ControlThread::Wakes));
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

void ControlThread::Stop() {
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    thread.swap(thread_);
  }
  if (thread.joinable()) thread.join();
}

}  // namespace mirin::serving
