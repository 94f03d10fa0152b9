#include "core/plan/memory_planner.h"

#include <algorithm>
#include <numeric>

namespace mirin::plan {

MemoryPlan PlanMemory(absl::Span<const BufferUsage> buffers) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<int> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<int> placed;  // sorted by offset
  for (int i : order) {
    const BufferUsage& buffer = buffers[i];
    const size_t size = (buffer.bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    size_t offset = 0;
    for (int other : placed) {
      const BufferUsage& o = buffers[other];
      if (o.last < buffer.first || buffer.last < o.first) continue;
      if (plan.offsets[other] >= offset + size) break;  // fits in the gap before it
      const size_t o_size = (o.bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
      offset = std::max(offset, plan.offsets[other] + o_size);
    }
    plan.offsets[i] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](int a, int b) { return plan.offsets[a] < plan.offsets[b]; }),
                  i);
  }
  return plan;
}

}  // namespace mirin::plan
