#include "core/converter/control_flow.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status If(OpContext& c) {
  const auto body = [&](const char* attribute) {
    return [&c, attribute](GraphBuilder* into) { return c.bodies().Inline(attribute, {}, into); };
  };
  MIRIN_ASSIGN_OR_RETURN(
      std::vector<Operand> results,
      converter::Condition(c.builder(), c.input(0), body("then_branch"), body("else_branch")));
  for (size_t i = 0; i < results.size(); ++i)
    c.SetOutput(static_cast<int>(i), std::move(results[i]));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
