#include "core/converter/control_flow.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Inputs M?, cond?, carried..; the body takes (step, cond, carried..) and gives (cond, carried.., rows..).
absl::Status Loop(OpContext& c) {
  GraphBuilder& b = c.builder();
  const size_t carried = c.num_inputs() > 2 ? static_cast<size_t>(c.num_inputs() - 2) : 0;
  const int results = c.bodies().num_outputs("body");
  if (results < 1 + static_cast<int>(carried)) return absl::InvalidArgumentError(absl::StrCat("its body gives ", results, " results for ", carried, " carried values"));
  converter::LoopSpec spec;
  if (c.has_input(0)) spec.trips = c.input(0);
  if (c.has_input(1)) spec.condition = c.input(1);
  for (size_t i = 0; i < carried; ++i) {
    if (c.operand(static_cast<int>(i) + 2).tensor == nullptr) {
      return Refuse(absl::StrCat("its carried value ", i, " is a sequence or an optional"), "carry a tensor, growing by Concat");
    }
    spec.carried.push_back(c.input(static_cast<int>(i) + 2));
  }
  spec.rows = static_cast<size_t>(results) - 1 - carried;
  spec.body = [&](ir::Value* step, ir::Value* condition, const std::vector<ir::Value*>& values, GraphBuilder* into) -> absl::StatusOr<std::vector<ir::Value*>> {
    std::vector<Operand> inputs = {Operand::Tensor(step), Operand::Tensor(condition)};
    for (ir::Value* v : values) inputs.push_back(Operand::Tensor(v));
    MIRIN_ASSIGN_OR_RETURN(const std::vector<Operand> given, c.bodies().Inline("body", inputs, into));
    std::vector<ir::Value*> tensors;
    for (const Operand& o : given) {
      if (o.tensor == nullptr) return Refuse("its body gives a sequence or an optional", "carry a tensor, growing by Concat");
      tensors.push_back(o.tensor);
    }
    return tensors;
  };
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ir::Value*> values, converter::Loop(b, spec));
  for (size_t i = 0; i < values.size(); ++i) c.SetOutput(static_cast<int>(i), values[i]);
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
