// One thread that waits for descriptors and times.
#ifndef CORE_SERVING_WORKER_EVENT_LOOP_H_
#define CORE_SERVING_WORKER_EVENT_LOOP_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/base/descriptor.h"

namespace mirin::serving::worker {

// Post, Quit, OnThread and SetEvents are for any thread, the rest for the loop's own. It sleeps while there is nothing to do.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;

  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();

  // Until Quit; the calling thread becomes the loop's.
  void Run();
  void Quit();
  // Runs `task` on the loop; those that are left when Run returns never run.
  void Post(std::function<void()> task);
  bool OnThread() const { return thread_.load() == std::this_thread::get_id(); }

  // handle(events) runs while a descriptor has `events` (EPOLLIN ..), until Unwatch; 0 when it cannot be watched.
  uint64_t Watch(int fd, uint32_t events, std::function<void(uint32_t)> handle);
  void Unwatch(uint64_t watch);
  // fd: that was watched, still open.
  void SetEvents(int fd, uint64_t watch, uint32_t events);

  // An infinite delay never comes.
  uint64_t After(absl::Duration delay, std::function<void()> handle);
  void Cancel(uint64_t timer);

 private:
  EventLoop(Descriptor epoll, Descriptor wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  int NextTimeout() const;
  void RunTimers();
  void RunPosted();

  struct Watched {
    int fd;
    std::function<void(uint32_t)> handle;
  };
  const Descriptor epoll_, wake_;
  std::atomic<std::thread::id> thread_{};
  std::atomic<bool> quit_{false};
  uint64_t next_ = 1;  // 0 is the wake descriptor
  absl::flat_hash_map<uint64_t, std::shared_ptr<Watched>> watched_;
  std::map<std::pair<Clock::time_point, uint64_t>, std::function<void()>> timers_;
  absl::flat_hash_map<uint64_t, Clock::time_point> due_;
  absl::Mutex mutex_;
  std::vector<std::function<void()>> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::serving::worker

#endif  // CORE_SERVING_WORKER_EVENT_LOOP_H_
