// Writing by index into a copy. Negative indices count from the end of their axis.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Opset 16 added the reductions add and mul, opset 18 max and min.
absl::Status ScatterElements(OpContext& c) {
  const std::string reduction = c.version() >= 16 ? c.String("reduction", "none") : "none";
  c.SetOutput(0, c.Op("TensorScatterElements", {c.input(0), c.input(1), c.input(2)},
                      {{"axis", c.Int("axis", 0)}, {"reduction", reduction}}));
  return absl::OkStatus();
}

// The name of ScatterElements before opset 11.
absl::Status Scatter(OpContext& c) { return ScatterElements(c); }

absl::Status ScatterND(OpContext& c) {
  static constexpr std::pair<absl::string_view, absl::string_view> kOps[] = {
      {"none", "TensorScatterUpdate"},
      {"add", "TensorScatterAdd"},
      {"mul", "TensorScatterMul"},
      {"max", "TensorScatterMax"},
      {"min", "TensorScatterMin"}};
  const std::string reduction = c.version() >= 16 ? c.String("reduction", "none") : "none";
  for (const auto& [name, op] : kOps) {
    if (reduction != name) continue;
    c.SetOutput(0, c.Op(op, {c.input(0), c.input(1), c.input(2)}));
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("reduction '", reduction, "'"));
}

}  // namespace mirin::onnx::translate
