#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// values is [off, on]. Negative indices count from depth; what is outside [-depth, depth) is off everywhere.
absl::Status OneHot(OpContext& c) {
  GraphBuilder& b = c.builder();
  const Shape& values = c.shape(2);
  if (values.concrete() && values != Shape({2}))
    return absl::InvalidArgumentError(
        absl::StrCat("values have shape ", ToString(values), ", expected [2]"));
  ir::Value* indices = b.Cast(c.input(0), DType::kInt64);
  ir::Value* depth = AsScalar(b, b.Cast(c.input(1), DType::kInt64));
  indices = c.Op("Select", {c.Op("Less", {indices, b.Int(0)}), b.Add(indices, depth), indices});
  ir::Value* off = c.Op("Gather", {c.input(2), b.Int(0)}, {{"axis", 0}});
  ir::Value* on = c.Op("Gather", {c.input(2), b.Int(1)}, {{"axis", 0}});
  c.SetOutput(0, c.Op("OneHot", {indices, depth, on, off}, {{"axis", c.Int("axis", -1)}}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
