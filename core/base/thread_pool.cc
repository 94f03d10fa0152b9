#include "core/base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <vector>

#include "core/base/cpus.h"
#include "core/base/float_mode.h"
#include "tbb/blocked_range.h"
#include "tbb/parallel_for.h"
#include "tbb/partitioner.h"
#include "tbb/task_arena.h"
#include "tbb/task_scheduler_observer.h"
#if defined(MIRIN_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace mirin {
namespace {

// Work has its caller's float mode, whichever thread does it. And tells ThreadSanitizer, which does not see into TBB, that work begins
// after what its caller did before, and that the caller goes on after it. This file is built without it (.bazelrc): TBB's headers would
// look like races, too.
class Handover {
 public:
  Handover() { Release(&begin_); }
  ~Handover() { Acquire(&end_); }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  template <typename Fn>
  void Work(Fn fn) {
    Acquire(&begin_);
    const InFloatMode scope(mode_);
    fn();
    Release(&end_);
  }

 private:
#if defined(MIRIN_TSAN)
  static void Acquire(char* at) { __tsan_acquire(at); }
  static void Release(char* at) { __tsan_release(at); }
#else
  static void Acquire(char*) {}
  static void Release(char*) {}
#endif
  const FloatMode mode_ = ThisThreadsFloatMode();
  char begin_ = 0, end_ = 0;
};

// Threads in an arena run on the given CPUs only; they get their own mask back when they leave.
class Pin : public tbb::task_scheduler_observer {
 public:
  Pin(tbb::task_arena& arena, const std::vector<int>& cpus) : tbb::task_scheduler_observer(arena) {
    CPU_ZERO(&cpus_);
    for (int cpu : cpus) {
      if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &cpus_);
    }
    observe(true);
  }
  ~Pin() override { observe(false); }

  void on_scheduler_entry(bool) override {
    cpu_set_t before;
    if (sched_getaffinity(0, sizeof before, &before) != 0) CPU_ZERO(&before);
    masks().push_back(before);
    sched_setaffinity(0, sizeof cpus_, &cpus_);
  }
  void on_scheduler_exit(bool) override {
    if (masks().empty()) return;
    if (CPU_COUNT(&masks().back()) > 0) sched_setaffinity(0, sizeof(cpu_set_t), &masks().back());
    masks().pop_back();
  }

 private:
  // A thread may be in arenas inside arenas.
  static std::vector<cpu_set_t>& masks() {
    thread_local std::vector<cpu_set_t> masks;
    return masks;
  }
  cpu_set_t cpus_;
};

int ThreadCount(int threads, const std::vector<int>& cpus) {
  if (threads > 0) return std::min(threads, AvailableCpus() * 4);
  return cpus.empty() ? AvailableCpus() : std::min(AvailableCpus(), static_cast<int>(cpus.size()));
}

}  // namespace

struct ThreadShare::Arena {
  explicit Arena(int threads) : arena(threads) {}
  tbb::task_arena arena;
  std::unique_ptr<Pin> pin;
};

ThreadShare::ThreadShare(int threads, const std::vector<int>& cpus)
    : threads_(ThreadCount(threads, cpus)),
      pinned_(!cpus.empty()),
      arena_(std::make_unique<Arena>(threads_)) {
  if (threads_ > 1) {
    // What libraries run in parallel by themselves gets the mode of the moment at which the arena is made.
    const SubnormalFlush flush(true);
    arena_->arena.initialize();
  }
  if (pinned_) arena_->pin = std::make_unique<Pin>(arena_->arena, cpus);
}

ThreadShare::~ThreadShare() = default;

void ThreadShare::ParallelFor(int64_t n, int64_t grain,
                              absl::FunctionRef<void(int64_t begin, int64_t end)> fn) const {
  if (n <= 0) return;
  grain = std::max<int64_t>(1, grain);
  if (threads_ == 1 || n <= grain) {
    fn(0, n);
    return;
  }
  Handover handover;
  const auto body = [&](const tbb::blocked_range<int64_t>& r) {
    handover.Work([&] { fn(r.begin(), r.end()); });
  };
  // Several ranges per thread, taken dynamically: one busy core does not hold up the rest.
  const int64_t step = std::max(grain, (n + threads_ * 4 - 1) / (threads_ * 4));
  arena_->arena.execute([&] {
    tbb::parallel_for(tbb::blocked_range<int64_t>(0, n, step), body, tbb::simple_partitioner());
  });
}

void ThreadShare::ParallelForWorkers(
    int64_t n, int64_t grain,
    absl::FunctionRef<void(int64_t begin, int64_t end, int worker)> fn) const {
  if (threads_ == 1 || n <= std::max<int64_t>(1, grain)) {
    if (n > 0) fn(0, n, 0);
    return;
  }
  ParallelFor(n, grain, [&fn](int64_t begin, int64_t end) {
    fn(begin, end, tbb::this_task_arena::current_thread_index());
  });
}

void ThreadShare::Enter(absl::FunctionRef<void()> fn) const {
  Handover handover;
  arena_->arena.execute([&] { handover.Work([&] { fn(); }); });
}

}  // namespace mirin
