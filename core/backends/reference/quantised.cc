#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/backends/reference/spatial.h"
#include "core/ops/activation_kind.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

// q - zero; sums of products of these are exact in double.
std::vector<double> Centred(const TensorView& q, int64_t zero) {
  std::vector<double> v = ReadAll<double>(q);
  for (double& e : v) e -= static_cast<double>(zero);
  return v;
}

// sums * scale + bias by channel: index / inner % channels.
void ScaleChannels(const KernelContext& c, int64_t channels, int64_t inner,
                   std::vector<double>* sums) {
  const std::vector<double> scale = ReadAll<double>(c.input(2)),
                            bias = c.has_input(3) ? ReadAll<double>(c.input(3))
                                                  : std::vector<double>(scale.size(), 0);
  for (size_t k = 0; k < sums->size(); ++k) {
    const auto channel = static_cast<size_t>(static_cast<int64_t>(k) / inner % channels);
    (*sums)[k] = (*sums)[k] * scale[channel] + bias[channel];
  }
}

// The activation, and bytes where the result is bytes.
absl::Status Write(const ir::Node& node, const KernelContext& c, std::vector<double> v) {
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind activation,
                         ops::ParseActivation(node.attrs().String("activation")));
  for (double& e : v) e = ops::Apply(activation, e);
  if (c.output(0).dtype != DType::kFloat32) {
    // Ties fall as float32 has them: every kernel multiplies by the inverse.
    const float inverse = 1 / static_cast<float>(node.attrs().Float("y_scale"));
    const double zero = static_cast<double>(node.attrs().Int("y_zero"));
    for (double& e : v) e = std::nearbyint(static_cast<float>(e) * inverse) + zero;
  }
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}

// Rows of K numbers times the weight, input 1.
std::vector<double> Product(const ir::Node& node, const KernelContext& c,
                            const std::vector<double>& xs) {
  const TensorView &w = c.input(1), &y = c.output(0);
  const bool transposed = node.attrs().Bool("transpose_b");
  const int64_t k = w.dims[transposed ? 1 : 0], n = w.dims[transposed ? 0 : 1];
  const std::vector<double> ws = ReadAll<double>(w);
  std::vector<double> ys(static_cast<size_t>(y.elements()), 0);
  for (int64_t i = 0; i < y.elements(); ++i) {
    for (int64_t p = 0; p < k; ++p)
      ys[i] += xs[i / n * k + p] * ws[transposed ? i % n * k + p : p * n + i % n];
  }
  return ys;
}

// 255 steps over numbers and 0, in the arithmetic of float32 that ONNX asks for.
struct ByteRange {
  float scale = 0, zero = 0;
  // Steps from 0.
  double Centred(double v) const {
    const float steps = static_cast<float>(v) / scale;
    return std::nearbyint(std::isnan(steps) ? -zero : std::clamp(steps, -zero, 255 - zero));
  }
};

ByteRange RangeOf(absl::Span<const double> v) {
  float low = 0, high = 0;
  for (const double e : v) {
    low = std::min(low, static_cast<float>(e));
    high = std::max(high, static_cast<float>(e));
  }
  ByteRange range;
  range.scale = (high > low ? high - low : 1) / 255;
  range.zero = std::nearbyint(std::clamp(-low / range.scale, 0.0f, 255.0f));
  return range;
}

}  // namespace

MIRIN_KERNEL(QuantizedMatMul) {
  const TensorView& y = c.output(0);
  if (y.elements() == 0) return absl::OkStatus();
  std::vector<double> v = Product(node, c, Centred(c.input(0), node.attrs().Int("x_zero")));
  ScaleChannels(c, y.dims.back(), 1, &v);
  return Write(node, c, std::move(v));
}

MIRIN_KERNEL(MatMulInteger) {
  if (c.output(0).elements() == 0) return absl::OkStatus();
  const int64_t zero = c.has_input(2) ? ReadAll<int64_t>(c.input(2))[0] : 0;
  std::vector<int64_t> sums;
  for (const double sum : Product(node, c, Centred(c.input(0), zero)))
    sums.push_back(static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(sum))));
  WriteAll(c.output(0), sums);
  return absl::OkStatus();
}

MIRIN_KERNEL(DynamicQuantizeLinear) {
  std::vector<double> x = ReadAll<double>(c.input(0));
  const ByteRange range = RangeOf(absl::MakeSpan(x));
  for (double& e : x) e = range.Centred(e) + range.zero;
  WriteAll(c.output(0), x);
  WriteAll(c.output(1), std::vector<double>{range.scale});
  WriteAll(c.output(2), std::vector<double>{range.zero});
  return absl::OkStatus();
}

MIRIN_KERNEL(DynamicQuantMatMul) {
  const TensorView &x = c.input(0), &y = c.output(0);
  if (y.elements() == 0) return absl::OkStatus();
  std::vector<double> xs = ReadAll<double>(x);
  const bool by_row = node.attrs().String("range") == "row";
  const size_t k = by_row ? static_cast<size_t>(x.dims.back()) : xs.size();
  for (size_t row = 0; k > 0 && row < xs.size(); row += k) {
    const absl::Span<double> part = absl::MakeSpan(xs).subspan(row, k);
    const bool finite =
        std::all_of(part.begin(), part.end(), [](double e) { return std::isfinite(e); });
    const ByteRange range = RangeOf(part);
    for (double& e : part) e = finite ? range.Centred(e) * range.scale : std::nan("");
  }
  std::vector<double> v = Product(node, c, xs);
  ScaleChannels(c, y.dims.back(), 1, &v);
  return Write(node, c, std::move(v));
}

MIRIN_KERNEL(QuantizedConv2D) {
  const TensorView& y = c.output(0);
  if (y.elements() == 0) return absl::OkStatus();
  MIRIN_ASSIGN_OR_RETURN(std::vector<double> v,
                         Convolved(node, c, Centred(c.input(0), node.attrs().Int("x_zero")),
                                   ReadAll<double>(c.input(1))));
  ScaleChannels(c, y.dims[1], y.dims[2] * y.dims[3], &v);
  if (c.has_input(4)) {
    const bool bytes = c.input(4).dtype != DType::kFloat32;
    const std::vector<double> residual =
        Centred(c.input(4), bytes ? node.attrs().Int("residual_zero") : 0);
    for (size_t k = 0; k < v.size(); ++k)
      v[k] += residual[k] * (bytes ? node.attrs().Float("residual_scale") : 1);
  }
  return Write(node, c, std::move(v));
}

MIRIN_KERNEL(QuantizedAdd) {
  std::vector<double> a = ReadBroadcast<double>(c.input(0), c.output(0).dims);
  const std::vector<double> b = ReadBroadcast<double>(c.input(1), c.output(0).dims);
  const ir::Attributes& attrs = node.attrs();
  for (size_t k = 0; k < a.size(); ++k) {
    a[k] = (a[k] - static_cast<double>(attrs.Int("a_zero"))) * attrs.Float("a_scale") +
           (b[k] - static_cast<double>(attrs.Int("b_zero"))) * attrs.Float("b_scale");
  }
  return Write(node, c, std::move(a));
}

}  // namespace mirin::reference::kernels
