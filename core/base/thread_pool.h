// The process's threads and a session's share of them.
//
// There is one pool per process (TBB's), sized once from CPU affinity and the cgroup quota; oneDNN runs in the same pool.
// A ThreadShare bounds how many threads one session uses at a time. Kernels only ever call ParallelFor.
#ifndef CORE_BASE_THREAD_POOL_H_
#define CORE_BASE_THREAD_POOL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"

namespace mirin {

class ThreadShare {
 public:
  // At most `threads` threads work for this share, the caller's included; 0 means AvailableCpus().
  // Larger numbers are cut to AvailableCpus() times 4. When `cpus` are given, what runs through
  // Enter and ParallelFor runs on these only, and 0 threads are as many.
  explicit ThreadShare(int threads, const std::vector<int>& cpus = {});
  ~ThreadShare();
  ThreadShare(const ThreadShare&) = delete;
  ThreadShare& operator=(const ThreadShare&) = delete;

  int threads() const { return threads_; }
  // Work of one thread is done by the caller as it is: a pinned share wants it inside Enter.
  bool pinned() const { return pinned_; }

  // Calls fn(begin, end) for disjoint ranges that cover [0, n), each about `grain` long or longer, possibly at
  // the same time on several threads, and returns when all are done. Runs on the caller alone when n <= grain or
  // threads() == 1. Every thread works in the caller's float mode. Choose `grain` so that a range is worth
  // 10 microseconds or more. fn must not throw.
  void ParallelFor(int64_t n, int64_t grain,
                   absl::FunctionRef<void(int64_t begin, int64_t end)> fn) const;

  // The same with the number of the working thread, in [0, threads()): no two calls at the same time have the same one.
  void ParallelForWorkers(int64_t n, int64_t grain,
                          absl::FunctionRef<void(int64_t begin, int64_t end, int worker)> fn) const;

  // Runs fn on this thread inside the share, so that libraries over the same pool (oneDNN) see its thread count. With several
  // threads, what they run in parallel flushes subnormals.
  void Enter(absl::FunctionRef<void()> fn) const;

 private:
  struct Arena;
  const int threads_;
  const bool pinned_;
  std::unique_ptr<Arena> arena_;
};

}  // namespace mirin

#endif  // CORE_BASE_THREAD_POOL_H_
