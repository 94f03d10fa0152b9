// Operators of one tensor that MindSpore has under another name or the same one.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Abs(OpContext& c) { return Unary(c, "Abs"); }
absl::Status Cos(OpContext& c) { return Unary(c, "Cos"); }
absl::Status Erf(OpContext& c) { return Unary(c, "Erf"); }
absl::Status Exp(OpContext& c) { return Unary(c, "Exp"); }
absl::Status Log(OpContext& c) { return Unary(c, "Log"); }
absl::Status Neg(OpContext& c) { return Unary(c, "Neg"); }
absl::Status Not(OpContext& c) { return Unary(c, "LogicalNot"); }
absl::Status Relu(OpContext& c) { return Unary(c, "ReLU"); }
absl::Status Sigmoid(OpContext& c) { return Unary(c, "Sigmoid"); }
absl::Status Sin(OpContext& c) { return Unary(c, "Sin"); }
absl::Status Sqrt(OpContext& c) { return Unary(c, "Sqrt"); }
absl::Status Tanh(OpContext& c) { return Unary(c, "Tanh"); }

}  // namespace mirin::onnx::translate
