// The workers of one servable, and their thread.
#include <string.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/base/status.h"
#include "core/serving/stage_runner.h"
#include "core/serving/worker/event_loop.h"
#include "core/serving/worker/worker.h"

namespace mirin::serving {
namespace worker {
namespace {

constexpr absl::Duration kExitTime = absl::Seconds(2);  // of workers that have nothing to finish
constexpr absl::Duration kKillTime =
    absl::Seconds(5);  // of processes that hang in the kernel; they are left then

// Held by the handle and by its own thread, so that the handle may go on that thread.
class Pool : public WorkerOwner, public std::enable_shared_from_this<Pool> {
 public:
  Pool(WorkerPoolOptions options, Metrics* metrics, std::unique_ptr<EventLoop> loop)
      : options_(std::move(options)), loop_(std::move(loop)) {
    for (uint32_t i = 0; i < std::max(options_.workers, 1u); ++i) {
      workers_.push_back(std::make_unique<Worker>(i, &options_, metrics, loop_.get(), this));
    }
  }
  ~Pool() override { ::explicit_bzero(&options_.key[0], options_.key.size()); }

  void Launch() {
    thread_ = std::thread([self = shared_from_this()] { self->loop_->Run(); });
  }
  absl::StatusOr<std::string> Describe();
  absl::Status Start();
  bool TryRun(const StageCall& call, StageRunner::Done done);
  size_t Capacity() const { return workers_.size(); }
  size_t Alive() const { return alive_; }
  void SetIdleCallback(std::function<void()> idle);
  void Stop(absl::Time deadline);

 private:
  absl::Status Described(absl::string_view json) override;
  void Ready() override;
  void Idle() override;
  void Ended(const absl::Status& why, bool was_ready) override;

  // Waits until it is so, or cannot be any more.
  template <class Reached>
  absl::Status Await(Reached reached);
  void Cancel();
  bool Take(const StageCall& call, StageRunner::Done* done);
  void Notify();
  void WatchForHangs();
  void KillAll();
  // Ends the thread when nobody is there to wait for it.
  void EndAlone();
  // Of the loop's thread.
  bool NoneRuns() const;

  WorkerPoolOptions options_;
  const std::unique_ptr<EventLoop> loop_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<size_t> next_{0}, alive_{0};
  std::atomic<bool> refused_{false}, hang_watch_{false}, stopping_{false};

  // Of the loop's thread.
  bool loading_ = false, ending_alone_ = false;

  absl::Mutex stop_mutex_;
  std::thread thread_;

  absl::Mutex mutex_;
  bool described_ ABSL_GUARDED_BY(mutex_) = false;
  std::string description_ ABSL_GUARDED_BY(mutex_);
  size_t ready_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);  // to start
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool none_runs_ ABSL_GUARDED_BY(mutex_) = false;  // after Stop
  std::shared_ptr<const std::function<void()>> idle_ ABSL_GUARDED_BY(mutex_);
};

// Ends a wait when its caller is told to give up.
class CancellationHook {
 public:
  CancellationHook(Cancellation* cancellation, std::function<void()> cancel)
      : cancellation_(cancellation) {
    if (cancellation_ != nullptr) cancellation_->SetHook(std::move(cancel));
  }
  ~CancellationHook() {
    if (cancellation_ != nullptr) cancellation_->ClearHook();
  }

 private:
  Cancellation* const cancellation_;
};

template <class Reached>
absl::Status Pool::Await(Reached reached) {
  const CancellationHook hook(options_.cancellation.get(), [this] { Cancel(); });
  absl::MutexLock lock(&mutex_);
  const auto known = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return cancelled_ || !failure_.ok() || reached();
  };
  mutex_.Await(absl::Condition(&known));
  return cancelled_ ? absl::CancelledError("stopped while its workers started") : failure_;
}

void Pool::Cancel() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
}

absl::StatusOr<std::string> Pool::Describe() {
  loop_->Post([this] { workers_[0]->Start(/*load=*/false); });
  const absl::Status described = Await([this] { return described_; });
  if (!described.ok()) {
    Stop(absl::InfinitePast());
    return described;
  }
  absl::MutexLock lock(&mutex_);
  return description_;
}

absl::Status Pool::Start() {
  loop_->Post([this] {
    loading_ = true;
    for (const auto& worker : workers_) worker->Load();
  });
  absl::Status started = Await([this] { return ready_ >= workers_.size(); });
  if (!started.ok()) Stop(absl::InfinitePast());
  return started;
}

absl::Status Pool::Described(absl::string_view json) {
  absl::MutexLock lock(&mutex_);
  if (!described_) {
    described_ = true;
    description_ = std::string(json);
  } else if (json != description_) {
    return absl::FailedPreconditionError(
        "servable_config.py is not what it was when the servable was loaded");
  }
  return absl::OkStatus();
}

void Pool::Ready() {
  ++alive_;
  bool all = false;
  {
    absl::MutexLock lock(&mutex_);
    all = ++ready_ == workers_.size();
  }
  if (all) {
    for (const auto& worker : workers_) worker->Supervise();
  }
  Notify();
}

void Pool::Idle() {
  if (refused_.exchange(false)) Notify();
}

void Pool::Ended(const absl::Status& why, bool was_ready) {
  if (was_ready) --alive_;
  {
    absl::MutexLock lock(&mutex_);
    // one that ends between the two is started again
    const bool needed = !described_ || (loading_ && ready_ < workers_.size());
    if (needed && failure_.ok()) failure_ = why;
    if (stopping_ && NoneRuns()) none_runs_ = true;
  }
  if (was_ready) Notify();
  EndAlone();
}

void Pool::EndAlone() {
  if (ending_alone_ && NoneRuns()) loop_->Quit();
}

bool Pool::NoneRuns() const {
  return std::none_of(workers_.begin(), workers_.end(),
                      [](const auto& worker) { return worker->running(); });
}

bool Pool::Take(const StageCall& call, StageRunner::Done* done) {
  const size_t first = next_;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const size_t at = (first + i) % workers_.size();
    if (!workers_[at]->TryTake(call, done)) continue;
    next_ = at + 1;
    return true;
  }
  return false;
}

bool Pool::TryRun(const StageCall& call, StageRunner::Done done) {
  if (stopping_) return false;
  if (!Take(call, &done)) {
    // one that gets idle between the two looks is seen by the second, one after it calls back
    refused_ = true;
    if (!Take(call, &done)) return false;
  }
  if (options_.call_timeout != absl::InfiniteDuration() && !hang_watch_.exchange(true)) {
    loop_->Post([this] { WatchForHangs(); });
  }
  return true;
}

// Looks again when the oldest call gets too old, whatever came since: not once for each call.
void Pool::WatchForHangs() {
  const auto look = [this] {
    absl::Duration next = absl::InfiniteDuration();
    for (const auto& worker : workers_)
      next = std::min(next, worker->CheckHang(options_.call_timeout));
    return next;
  };
  absl::Duration next = look();
  if (next == absl::InfiniteDuration()) {
    hang_watch_ = false;
    // of a call that began before TryRun could see the watch's end
    next = look();
    if (next == absl::InfiniteDuration() || hang_watch_.exchange(true)) return;
  }
  loop_->After(next, [this] { WatchForHangs(); });
}

void Pool::SetIdleCallback(std::function<void()> idle) {
  absl::MutexLock lock(&mutex_);
  idle_ =
      idle == nullptr ? nullptr : std::make_shared<const std::function<void()>>(std::move(idle));
}

void Pool::Notify() {
  std::shared_ptr<const std::function<void()>> idle;
  {
    absl::MutexLock lock(&mutex_);
    idle = idle_;
  }
  if (idle != nullptr) (*idle)();
}

void Pool::KillAll() {
  for (const auto& worker : workers_) worker->Kill("exit");
}

void Pool::Stop(absl::Time deadline) {
  stopping_ = true;
  Cancel();
  const auto stop = [self = shared_from_this()] {
    for (const auto& worker : self->workers_) worker->Stop();
    absl::MutexLock lock(&self->mutex_);
    if (self->NoneRuns()) self->none_runs_ = true;
  };
  absl::MutexLock only_one(&stop_mutex_);
  if (!thread_.joinable()) return;
  if (loop_->OnThread()) {
    // nothing can be waited for here: the thread goes on until all have ended, and frees this
    stop();
    KillAll();
    ending_alone_ = true;
    EndAlone();
    thread_.detach();
    return;
  }
  loop_->Post(stop);
  {
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithDeadline(absl::Condition(&none_runs_), deadline)) {
      loop_->Post([this] { KillAll(); });
      mutex_.AwaitWithTimeout(absl::Condition(&none_runs_), kKillTime);
    }
  }
  loop_->Quit();
  thread_.join();
  for (const auto& worker : workers_) worker->Abandon();
}

class Runner : public StageRunner {
 public:
  explicit Runner(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
  ~Runner() override { pool_->Stop(absl::Now() + kExitTime); }
  absl::Status Start() override { return pool_->Start(); }
  bool TryRun(const std::shared_ptr<StageCall>& call, Done done) override {
    return pool_->TryRun(*call, std::move(done));
  }
  size_t Capacity() const override { return pool_->Capacity(); }
  size_t Alive() const override { return pool_->Alive(); }
  void SetIdleCallback(std::function<void()> idle) override {
    pool_->SetIdleCallback(std::move(idle));
  }
  void Stop(absl::Time deadline) override { pool_->Stop(deadline); }

 private:
  const std::shared_ptr<Pool> pool_;
};

}  // namespace
}  // namespace worker

absl::StatusOr<Description> StartWorkers(WorkerPoolOptions options, Metrics* metrics) {
  if (options.python.empty()) return absl::InvalidArgumentError("no Python interpreter is set");
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<worker::EventLoop> loop, worker::EventLoop::Create());
  auto pool = std::make_shared<worker::Pool>(std::move(options), metrics, std::move(loop));
  pool->Launch();
  auto runner = std::make_shared<worker::Runner>(pool);
  MIRIN_ASSIGN_OR_RETURN(std::string json, pool->Describe());
  return Description{std::move(json), std::move(runner)};
}

}  // namespace mirin::serving
