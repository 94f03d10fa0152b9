// onnxruntime's operators on 8-bit tensors with one scale and zero point each.
#include "core/converter/onnx/ops/dequantized.h"

namespace mirin::onnx {
namespace {

// (A, scale, zero point), (B, scale, zero point), result's scale, zero point.
absl::Status QuantizedBinary(OpContext& c, absl::string_view op) {
  MIRIN_ASSIGN_OR_RETURN(ir::Value * x, Dequantized(c, 0, 1));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, Dequantized(c, 3, 4));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * z, Quantized(c, c.Op(op, {x, y}), 6, c.dtype(0)));
  c.SetOutput(0, z);
  return absl::OkStatus();
}

// (X, scale, zero point), result's scale, zero point.
absl::Status QuantizedUnary(OpContext& c, absl::string_view op, const Attrs& attributes) {
  MIRIN_ASSIGN_OR_RETURN(ir::Value * x, Dequantized(c, 0, 1));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, Quantized(c, c.Op(op, {x}, attributes), 3, c.dtype(0)));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

absl::Status ByAxis(OpContext& c, absl::string_view op) {
  const std::string what = absl::StrCat("input 1 ", ToString(c.shape(1)));
  if (!c.shape(1).concrete())
    return Refuse("the shape of the scale is not known at conversion", "make the scale a constant");
  if (!c.Has("axis") && NumElements(c.shape(1).dims()) != 1)
    return absl::InvalidArgumentError(absl::StrCat(what, " without an axis"));
  c.SetOutput(0,
              c.Op(op, {c.input(0), c.input(1), c.OptionalInput(2)}, {{"axis", c.Int("axis", 1)}}));
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status MicrosoftDequantizeLinear(OpContext& c) { return ByAxis(c, "DequantizeLinear"); }
absl::Status MicrosoftQuantizeLinear(OpContext& c) { return ByAxis(c, "QuantizeLinear"); }
absl::Status QLinearAdd(OpContext& c) { return QuantizedBinary(c, "Add"); }
absl::Status QLinearMul(OpContext& c) { return QuantizedBinary(c, "Mul"); }
absl::Status QLinearSigmoid(OpContext& c) { return QuantizedUnary(c, "Sigmoid", {}); }
absl::Status QLinearLeakyRelu(OpContext& c) {
  return QuantizedUnary(c, "LeakyRelu", {{"alpha", c.Float("alpha", 0.01f)}});
}

absl::Status QLinearSoftmax(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int64_t opset, c.RequiredInt("opset"));
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  int64_t axis = c.Int("axis", -1);
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank)
    return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of a tensor of rank ", rank));
  if (opset >= 13 || axis == rank - 1) return QuantizedUnary(c, "Softmax", {{"axis", axis}});
  return Refuse(absl::StrCat("opset ", opset, " with axis ", axis, " of ", rank),
                "use opset 13 or the last axis");
}

// Result's scale and zero point, then (X, scale, zero point) for every part.
absl::Status QLinearConcat(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int64_t axis, c.RequiredInt("axis"));
  if (c.num_inputs() < 5 || c.num_inputs() % 3 != 2)
    return absl::InvalidArgumentError(absl::StrCat(c.num_inputs(), " inputs"));
  std::vector<ir::Value*> parts;
  for (int i = 2; i < c.num_inputs(); i += 3) {
    MIRIN_ASSIGN_OR_RETURN(ir::Value * part, Dequantized(c, i, i + 1));
    parts.push_back(part);
  }
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y,
                         Quantized(c, c.builder().Concat(parts, axis), 0, c.dtype(2)));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

absl::Status QLinearGlobalAveragePool(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank < 3)
    return absl::InvalidArgumentError(absl::StrCat("X has rank ", rank, ", it needs spatial axes"));
  const bool channels_last = c.Bool("channels_last", false);
  std::vector<int64_t> axes;
  for (int i = channels_last ? 1 : 2; i < (channels_last ? rank - 1 : rank); ++i) axes.push_back(i);
  MIRIN_ASSIGN_OR_RETURN(ir::Value * x, Dequantized(c, 0, 1));
  ir::Value* mean = c.Op("ReduceMean", {x, c.builder().Ints(axes)}, {{"keep_dims", true}});
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, Quantized(c, mean, 3, c.dtype(0)));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

absl::Status QLinearAveragePool(OpContext& c) {
  const DType dtype = c.dtype(0);
  if (c.Bool("channels_last", false))
    return Refuse("channels_last", "pool with the channels behind the batch");
  MIRIN_ASSIGN_OR_RETURN(ir::Value * x, Dequantized(c, 0, 1));
  c.SetInput(0, x);
  MIRIN_RETURN_IF_ERROR(AveragePool(c));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, Quantized(c, c.outputs()[0].tensor, 3, dtype));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
