// Broadcasting arithmetic, comparison and logic of two tensors. Opset 7 gave them NumPy's broadcasting; older ones are refused with the model.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Add(OpContext& c) { return Binary(c, "Add"); }
absl::Status And(OpContext& c) { return Binary(c, "LogicalAnd"); }
// Integers: towards zero, as C does.
absl::Status Div(OpContext& c) { return Binary(c, IsFloat(c.dtype(0)) ? "RealDiv" : "TruncateDiv"); }
absl::Status Equal(OpContext& c) { return Binary(c, "Equal"); }
absl::Status Greater(OpContext& c) { return Binary(c, "Greater"); }
absl::Status GreaterOrEqual(OpContext& c) { return Binary(c, "GreaterEqual"); }
absl::Status Less(OpContext& c) { return Binary(c, "Less"); }
absl::Status LessOrEqual(OpContext& c) { return Binary(c, "LessEqual"); }
absl::Status Mul(OpContext& c) { return Binary(c, "Mul"); }
absl::Status Or(OpContext& c) { return Binary(c, "LogicalOr"); }
absl::Status Sub(OpContext& c) { return Binary(c, "Sub"); }
absl::Status Xor(OpContext& c) { return Binary(c, "LogicalXor"); }

}  // namespace mirin::onnx::translate
