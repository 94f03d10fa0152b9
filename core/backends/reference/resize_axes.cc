#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/resize_plan.h"

namespace mirin::reference::kernels {
namespace {

using ops::ResizeTaps;

// One axis of x in [outer, n, inner] order.
std::vector<double> AlongAxis(const std::vector<double>& x, const Dims& dims, int axis,
                              const ResizeTaps& taps) {
  const AxisView view(dims, axis);
  const auto out = static_cast<int64_t>(taps.begin.size()) - 1;
  std::vector<double> y(static_cast<size_t>(view.outer * out * view.inner), 0);
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t i = 0; i < out; ++i) {
      for (int64_t k = taps.begin[static_cast<size_t>(i)];
           k < taps.begin[static_cast<size_t>(i) + 1]; ++k) {
        const double w = taps.weight[static_cast<size_t>(k)];
        const double* from =
            x.data() + (o * view.n + taps.index[static_cast<size_t>(k)]) * view.inner;
        double* to = y.data() + (o * out + i) * view.inner;
        for (int64_t e = 0; e < view.inner; ++e) to[e] += w * from[e];
      }
    }
  }
  return y;
}

// Elements of any dtype, each from one place.
void Pick(const TensorView& x, const TensorView& y, const std::vector<ResizeTaps>& taps) {
  const ElementMover mover(x, y);
  const Dims strides = Strides(x.dims);
  int64_t to = 0;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> index) {
    int64_t from = 0;
    for (size_t a = 0; a < index.size(); ++a)
      from += taps[a].index[static_cast<size_t>(index[a])] * strides[a];
    mover.Move(from, to++);
  });
}

// What lies outside along any axis becomes the extrapolation value.
void Extrapolate(const std::vector<ResizeTaps>& taps, const Dims& dims, double value,
                 std::vector<double>* y) {
  size_t at = 0;
  ForEachIndex(dims, [&](absl::Span<const int64_t> index) {
    for (size_t a = 0; a < index.size(); ++a) {
      if (taps[a].IsOutside(index[a])) (*y)[at] = value;
    }
    ++at;
  });
}

}  // namespace

absl::Status ResizeAxes(const ir::Node& node, const KernelContext& c) {
  const TensorView &x = c.input(0), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const ops::ResizeSpec spec, ops::ReadResize(node.attrs()));
  const auto numbers = [&](int i) {
    return c.has_input(i) ? ReadAll<double>(c.input(i)) : std::vector<double>();
  };
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::ResizeAxis> plan,
                         ops::PlanResize(spec, x.dims, numbers(2), Ints(c, 3), numbers(1)));
  for (size_t i = 0; i < plan.size(); ++i) {
    if (plan[i].output != y.dims[i])
      return absl::InternalError("the result was planned for other scales or sizes");
  }
  if (y.elements() == 0) return absl::OkStatus();
  std::vector<ResizeTaps> taps;
  for (const ops::ResizeAxis& axis : plan) taps.push_back(ops::TapsOf(spec, axis));
  const bool crops = spec.coordinates == ops::ResizeCoordinates::kTfCropAndResize;
  if (spec.mode == ops::ResizeMode::kNearest && !crops) {
    Pick(x, y, taps);
    return absl::OkStatus();
  }
  std::vector<double> values = ReadAll<double>(x);
  Dims dims(x.dims.begin(), x.dims.end());
  for (int a = 0; a < x.rank(); ++a) {
    const size_t axis = static_cast<size_t>(a);
    if (!plan[axis].identity()) values = AlongAxis(values, dims, a, taps[axis]);
    dims[axis] = plan[axis].output;
  }
  if (crops) Extrapolate(taps, dims, spec.extrapolation, &values);
  if (!IsFloat(y.dtype)) {
    for (double& v : values) v = std::nearbyint(v);
  }
  WriteAll(y, values);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
