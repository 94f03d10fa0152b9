// One place of a pool: a process, and the one that takes its place when it ends.
#ifndef CORE_SERVING_WORKER_WORKER_H_
#define CORE_SERVING_WORKER_WORKER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/serving/metrics.h"
#include "core/serving/stage_runner.h"
#include "core/serving/worker/channel.h"
#include "core/serving/worker/event_loop.h"
#include "core/serving/worker/process.h"

namespace mirin::serving::worker {

// How long a place stays empty.
class Backoff {
 public:
  // served: how long the process that ended had been ready; 0 when it never was. At once at first; 0.1 s doubling to 10 s for those
  // that end within 10 s of being ready; a good minute makes up for all that was.
  absl::Duration Next(absl::Duration served);

 private:
  int short_lives_ = 0;
};

// What a worker tells its pool; on the loop's thread.
class WorkerOwner {
 public:
  virtual ~WorkerOwner() = default;
  // Ok: that is the description which the others gave.
  virtual absl::Status Described(absl::string_view json) = 0;
  virtual void Ready() = 0;
  virtual void Idle() = 0;
  // A process ended, and `why`. was_ready: it is one less that answers.
  virtual void Ended(const absl::Status& why, bool was_ready) = 0;
};

// For the loop's thread, but for TryTake. The loop, the owner, the options and the metrics outlive it.
class Worker {
 public:
  Worker(uint32_t index, const WorkerPoolOptions* options, Metrics* metrics, EventLoop* loop,
         WorkerOwner* owner)
      : index_(index), options_(*options), metrics_(metrics), loop_(*loop), owner_(*owner) {}

  // Starts the process; it stops once it is described unless `load`.
  void Start(bool load);
  // Lets a process go on that was only described; starts one when there is none.
  void Load();
  // From now on a process that ends is replaced.
  void Supervise() { supervised_ = true; }
  // Asks it to exit once its call is answered; there is none after it.
  void Stop();
  void Kill(absl::string_view reason);
  // After the loop: gives up a process that does not even end when it is killed.
  void Abandon();
  bool running() const { return process_ != nullptr; }
  // Ends it if its call has taken longer than that; returns when to look again, infinite when there is no call.
  absl::Duration CheckHang(absl::Duration timeout);

  // Any thread. True: it was idle, and has the call now; `done` was taken.
  bool TryTake(const StageCall& call, StageRunner::Done* done);

 private:
  enum class State { kNone, kDescribing, kDescribed, kLoading, kIdle, kBusy, kEnding };
  struct Call {
    uint64_t id;
    size_t instances;
    StageRunner::Done done;
    EventLoop::Clock::time_point started;
  };

  std::string Name() const;
  Process::Command Command() const;
  std::string Hello() const;
  void Launch();
  absl::Status Watch();
  void ArmStartTimer();

  void ReadSocket();
  void ReadStderr();
  absl::Status TakeFrame(const Frame& frame);
  absl::Status TakeDescription(const Frame& frame);
  absl::Status TakeReply(const Frame& frame);
  absl::Status TakeModelCall(const Frame& frame);
  // Why the process must end, and its end.
  void End(absl::string_view reason, absl::string_view what);
  void HasEnded();
  absl::Status WhyEnded(const Exit& exit);
  void Replace(absl::Duration served);
  // It gets no calls any more.
  bool leaving() const { return stopping_ || gone_ || !reason_.empty(); }
  State state() const;
  void SetState(State state);
  // The call in progress, with what comes after it.
  std::optional<Call> TakeCall();
  void Answer(Call call, absl::StatusOr<std::vector<StageResult>> results);

  const uint32_t index_;
  const WorkerPoolOptions& options_;
  Metrics* const metrics_;
  EventLoop& loop_;
  WorkerOwner& owner_;

  bool load_ = false, supervised_ = false, stopping_ = false;
  bool gone_ = false;  // it closed its socket, or ended
  std::unique_ptr<Process> process_;
  uint64_t socket_watch_ = 0, pid_watch_ = 0, stderr_watch_ = 0;
  uint64_t start_timer_ = 0, restart_timer_ = 0;
  std::string failure_;               // FAILED's text
  std::string ended_by_us_, reason_;  // why it was killed; "hang", "crash" or "exit"
  std::optional<EventLoop::Clock::time_point> ready_since_;
  Backoff backoff_;
  std::shared_ptr<std::atomic<int>> model_calls_;  // that wait for their reply

  std::shared_ptr<Channel>
      channel_;  // changed under mutex_; only the loop's thread, which changes it, reads it without
  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kNone;
  std::optional<Call> call_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace mirin::serving::worker

#endif  // CORE_SERVING_WORKER_WORKER_H_
