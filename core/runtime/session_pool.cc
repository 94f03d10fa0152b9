#include "core/runtime/session_pool.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/base/cpus.h"
#include "core/base/status.h"

namespace mirin::runtime {
namespace {

constexpr int kMaxWorkers = 1024;
constexpr int kMaxQueue = 1 << 20;

absl::StatusOr<Tensor> OwnCopy(const Tensor& tensor) {
  if (tensor.dtype() == DType::kString) {
    const auto texts = tensor.strings();
    return Tensor::FromStrings(tensor.dims(), std::vector<std::string>(texts.begin(), texts.end()));
  }
  MIRIN_ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(tensor.dtype(), tensor.dims()));
  if (tensor.bytes() > 0) std::memcpy(copy.mutable_data(), tensor.data(), tensor.bytes());
  return copy;
}

absl::Status TooLate() {
  return absl::DeadlineExceededError("the deadline passed before a worker was free");
}

// Far deadlines are none: absl's clock has a shorter range.
absl::Time AsTime(Cancellation::Clock::time_point deadline) {
  if (deadline == Cancellation::Clock::time_point::max()) return absl::InfiniteFuture();
  return absl::Now() + absl::FromChrono(deadline - Cancellation::Clock::now());
}

}  // namespace

absl::StatusOr<std::unique_ptr<SessionPool>> SessionPool::Create(std::shared_ptr<const Model> model,
                                                                 const PoolOptions& options) {
  if (options.workers < 0 || options.workers > kMaxWorkers)
    return absl::InvalidArgumentError(
        absl::StrCat("workers is ", options.workers, ", expected 0 (automatic) to ", kMaxWorkers));
  if (options.max_queue < 0 || options.max_queue > kMaxQueue)
    return absl::InvalidArgumentError(
        absl::StrCat("max_queue is ", options.max_queue, ", expected 0 to ", kMaxQueue));
  if (!model->states().empty())
    return absl::FailedPreconditionError("the model keeps state between runs: use a session");
  SessionOptions session_options = options.session;
  const int cpus = AvailableCpus();
  const int workers = options.workers > 0
                          ? options.workers
                          : std::max(1, cpus / std::max(1, session_options.threads));
  if (session_options.threads == 0) session_options.threads = std::max(1, cpus / workers);
  // A worker's memory and threads stay on one node; weights are shared by all.
  const std::vector<std::vector<int>> nodes = NumaNodes();
  const bool spread = nodes.size() > 1 && workers > 1 && session_options.cpus.empty();
  std::unique_ptr<SessionPool> pool(new SessionPool(model, options.max_queue));
  for (int i = 0; i < workers; ++i) {
    if (spread) session_options.cpus = nodes[i % nodes.size()];
    MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                           Session::Create(model, session_options));
    pool->sessions_.push_back(std::move(session));
  }
  absl::MutexLock lock(&pool->mutex_);
  for (const auto& session : pool->sessions_) pool->idle_.push_back(session.get());
  return pool;
}

SessionPool::~SessionPool() {
  absl::MutexLock lock(&mutex_);
  const auto all_idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return idle_.size() == sessions_.size() && queue_.empty();
  };
  mutex_.Await(absl::Condition(&all_idle));
}

absl::StatusOr<std::vector<Tensor>> SessionPool::Run(absl::Span<const Tensor> inputs,
                                                     absl::Span<const OutputBuffer> buffers,
                                                     const PoolRunControl& control) {
  MIRIN_ASSIGN_OR_RETURN(Session * session, Acquire(control));
  struct Returned {
    SessionPool* pool;
    Session* session;
    ~Returned() { pool->Release(session); }
  } returned{this, session};
  RunControl run;
  run.cancellation = control.cancel == nullptr ? nullptr : &control.cancel->cancellation();
  run.deadline = control.deadline;
  MIRIN_ASSIGN_OR_RETURN(const absl::Span<const Tensor> outputs,
                         session->RunInto(inputs, buffers, run));
  std::vector<Tensor> results;
  results.reserve(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!buffers.empty() && buffers[i].data != nullptr) {
      results.push_back(outputs[i]);
      continue;
    }
    MIRIN_ASSIGN_OR_RETURN(Tensor copy, OwnCopy(outputs[i]));
    results.push_back(std::move(copy));
  }
  return results;
}

absl::StatusOr<Session*> SessionPool::Acquire(const PoolRunControl& control) {
  if (control.cancel != nullptr && control.cancel->cancellation().requested())
    return absl::CancelledError("the request was cancelled");
  Waiter waiter;
  {
    absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      Session* session = idle_.back();  // the one used last is the warmest
      idle_.pop_back();
      return session;
    }
    if (static_cast<int>(queue_.size()) >= max_queue_) {
      return absl::ResourceExhaustedError(absl::StrCat("all ", sessions_.size(),
                                                       " workers are busy and ", queue_.size(),
                                                       " requests wait: no more are taken"));
    }
    queue_.push_back(&waiter);
  }
  // Made and ended without the pool's lock: a cancellation holds its own lock when it asks for this one.
  const CancelSource::Listener listener(control.cancel, [&] {
    absl::MutexLock lock(&mutex_);
    waiter.ready.Signal();
  });
  return Wait(&waiter, control);
}

absl::StatusOr<Session*> SessionPool::Wait(Waiter* waiter, const PoolRunControl& control) {
  const absl::Time deadline = AsTime(control.deadline);
  absl::MutexLock lock(&mutex_);
  while (waiter->session == nullptr) {
    const bool cancelled = control.cancel != nullptr && control.cancel->cancellation().requested();
    if (cancelled || absl::Now() >= deadline) {
      queue_.erase(std::find(queue_.begin(), queue_.end(), waiter));
      return cancelled ? absl::CancelledError("the request was cancelled while it waited")
                       : TooLate();
    }
    waiter->ready.WaitWithDeadline(&mutex_, deadline);
  }
  return waiter->session;
}

void SessionPool::Release(Session* session) {
  absl::MutexLock lock(&mutex_);
  if (queue_.empty()) {
    idle_.push_back(session);
    return;
  }
  Waiter* next = queue_.front();
  queue_.pop_front();
  next->session = session;
  next->ready.Signal();
}

}  // namespace mirin::runtime
