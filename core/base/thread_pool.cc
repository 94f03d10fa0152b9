#include "core/base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "tbb/blocked_range.h"
#include "tbb/parallel_for.h"
#include "tbb/partitioner.h"
#include "tbb/task_arena.h"

namespace mirin {
namespace {

// Quota divided by period, rounded up; 0 when there is none.
int CgroupCpus() {
  double quota = -1;
  double period = 0;
  if (std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "re")) {
    if (std::fscanf(f, "%lf %lf", &quota, &period) != 2) quota = -1;  // "max 100000": no quota
    std::fclose(f);
  } else {
    if (std::FILE* q = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re")) {
      if (std::fscanf(q, "%lf", &quota) != 1) quota = -1;
      std::fclose(q);
    }
    if (std::FILE* p = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re")) {
      if (std::fscanf(p, "%lf", &period) != 1) period = 0;
      std::fclose(p);
    }
  }
  if (quota <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>((quota + period - 1) / period));
}

}  // namespace

int AvailableCpus() {
  static const int kCpus = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    const int quota = CgroupCpus();
    if (quota > 0) cpus = std::min(cpus, quota);
    return std::max(1, cpus);
  }();
  return kCpus;
}

struct ThreadShare::Arena {
  explicit Arena(int threads) : arena(threads) {}
  tbb::task_arena arena;
};

ThreadShare::ThreadShare(int threads)
    : threads_(threads <= 0 ? AvailableCpus() : std::min(threads, AvailableCpus() * 4)),
      arena_(std::make_unique<Arena>(threads_)) {}

ThreadShare::~ThreadShare() = default;

void ThreadShare::ParallelFor(int64_t n, int64_t grain,
                              absl::FunctionRef<void(int64_t begin, int64_t end)> fn) const {
  if (n <= 0) return;
  grain = std::max<int64_t>(1, grain);
  if (threads_ == 1 || n <= grain) {
    fn(0, n);
    return;
  }
  const auto body = [&fn](const tbb::blocked_range<int64_t>& r) { fn(r.begin(), r.end()); };
  // Several ranges per thread, taken dynamically: one busy core does not hold up the rest.
  const int64_t step = std::max(grain, (n + threads_ * 4 - 1) / (threads_ * 4));
  arena_->arena.execute(
      [&] { tbb::parallel_for(tbb::blocked_range<int64_t>(0, n, step), body, tbb::simple_partitioner()); });
}

void ThreadShare::ParallelForWorkers(int64_t n, int64_t grain,
                                     absl::FunctionRef<void(int64_t begin, int64_t end, int worker)> fn) const {
  if (threads_ == 1 || n <= std::max<int64_t>(1, grain)) {
    if (n > 0) fn(0, n, 0);
    return;
  }
  ParallelFor(n, grain, [&fn](int64_t begin, int64_t end) { fn(begin, end, tbb::this_task_arena::current_thread_index()); });
}

void ThreadShare::Enter(absl::FunctionRef<void()> fn) const { arena_->arena.execute([&fn] { fn(); }); }

}  // namespace mirin
