// Broadcasting arithmetic, comparison and logic of two tensors. Opset 7 gave them NumPy's broadcasting; older ones are refused with the model.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// The same over any number of tensors.
absl::StatusOr<ir::Value*> Chain(OpContext& c, absl::string_view op) {
  if (c.num_inputs() == 0) return absl::InvalidArgumentError("it has no inputs");
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  ir::Value* y = c.input(0);
  for (int i = 1; i < c.num_inputs(); ++i) y = c.Op(op, {y, c.input(i)});
  return y;
}

absl::Status Variadic(OpContext& c, absl::string_view op) {
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, Chain(c, op));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status Add(OpContext& c) { return Binary(c, "Add"); }
absl::Status And(OpContext& c) { return Binary(c, "LogicalAnd"); }
absl::Status BitwiseAnd(OpContext& c) { return Binary(c, "BitwiseAnd"); }
absl::Status BitwiseOr(OpContext& c) { return Binary(c, "BitwiseOr"); }
absl::Status BitwiseXor(OpContext& c) { return Binary(c, "BitwiseXor"); }
// Integers: towards zero, as C does.
absl::Status Div(OpContext& c) {
  return Binary(c, IsFloat(c.dtype(0)) ? "RealDiv" : "TruncateDiv");
}
absl::Status Equal(OpContext& c) { return Binary(c, "Equal"); }
absl::Status Greater(OpContext& c) { return Binary(c, "Greater"); }
absl::Status GreaterOrEqual(OpContext& c) { return Binary(c, "GreaterEqual"); }
absl::Status Less(OpContext& c) { return Binary(c, "Less"); }
absl::Status LessOrEqual(OpContext& c) { return Binary(c, "LessEqual"); }
absl::Status Max(OpContext& c) { return Variadic(c, "Maximum"); }
absl::Status Min(OpContext& c) { return Variadic(c, "Minimum"); }
// fmod 0 takes the sign of the divisor (floats since opset 28), fmod 1 that of the dividend.
absl::Status Mod(OpContext& c) {
  return Binary(c, c.Bool("fmod", false) ? "FmodTensor" : "FloorMod");
}
absl::Status Mul(OpContext& c) { return Binary(c, "Mul"); }
absl::Status Or(OpContext& c) { return Binary(c, "LogicalOr"); }
absl::Status Sub(OpContext& c) { return Binary(c, "Sub"); }
absl::Status Sum(OpContext& c) { return Variadic(c, "Add"); }
absl::Status Xor(OpContext& c) { return Binary(c, "LogicalXor"); }

absl::Status BitShift(OpContext& c) {
  const std::string direction = c.String("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return absl::InvalidArgumentError(absl::StrCat("direction is '", direction, "'"));
  return Binary(c, direction == "LEFT" ? "LeftShift" : "RightShift");
}

absl::Status Mean(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(ir::Value * sum, Chain(c, "Add"));
  c.SetOutput(0, c.num_inputs() == 1
                     ? sum
                     : c.Op("RealDiv", {sum, c.builder().ScalarLike(c.num_inputs(), sum)}));
  return absl::OkStatus();
}

// The result has the dtype of the base; opset 12 let the exponent have another.
absl::Status Pow(OpContext& c) {
  const DType base = c.dtype(0), exponent = c.dtype(1);
  if (c.version() < 12) MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  GraphBuilder& b = c.builder();
  if (!IsFloat(base) && IsFloat(exponent)) {
    ir::Value* power =
        c.Op("Pow", {b.Cast(c.input(0), DType::kFloat64), b.Cast(c.input(1), DType::kFloat64)});
    c.SetOutput(0, b.Cast(power, base));
    return absl::OkStatus();
  }
  c.SetOutput(0, b.Cast(c.Op("Pow", {c.input(0), c.input(1)}), base));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
