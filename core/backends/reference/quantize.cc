#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

// Index of the scale for every element: one for all, by axis, or by blocks of it.
std::vector<size_t> ScaleIndices(const ir::Node& node, const TensorView& x,
                                 const TensorView& scale) {
  std::vector<size_t> at(static_cast<size_t>(x.elements()), 0);
  if (scale.elements() == 1 || x.rank() == 0) return at;
  const int axis = Axis(node.attrs().Int("axis"), x.rank());
  const int64_t block = node.attrs().Int("block_size");
  const Dims strides = Strides(scale.dims);
  size_t k = 0;
  ForEachIndex(x.dims, [&](absl::Span<const int64_t> index) {
    if (block == 0) {
      at[k++] = static_cast<size_t>(index[axis]);
      return;
    }
    at[k++] = static_cast<size_t>(Offset(index, strides) -
                                  (index[axis] - index[axis] / block) * strides[axis]);
  });
  return at;
}

// The nearest number of a floating-point dtype.
double Rounded(double v, DType dtype) {
  return VisitDType(
      dtype,
      [&](auto tag) { return static_cast<double>(FromDouble<typename decltype(tag)::type>(v)); },
      v);
}

}  // namespace

MIRIN_KERNEL(QuantizeLinear) {
  const std::vector<size_t> at = ScaleIndices(node, c.input(0), c.input(1));
  std::vector<double> v = ReadAll<double>(c.input(0));
  const std::vector<double> scale = ReadAll<double>(c.input(1)),
                            zero = c.has_input(2) ? ReadAll<double>(c.input(2))
                                                  : std::vector<double>(scale.size(), 0);
  const DType wanted = node.attrs().Type("precision"),
              precision = wanted != DType::kUnknown ? wanted : c.input(1).dtype;
  for (size_t k = 0; k < v.size(); ++k) {
    const double quotient = Rounded(v[k], precision) / Rounded(scale[at[k]], precision);
    v[k] = std::nearbyint(Rounded(quotient, precision)) + zero[at[k]];
  }
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}
MIRIN_KERNEL(DequantizeLinear) {
  const std::vector<size_t> at = ScaleIndices(node, c.input(0), c.input(1));
  std::vector<double> v = ReadAll<double>(c.input(0));
  const std::vector<double> scale = ReadAll<double>(c.input(1)),
                            zero = c.has_input(2) ? ReadAll<double>(c.input(2))
                                                  : std::vector<double>(scale.size(), 0);
  for (size_t k = 0; k < v.size(); ++k) v[k] = (v[k] - zero[at[k]]) * scale[at[k]];
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}
MIRIN_KERNEL(Dropout) {
  if (c.input(0).bytes() > 0) std::memcpy(c.output(0).data, c.input(0).data, c.input(0).bytes());
  WriteAll(c.output(1), std::vector<double>(static_cast<size_t>(c.output(1).elements()), 1));
  return absl::OkStatus();
}
MIRIN_KERNEL(DepthToSpace) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t b = node.attrs().Int("block_size");
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, y);
  int64_t to = 0;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> i) {
    const int64_t ch = (i[2] % b * b + i[3] % b) * y.dims[1] + i[1];
    mover.Move(i[0] * strides[0] + ch * strides[1] + i[2] / b * strides[2] + i[3] / b, to++);
  });
  return absl::OkStatus();
}
MIRIN_KERNEL(SpaceToDepth) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t b = node.attrs().Int("block_size");
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, y);
  int64_t to = 0;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> i) {
    const int64_t block = i[1] / x.dims[1], ch = i[1] % x.dims[1];
    mover.Move(i[0] * strides[0] + ch * strides[1] + (i[2] * b + block / b) * strides[2] +
                   i[3] * b + block % b,
               to++);
  });
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
