#include "core/backends/cpu/broadcast.h"

namespace mirin::cpu {

BroadcastPlan PlanBroadcast(absl::Span<const int64_t> a, absl::Span<const int64_t> b,
                            absl::Span<const int64_t> y) {
  BroadcastPlan plan;
  const auto strides = [&](absl::Span<const int64_t> dims) {
    const Dims own = Strides(dims);
    Dims out(y.size(), 0);
    for (size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] != 1) out[y.size() - dims.size() + i] = own[i];
    }
    return out;
  };
  const Dims sa = strides(a), sb = strides(b);
  std::vector<BroadcastPlan::Axis> axes;  // fastest first
  for (int i = static_cast<int>(y.size()) - 1; i >= 0; --i) {
    plan.total *= y[i];
    if (y[i] == 1) continue;
    if (!axes.empty() && sa[i] == axes.back().a * axes.back().n &&
        sb[i] == axes.back().b * axes.back().n) {
      axes.back().n *= y[i];
    } else {
      axes.push_back({y[i], sa[i], sb[i]});
    }
  }
  if (!axes.empty()) {
    plan.inner = axes[0];
    plan.outer.assign(axes.rbegin(), axes.rend() - 1);
  }
  return plan;
}

}  // namespace mirin::cpu
