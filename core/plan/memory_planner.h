// Places buffers with known lifetimes in one arena. A pure function: records in, offsets out.
#ifndef CORE_PLAN_MEMORY_PLANNER_H_
#define CORE_PLAN_MEMORY_PLANNER_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace mirin::plan {

// A buffer is needed from step `first` to step `last`, both included.
struct BufferUsage {
  size_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<size_t> offsets;  // one per buffer, multiples of kArenaAlignment
  size_t arena_bytes = 0;
};

constexpr size_t kArenaAlignment = 64;

// Greedy by size: large buffers first, each in the lowest gap that is free during its lifetime. Buffers whose lifetimes
// overlap never share bytes.
MemoryPlan PlanMemory(absl::Span<const BufferUsage> buffers);

}  // namespace mirin::plan

#endif  // CORE_PLAN_MEMORY_PLANNER_H_
