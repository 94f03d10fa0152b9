// onnxruntime's convolutions.
#include "core/converter/onnx/ops/fused_activation.h"

namespace mirin::onnx {
namespace {

// The channels behind the batch, or behind all spatial axes.
ir::Value* MoveChannels(GraphBuilder& b, ir::Value* x, bool last) {
  if (x == nullptr) return nullptr;
  const int rank = x->type().shape.rank();
  std::vector<int64_t> perm = {0};
  if (!last) perm.push_back(rank - 1);
  for (int i = last ? 2 : 1; i < (last ? rank : rank - 1); ++i) perm.push_back(i);
  if (last) perm.push_back(1);
  return b.Transpose(x, perm);
}

}  // namespace

namespace translate {

// activation(conv(X, W) + B + Z)
absl::Status FusedConv(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(Conv(c));
  ir::Value* y = c.outputs()[0].tensor;
  if (y == nullptr) return absl::OkStatus();
  if (c.has_input(3)) y = c.builder().Add(y, c.input(3));
  MIRIN_ASSIGN_OR_RETURN(y, FusedActivation(c.builder(), y, c.String("activation", ""),
                                            c.Floats("activation_params")));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

absl::Status NhwcConv(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(c.Rank(0).status());
  c.SetInput(0, MoveChannels(c.builder(), c.input(0), false));
  MIRIN_RETURN_IF_ERROR(Conv(c));
  c.SetOutput(0, MoveChannels(c.builder(), c.outputs()[0].tensor, true));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
