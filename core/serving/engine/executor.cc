#include "core/serving/engine/executor.h"

#include <utility>

namespace mirin::serving {

Executor::Executor(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
  threads_.emplace_back([this] { Tick(); });
}

Executor::~Executor() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void Executor::Submit(std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  tasks_.push_back(std::move(task));
}

void Executor::At(absl::Time time, std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  timed_.emplace(time, std::move(task));
}

void Executor::Work() {
  for (;;) {
    std::function<void()> task;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Executor::HasWork));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

void Executor::Tick() {
  absl::MutexLock lock(&mutex_);
  while (!stopping_) {
    while (!timed_.empty() && timed_.begin()->first <= absl::Now()) {
      tasks_.push_back(std::move(timed_.begin()->second));
      timed_.erase(timed_.begin());
    }
    wakes_at_ = timed_.empty() ? absl::InfiniteFuture() : timed_.begin()->first;
    mutex_.AwaitWithDeadline(absl::Condition(this, &Executor::TimerMoved), wakes_at_);
  }
}

}  // namespace mirin::serving
