#include "core/serving/worker/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace mirin::serving::worker {
namespace {

// The program's signals are for its own threads.
void BlockSignals() {
  sigset_t signals;
  ::sigfillset(&signals);
  for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) {
    ::sigdelset(&signals, own);
  }
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  if (!epoll.valid() || !wake.valid() ||
      ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("epoll: ", std::strerror(errno)));
  }
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

void EventLoop::Run() {
  thread_ = std::this_thread::get_id();
  BlockSignals();
  epoll_event events[16];
  while (!quit_) {
    const int ready = ::epoll_wait(epoll_.get(), events, 16, NextTimeout());
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.u64 == 0) {
        RunPosted();
        continue;
      }
      // an earlier handler may have ended this one
      const auto it = watched_.find(events[i].data.u64);
      if (it == watched_.end()) continue;
      const std::shared_ptr<Watched> watched = it->second;
      watched->handle(events[i].events);
    }
    RunTimers();
  }
}

void EventLoop::Quit() {
  Post([this] { quit_ = true; });
}

void EventLoop::Post(std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  posted_.push_back(std::move(task));
  const uint64_t one = 1;
  // fails only when it is readable already
  if (posted_.size() == 1) (void)!::write(wake_.get(), &one, sizeof(one));
}

void EventLoop::RunPosted() {
  std::vector<std::function<void()>> tasks;
  {
    absl::MutexLock lock(&mutex_);
    uint64_t count;
    (void)!::read(wake_.get(), &count, sizeof(count));
    tasks.swap(posted_);
  }
  for (std::function<void()>& task : tasks) task();
}

uint64_t EventLoop::Watch(int fd, uint32_t events, std::function<void(uint32_t)> handle) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = next_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return 0;
  watched_[next_] = std::make_shared<Watched>(Watched{fd, std::move(handle)});
  return next_++;
}

void EventLoop::Unwatch(uint64_t watch) {
  const auto it = watched_.find(watch);
  if (it == watched_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, it->second->fd, nullptr);
  watched_.erase(it);
}

void EventLoop::SetEvents(int fd, uint64_t watch, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = watch;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

uint64_t EventLoop::After(absl::Duration delay, std::function<void()> handle) {
  const uint64_t timer = next_++;
  if (delay > absl::Hours(24 * 365)) return timer;
  const Clock::time_point due = Clock::now() + std::chrono::nanoseconds(std::max<int64_t>(
                                                   0, absl::ToInt64Nanoseconds(delay)));
  due_[timer] = due;
  timers_[{due, timer}] = std::move(handle);
  return timer;
}

void EventLoop::Cancel(uint64_t timer) {
  const auto it = due_.find(timer);
  if (it == due_.end()) return;
  timers_.erase({it->second, timer});
  due_.erase(it);
}

int EventLoop::NextTimeout() const {
  if (timers_.empty()) return -1;
  const Clock::duration left = timers_.begin()->first.first - Clock::now();
  if (left <= Clock::duration::zero()) return 0;
  // up: a wait that ends before the time would spin
  const int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count() + 1;
  return static_cast<int>(std::min<int64_t>(ms, INT_MAX));
}

void EventLoop::RunTimers() {
  if (timers_.empty()) return;
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto timer = timers_.extract(timers_.begin());
    due_.erase(timer.key().second);
    timer.mapped()();
  }
}

}  // namespace mirin::serving::worker
