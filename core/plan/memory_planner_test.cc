#include "core/plan/memory_planner.h"

#include <random>

#include "gtest/gtest.h"

namespace mirin::plan {
namespace {

bool Disjoint(const MemoryPlan& plan, absl::Span<const BufferUsage> buffers) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (plan.offsets[i] + buffers[i].bytes > plan.arena_bytes) return false;
    for (size_t j = 0; j < i; ++j) {
      const bool together =
          buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      const bool overlap = plan.offsets[i] < plan.offsets[j] + buffers[j].bytes &&
                           plan.offsets[j] < plan.offsets[i] + buffers[i].bytes;
      if (together && overlap && buffers[i].bytes > 0 && buffers[j].bytes > 0) return false;
    }
  }
  return true;
}

TEST(MemoryPlanner, EmptyNeedsNothing) { EXPECT_EQ(PlanMemory({}).arena_bytes, 0u); }

TEST(MemoryPlanner, SequentialBuffersShareOnePlace) {
  const std::vector<BufferUsage> buffers = {{100, 0, 1}, {100, 2, 3}, {100, 4, 5}};
  const MemoryPlan plan = PlanMemory(buffers);
  EXPECT_EQ(plan.arena_bytes, 128u);
  EXPECT_TRUE(Disjoint(plan, buffers));
}

TEST(MemoryPlanner, TouchingLifetimesDoNotShare) {
  const std::vector<BufferUsage> buffers = {{64, 0, 1}, {64, 1, 2}};
  const MemoryPlan plan = PlanMemory(buffers);
  EXPECT_EQ(plan.arena_bytes, 128u);
  EXPECT_TRUE(Disjoint(plan, buffers));
}

TEST(MemoryPlanner, ReusesLeadingGap) {
  // The big one ends before the last starts; the small one lives throughout.
  const std::vector<BufferUsage> buffers = {{1024, 0, 1}, {64, 0, 4}, {512, 2, 3}};
  const MemoryPlan plan = PlanMemory(buffers);
  EXPECT_EQ(plan.offsets[2], 0u);
  EXPECT_EQ(plan.arena_bytes, 1088u);
}

TEST(MemoryPlanner, RandomPlansNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<BufferUsage> buffers(1 + random() % 40);
    for (BufferUsage& b : buffers) {
      b.bytes = random() % 5000;
      b.first = static_cast<int>(random() % 30);
      b.last = b.first + static_cast<int>(random() % 6);
    }
    ASSERT_TRUE(Disjoint(PlanMemory(buffers), buffers)) << "round " << round;
  }
}

}  // namespace
}  // namespace mirin::plan
