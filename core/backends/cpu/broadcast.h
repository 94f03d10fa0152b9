// NumPy broadcasting of two operands as a few nested loops.
#ifndef CORE_BACKENDS_CPU_BROADCAST_H_
#define CORE_BACKENDS_CPU_BROADCAST_H_

#include <vector>

#include "absl/types/span.h"
#include "core/base/shape.h"

namespace mirin::cpu {

// The broadcast as a few nested loops: axes that both operands walk alike are merged. inner strides are 0 or 1.
struct BroadcastPlan {
  struct Axis {
    int64_t n, a, b;  // size, strides of the operands in elements
  };
  std::vector<Axis> outer;  // slowest first
  Axis inner = {1, 1, 1};
  int64_t total = 1;
};

BroadcastPlan PlanBroadcast(absl::Span<const int64_t> a, absl::Span<const int64_t> b,
                            absl::Span<const int64_t> y);

// Lines that ForEachLine walks over.
inline int64_t LinesOf(const BroadcastPlan& plan) {
  return plan.inner.n == 0 || plan.total == 0 ? 0 : plan.total / plan.inner.n;
}

// Calls fn(a offset, b offset, y offset) for every inner line in [begin, end).
template <typename Fn>
void ForEachLine(const BroadcastPlan& plan, int64_t begin, int64_t end, Fn fn) {
  for (int64_t line = begin; line < end; ++line) {
    int64_t rest = line, a = 0, b = 0;
    for (size_t i = plan.outer.size(); i-- > 0;) {
      const BroadcastPlan::Axis& axis = plan.outer[i];
      const int64_t at = rest % axis.n;
      rest /= axis.n;
      a += at * axis.a;
      b += at * axis.b;
    }
    fn(a, b, line * plan.inner.n);
  }
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_BROADCAST_H_
