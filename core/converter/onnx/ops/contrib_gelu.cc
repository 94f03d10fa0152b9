// onnxruntime's spellings of GELU.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// Of x, or of x and a bias for the last axis.
absl::Status GeluOfSum(OpContext& c, absl::string_view op) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  ir::Value* x = c.has_input(1) ? c.builder().Add(c.input(0), c.input(1)) : c.input(0);
  c.SetOutput(0, c.Op(op, {x}));
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status BiasGelu(OpContext& c) { return GeluOfSum(c, "GeLUErf"); }
absl::Status FastGelu(OpContext& c) { return GeluOfSum(c, "GeLU"); }
absl::Status MicrosoftGelu(OpContext& c) { return Unary(c, "GeLUErf"); }

absl::Status QuickGelu(OpContext& c) {
  ir::Value* x = c.input(0);
  GraphBuilder& b = c.builder();
  const double alpha = c.Float("alpha", 1.702f);
  c.SetOutput(0, alpha == 1 ? c.Op("SiLU", {x})
                            : b.Mul(x, c.Op("Sigmoid", {b.Mul(x, b.ScalarLike(alpha, x))})));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
