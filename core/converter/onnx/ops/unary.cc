// Operators of one tensor that MindSpore has under another name or the same one.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Abs(OpContext& c) { return Unary(c, "Abs"); }
absl::Status Acos(OpContext& c) { return Unary(c, "ACos"); }
absl::Status Acosh(OpContext& c) { return Unary(c, "Acosh"); }
absl::Status Asin(OpContext& c) { return Unary(c, "Asin"); }
absl::Status Asinh(OpContext& c) { return Unary(c, "Asinh"); }
absl::Status Atan(OpContext& c) { return Unary(c, "Atan"); }
absl::Status Atanh(OpContext& c) { return Unary(c, "Atanh"); }
absl::Status BitwiseNot(OpContext& c) { return Unary(c, "BitwiseNot"); }
absl::Status Ceil(OpContext& c) { return Unary(c, "Ceil"); }
absl::Status Cos(OpContext& c) { return Unary(c, "Cos"); }
absl::Status Cosh(OpContext& c) { return Unary(c, "Cosh"); }
absl::Status Erf(OpContext& c) { return Unary(c, "Erf"); }
absl::Status Exp(OpContext& c) { return Unary(c, "Exp"); }
absl::Status Floor(OpContext& c) { return Unary(c, "Floor"); }
absl::Status IsNaN(OpContext& c) { return Unary(c, "IsNan"); }
absl::Status Log(OpContext& c) { return Unary(c, "Log"); }
absl::Status Neg(OpContext& c) { return Unary(c, "Neg"); }
absl::Status Not(OpContext& c) { return Unary(c, "LogicalNot"); }
absl::Status Reciprocal(OpContext& c) { return Unary(c, "Reciprocal"); }
// Half to even.
absl::Status Round(OpContext& c) { return Unary(c, "Rint"); }
absl::Status Sigmoid(OpContext& c) { return Unary(c, "Sigmoid"); }
absl::Status Sign(OpContext& c) { return Unary(c, "Sign"); }
absl::Status Sin(OpContext& c) { return Unary(c, "Sin"); }
absl::Status Sinh(OpContext& c) { return Unary(c, "Sinh"); }
absl::Status Sqrt(OpContext& c) { return Unary(c, "Sqrt"); }
absl::Status Tan(OpContext& c) { return Unary(c, "Tan"); }
absl::Status Tanh(OpContext& c) { return Unary(c, "Tanh"); }

// Either sign may be left out.
absl::Status IsInf(OpContext& c) {
  const bool negative = c.Bool("detect_negative", true), positive = c.Bool("detect_positive", true);
  if (negative && positive) return Unary(c, "IsInf");
  ir::Value* x = c.input(0);
  ir::Value* infinity = c.builder().ScalarLike(positive ? INFINITY : -INFINITY, x);
  c.SetOutput(0, c.Op(positive || negative ? "Equal" : "Less",
                      {x, infinity}));  // nothing is less than -inf
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
