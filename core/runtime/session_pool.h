// Runs one model for many callers at once: a fixed number of workers, each a session, and a bounded queue in front of them.
//
// A request runs on its caller's thread as soon as a worker is free; waiting requests are served in
// the order of their arrival. Workers share the model's weights and plans: N of them cost N arenas.
// A request that fails, fails alone. On machines with more than one NUMA node each worker keeps to
// the CPUs of one, unless SessionOptions::cpus says where.
#ifndef CORE_RUNTIME_SESSION_POOL_H_
#define CORE_RUNTIME_SESSION_POOL_H_

#include <deque>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "core/runtime/cancel_source.h"
#include "core/runtime/session.h"

namespace mirin::runtime {

struct PoolOptions {
  // 0: as many as keep all CPUs of the process busy with the threads of each.
  int workers = 0;
  // Requests that may wait while all workers are busy; one more is ResourceExhausted. 0: none waits.
  int max_queue = 1000;
  // threads 0: the CPUs divided among the workers, at least one each.
  SessionOptions session;
};

struct PoolRunControl {
  CancelSource* cancel = nullptr;  // may be null; outlives the call
  // Of waiting and running together.
  Cancellation::Clock::time_point deadline = Cancellation::Clock::time_point::max();
};

class SessionPool {
 public:
  // InvalidArgument for numbers out of range; FailedPrecondition for a model that keeps state between runs.
  static absl::StatusOr<std::unique_ptr<SessionPool>> Create(std::shared_ptr<const Model> model,
                                                             const PoolOptions& options);
  // Waits for requests in progress; none may begin any more.
  ~SessionPool();
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  const Model& model() const { return *model_; }
  int workers() const { return static_cast<int>(sessions_.size()); }

  // From any number of threads. Every request may have shapes of its own. `buffers` is empty or one per output: where none is
  // given, the result has memory of its own. ResourceExhausted when the queue is full, DeadlineExceeded, Cancelled, or as
  // Session::Run.
  absl::StatusOr<std::vector<Tensor>> Run(absl::Span<const Tensor> inputs,
                                          absl::Span<const OutputBuffer> buffers,
                                          const PoolRunControl& control);

 private:
  struct Waiter {
    absl::CondVar ready;
    Session* session = nullptr;
  };

  SessionPool(std::shared_ptr<const Model> model, int max_queue)
      : model_(std::move(model)), max_queue_(max_queue) {}
  absl::StatusOr<Session*> Acquire(const PoolRunControl& control);
  absl::StatusOr<Session*> Wait(Waiter* waiter, const PoolRunControl& control);
  void Release(Session* session);

  const std::shared_ptr<const Model> model_;
  const int max_queue_;
  std::vector<std::unique_ptr<Session>> sessions_;
  absl::Mutex mutex_;
  std::vector<Session*> idle_ ABSL_GUARDED_BY(mutex_);
  std::deque<Waiter*> queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_SESSION_POOL_H_
