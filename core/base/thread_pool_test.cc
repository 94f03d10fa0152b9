#include "core/base/thread_pool.h"

#include <sched.h>
#include <time.h>

#include <atomic>
#include <limits>
#include <vector>

#include "core/base/cpus.h"
#include "core/base/float_mode.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

std::vector<int> MaskOfThisThread() {
  std::vector<int> cpus;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

TEST(ThreadShare, CoversTheRangeOnce) {
  for (int threads : {1, 2, 7}) {
    const ThreadShare share(threads);
    std::vector<std::atomic<int>> hits(1000);
    std::atomic<int> highest{0};
    share.ParallelForWorkers(1000, 3, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t i = begin; i < end; ++i) ++hits[i];
      int seen = highest;
      while (worker > seen && !highest.compare_exchange_weak(seen, worker)) {
      }
    });
    for (const auto& h : hits) EXPECT_EQ(h, 1);
    EXPECT_LT(highest, share.threads());
  }
}

double ProcessSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

TEST(ThreadShare, UsesNoCpuWhenThereIsNothingToDo) {
  const ThreadShare share(4);
  std::atomic<int64_t> sum{0};
  for (int i = 0; i < 100; ++i)
    share.ParallelFor(1000, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum, 100'000);
  const timespec wait = {0, 50'000'000}, idle = {0, 500'000'000};
  nanosleep(&wait, nullptr);
  const double before = ProcessSeconds();
  nanosleep(&idle, nullptr);
  EXPECT_LT(ProcessSeconds() - before, 0.005);
}

TEST(ThreadShare, WorksInItsCallersFloatMode) {
  const ThreadShare share(4);
  const FloatMode own = ThisThreadsFloatMode();
  std::atomic<int> others{0};
  const auto count_others = [&](FloatMode expected) {
    share.ParallelFor(1000, 1,
                      [&](int64_t, int64_t) { others += ThisThreadsFloatMode() != expected; });
    share.Enter([&] { others += ThisThreadsFloatMode() != expected; });
  };
  count_others(own);
  volatile float smallest = std::numeric_limits<float>::min();
  {
    const SubnormalFlush flush(true);
    EXPECT_NE(ThisThreadsFloatMode(), own);
    EXPECT_EQ(smallest / 2, 0);
    count_others(ThisThreadsFloatMode());
  }
  EXPECT_GT(smallest / 2, 0);
  count_others(own);
  EXPECT_EQ(others, 0);
  EXPECT_EQ(ThisThreadsFloatMode(), own);
}

TEST(ThreadShare, KeepsToItsCpusAndGivesTheMaskBack) {
  const std::vector<int> before = MaskOfThisThread();
  const std::vector<int> one = {ProcessCpus().back()};
  const ThreadShare share(0, one);
  EXPECT_EQ(share.threads(), 1);
  EXPECT_TRUE(share.pinned());
  share.Enter([&] { EXPECT_EQ(MaskOfThisThread(), one); });
  EXPECT_EQ(MaskOfThisThread(), before);

  const ThreadShare wide(4, one);
  std::atomic<int> wrong{0};
  wide.Enter([&] {
    wide.ParallelFor(64, 1, [&](int64_t, int64_t) { wrong += MaskOfThisThread() != one; });
    share.Enter([&] { EXPECT_EQ(MaskOfThisThread(), one); });
    EXPECT_EQ(MaskOfThisThread(), one);
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(MaskOfThisThread(), before);
  EXPECT_FALSE(ThreadShare(2).pinned());
}

}  // namespace
}  // namespace mirin
