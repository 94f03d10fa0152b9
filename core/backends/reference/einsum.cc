#include "core/ops/einsum.h"

#include <algorithm>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

namespace mirin::reference::kernels {
namespace {

// How far every operand moves when one of the labels does.
std::vector<Dims> StridesByLabel(const ops::EinsumPlan& plan, const KernelContext& c) {
  std::vector<Dims> by_label(static_cast<size_t>(plan.labels), Dims(plan.terms.size(), 0));
  for (size_t i = 0; i < plan.terms.size(); ++i) {
    const TensorView& x = c.input(static_cast<int>(i));
    const Dims strides = Strides(x.dims);
    for (size_t axis = 0; axis < strides.size(); ++axis) {
      if (x.dims[axis] != 1) by_label[static_cast<size_t>(plan.terms[i][axis])][i] += strides[axis];
    }
  }
  return by_label;
}

// Calls fn for every index over `labels`, the last one fastest; `at` holds the operands' offsets meanwhile.
template <typename Fn>
void Walk(absl::Span<const int> labels, absl::Span<const int64_t> sizes,
          const std::vector<Dims>& strides, Dims* at, Fn&& fn) {
  if (labels.empty()) {
    fn();
    return;
  }
  const auto label = static_cast<size_t>(labels[0]);
  for (int64_t k = 0; k < sizes[label]; ++k) {
    Walk(labels.subspan(1), sizes, strides, at, fn);
    for (size_t i = 0; i < at->size(); ++i) (*at)[i] += strides[label][i];
  }
  for (size_t i = 0; i < at->size(); ++i) (*at)[i] -= strides[label][i] * sizes[label];
}

}  // namespace

absl::Status Einsum(const ir::Node& node, const KernelContext& c) {
  std::vector<int> ranks;
  std::vector<mirin::Shape> shapes;
  for (int i = 0; i < c.num_inputs(); ++i) {
    ranks.push_back(c.input(i).rank());
    shapes.emplace_back(c.input(i).dims);
  }
  MIRIN_ASSIGN_OR_RETURN(const ops::EinsumPlan plan,
                         ops::PlanEinsum(node.attrs().String("equation"), ranks));
  MIRIN_ASSIGN_OR_RETURN(const Dims sizes, ops::EinsumSizes(plan, shapes));
  const std::vector<Dims> strides = StridesByLabel(plan, c);
  std::vector<int> summed;
  for (int label = 0; label < plan.labels; ++label) {
    if (std::find(plan.output.begin(), plan.output.end(), label) == plan.output.end())
      summed.push_back(label);
  }
  return WithExact(c.output(0).dtype, [&](auto zero) -> absl::Status {
    using N = decltype(zero);
    std::vector<std::vector<N>> operands;
    for (int i = 0; i < c.num_inputs(); ++i) operands.push_back(ReadAll<N>(c.input(i)));
    std::vector<N> out;
    Dims at(operands.size(), 0);
    Walk(plan.output, sizes, strides, &at, [&] {
      N sum = 0;
      if (c.cancelled()) return;
      Walk(summed, sizes, strides, &at, [&] {
        N product = 1;
        for (size_t i = 0; i < operands.size(); ++i)
          product = Product(product, operands[i][static_cast<size_t>(at[i])]);
        sum = Sum(sum, product);
      });
      out.push_back(sum);
    });
    if (c.cancelled()) return absl::CancelledError("the run was cancelled");
    WriteAll(c.output(0), out);
    return absl::OkStatus();
  });
}

}  // namespace mirin::reference::kernels
