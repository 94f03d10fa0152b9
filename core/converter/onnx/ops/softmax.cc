#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// Before opset 13 the axes from `axis` (1 by default) on count as one.
absl::Status SoftmaxLike(OpContext& c, absl::string_view op) {
  GraphBuilder& b = c.builder();
  if (c.version() >= 13) {
    c.SetOutput(0, c.Op(op, {c.input(0)}, {{"axis", c.Int("axis", -1)}}));
    return absl::OkStatus();
  }
  int64_t axis = c.Int("axis", 1);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (axis < 0) axis += rank;
  if (axis < 0 || axis > rank)
    return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of a tensor of rank ", rank));
  if (axis == rank - 1) {
    c.SetOutput(0, c.Op(op, {c.input(0)}, {{"axis", -1}}));
    return absl::OkStatus();
  }
  ir::Value* x = c.input(0);
  ir::Value* flat = c.Op(op, {c.Op("Flatten", {x}, {{"axis", axis}})}, {{"axis", 1}});
  c.SetOutput(0, c.Op("Reshape", {flat, b.ShapeOf(x)}));
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status Softmax(OpContext& c) { return SoftmaxLike(c, "Softmax"); }
absl::Status LogSoftmax(OpContext& c) { return SoftmaxLike(c, "LogSoftmax"); }

}  // namespace translate
}  // namespace mirin::onnx
