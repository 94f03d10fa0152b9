// Convolutions of 8-bit operands.
#include <algorithm>

#include "core/converter/onnx/ops/quantized.h"
#include "core/converter/onnx/ops/window.h"

namespace mirin::onnx {
namespace {

// A number per output channel as [M, 1, ..], with `behind` axes of one element; one for all as it is.
ir::Value* PerChannel(OpContext& c, int i, int behind) {
  if (!c.has_input(i)) return nullptr;
  const Shape& shape = c.shape(i);
  if (!shape.rank_known() || shape.rank() != 1) return c.input(i);
  if (shape.dim(0) == 1) return AsScalar(c.builder(), c.input(i));
  std::vector<int64_t> axes;
  for (int axis = 1; axis <= behind; ++axis) axes.push_back(axis);
  return c.builder().Unsqueeze(c.input(i), axes);
}

// How many channels of one convolution float32 sums exactly; 0: none, or that is not known.
int64_t ExactChannels(const Shape& weight, int64_t terms) {
  int64_t taps = 1;
  for (int axis = 2; axis < weight.rank(); ++axis) {
    if (weight.dim(axis) < 1) return 0;
    taps *= weight.dim(axis);
  }
  return terms / taps;
}

// The convolution of x - x_zero (inputs 0 and `x_zero`) with w - w_zero in int32. Exact: in float32 by groups of channels that
// cannot round, else in float64. The padding is x_zero.
absl::StatusOr<ir::Value*> IntegerConvolution(OpContext& c, int x_zero, int weight, int w_zero) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int axes, SpatialAxes(c));
  MIRIN_ASSIGN_OR_RETURN(const Attrs attributes, ConvolutionAttributes(c, weight, axes));
  ir::Value *x = c.input(0), *w = c.input(weight);
  ir::Value *zero_x = nullptr, *zero_w = PerChannel(c, w_zero, axes + 1);
  if (c.has_input(x_zero)) {
    MIRIN_ASSIGN_OR_RETURN(zero_x, OneNumber(c, x_zero, "the zero point of x"));
  }
  if (x == nullptr || w == nullptr) return b.status();
  const Shape& shape = w->type().shape;
  const int64_t channels = shape.dim(1),
                step = ExactChannels(shape, ExactTerms(x, zero_x, w, zero_w));
  const bool whole = channels >= 0 && channels <= step,
             pieces = step > 0 && channels >= 0 && c.Int("group", 1) == 1;
  const DType dtype = whole || pieces ? DType::kFloat32 : DType::kFloat64;
  ir::Value* left = Lift(c, Centred(b, x, zero_x, dtype), axes);
  ir::Value* right = Lift(c, Centred(b, w, zero_w, dtype), axes);
  ir::Value* sum = nullptr;
  for (int64_t at = 0; sum == nullptr || (pieces && !whole && at < channels); at += step) {
    const bool all = whole || !pieces;
    const int64_t end = std::min(channels, at + step);
    ir::Value* y = b.Op(
        axes == 3 ? "Conv3D" : "Conv2D",
        {all ? left : b.SliceAxis(left, 1, at, end), all ? right : b.SliceAxis(right, 1, at, end)},
        attributes);
    y = b.Cast(y, DType::kInt32);
    sum = sum == nullptr ? y : b.Add(sum, y);
    if (!b.status().ok()) return b.status();
  }
  return Lower(c, sum, axes);
}

}  // namespace

namespace translate {

absl::Status ConvInteger(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, IntegerConvolution(c, 2, 1, 3));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

// Operands: x, its scale and zero point, w, its, the scale and zero point of the result, a bias in steps of both scales.
absl::Status QLinearConv(OpContext& c) {
  GraphBuilder& b = c.builder();
  const bool folded_bias = !c.has_input(8) || GraphBuilder::ValueOf(c.input(8)) != nullptr;
  if (c.shape(3).rank() == 4 && folded_bias) {
    if (const QuantizedOperands q = DequantizedOperands(c, 3, 0); q.weight != nullptr) {
      MIRIN_ASSIGN_OR_RETURN(const Attrs attributes, ConvolutionAttributes(c, 3, 2));
      ir::Value* bias = GraphBuilder::Absent();
      if (c.has_input(8)) {
        ir::Value* step = b.Mul(AsScalar(b, c.input(1)), c.input(4));
        bias = b.Mul(b.Cast(c.input(8), DType::kFloat32), step);
      }
      return SetQuantizedOutput(c, b.Op("Conv2D", {q.x, q.weight, bias}, attributes), 6);
    }
  }
  MIRIN_ASSIGN_OR_RETURN(ir::Value * sum, IntegerConvolution(c, 2, 3, 5));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * x_scale, OneNumber(c, 1, "the scale of x"));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y_scale, OneNumber(c, 6, "the scale of the result"));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y_zero, OneNumber(c, 7, "the zero point of the result"));
  if (c.has_input(8)) sum = b.Op("BiasAdd", {sum, c.input(8)});
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  ir::Value* scale = b.Op("RealDiv", {b.Mul(x_scale, PerChannel(c, 4, rank - 2)), y_scale});
  c.SetOutput(0, Requantized(b, sum, scale, y_zero));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
