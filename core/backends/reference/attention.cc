#include "core/ops/attention.h"

#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

namespace mirin::reference::kernels {

absl::Status ScaledDotProductAttention(const ir::Node& node, const KernelContext& c) {
  const bool has_mask = c.has_input(3);
  const ops::AttentionShape a = ops::PlanAttention(
      node.attrs(), c.input(0).dims, c.input(1).dims, c.input(2).dims, c.output(0).dims, has_mask,
      has_mask ? c.input(3).dims : absl::Span<const int64_t>());
  const double scale = node.attrs().Float("scale", 1);
  const std::vector<double> q = ReadAll<double>(c.input(0)), k = ReadAll<double>(c.input(1)),
                            v = ReadAll<double>(c.input(2));
  const std::vector<double> mask = has_mask ? ReadAll<double>(c.input(3)) : std::vector<double>();
  std::vector<double> y(static_cast<size_t>(c.output(0).elements()), 0),
      scores(static_cast<size_t>(a.keys));
  for (int64_t b = 0; b < a.batches; ++b) {
    for (int64_t h = 0; h < a.heads; ++h) {
      const auto at = [&](const ops::AttentionOperand& o, int64_t row) {
        return o.Offset(b, h) + row * o.row;
      };
      for (int64_t i = 0; i < a.queries; ++i) {
        if (c.cancelled()) return absl::CancelledError("the run was cancelled");
        double high = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int64_t j = 0; j < a.keys; ++j) {
          double s = 0;
          for (int64_t d = 0; d < a.depth; ++d)
            s += q[static_cast<size_t>(at(a.query, i) + d)] *
                 k[static_cast<size_t>(at(a.key, j) + d)];
          s *= scale;
          if (has_mask) s += mask[static_cast<size_t>(at(a.mask, i) + j * a.mask_column)];
          scores[static_cast<size_t>(j)] = s;
          high = std::max(high, s);
        }
        for (double& s : scores) sum += s = std::exp(s - high);
        for (int64_t j = 0; j < a.keys; ++j) {
          const double weight = scores[static_cast<size_t>(j)] / sum;
          for (int64_t d = 0; d < a.value_depth; ++d) {
            y[static_cast<size_t>(at(a.result, i) + d)] +=
                weight * v[static_cast<size_t>(at(a.value, j) + d)];
          }
        }
      }
    }
  }
  WriteAll(c.output(0), y);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
