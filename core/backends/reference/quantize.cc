#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

#define MIRIN_KERNEL(Name) absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

// Index of the scale for element k: one for all, or by axis.
size_t ScaleIndex(const ir::Node& node, const TensorView& x, size_t scales, size_t k) {
  if (scales == 1 || x.rank() == 0) return 0;
  const AxisView axis(x.dims, Axis(node.attrs().Int("axis"), x.rank()));
  return static_cast<size_t>((static_cast<int64_t>(k) / axis.inner) % axis.n) % scales;
}

}  // namespace

MIRIN_KERNEL(QuantizeLinear) {
  const TensorView& x = c.input(0);
  std::vector<double> v = ReadAll<double>(x);
  const std::vector<double> scale = ReadAll<double>(c.input(1)), zero = c.has_input(2) ? ReadAll<double>(c.input(2)) : std::vector<double>();
  for (size_t k = 0; k < v.size(); ++k) {
    const size_t i = ScaleIndex(node, x, scale.size(), k);
    v[k] = std::nearbyint(v[k] / scale[i]) + (zero.empty() ? 0 : zero[i % zero.size()]);
  }
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}
MIRIN_KERNEL(DequantizeLinear) {
  const TensorView& x = c.input(0);
  std::vector<double> v = ReadAll<double>(x);
  const std::vector<double> scale = ReadAll<double>(c.input(1)), zero = c.has_input(2) ? ReadAll<double>(c.input(2)) : std::vector<double>();
  for (size_t k = 0; k < v.size(); ++k) {
    const size_t i = ScaleIndex(node, x, scale.size(), k);
    v[k] = (v[k] - (zero.empty() ? 0 : zero[i % zero.size()])) * scale[i];
  }
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
    mover.Move(i[0] * strides[0] + ch * strides[1] + (i[2] * b + block / b) * strides[2] + i[3] * b + block % b, to++);
  });
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
