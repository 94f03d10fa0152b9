#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// 1 at the first of the largest elements along an axis, 0 elsewhere.
ir::Value* FirstLargest(GraphBuilder& b, ir::Value* x, int64_t axis) {
  ir::Value* at = b.Op("Argmax", {x}, {{"axis", axis}, {"output_type", DType::kInt64}});
  return b.Op("OneHot", {at, b.DimOf(x, axis), b.ScalarLike(1, x), b.ScalarLike(0, x)},
              {{"axis", axis}});
}

}  // namespace

namespace translate {

// Before opset 13 the axes from `axis` (1 by default) on count as one.
absl::Status Hardmax(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  int64_t axis = c.Int("axis", c.version() >= 13 ? -1 : 1);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (axis < 0) axis += rank;
  if (axis < 0 || axis > rank)
    return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of a tensor of rank ", rank));
  if (c.version() >= 13 || axis == rank - 1) {
    c.SetOutput(0, FirstLargest(b, x, axis));
    return absl::OkStatus();
  }
  ir::Value* flat = FirstLargest(b, c.Op("Flatten", {x}, {{"axis", axis}}), 1);
  c.SetOutput(0, c.Op("Reshape", {flat, b.ShapeOf(x)}));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
