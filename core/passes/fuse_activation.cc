#include "core/base/status.h"
#include "core/ops/activation_kind.h"
#include "core/ops/schema.h"
#include "core/passes/linear.h"

namespace mirin::passes {

absl::StatusOr<int> FuseActivation(PassContext& context) {
  return ForEachNode(context.module, [](ir::Node* node) -> absl::StatusOr<int> {
    const absl::string_view activation = ops::FusedName(node->op());
    if (activation.empty() || node->num_inputs() != 1) return 0;
    // What it applies to may stand behind reshapes and transposes: they only move elements.
    const auto only_moves = [](const ir::Node& n) {
      const ops::OpSchema* schema = ops::FindSchema(n.op());
      return n.op() == "Transpose" || (schema != nullptr && schema->view());
    };
    ir::Value* value = node->input(0);
    while (value != nullptr && value->producer() != nullptr && HasOneUse(value) &&
           only_moves(*value->producer()))
      value = value->producer()->input(0);
    const std::optional<Linear> linear = LinearBehind(value);
    if (!linear.has_value() || linear->has_activation() || linear->node->op() == "Conv2DTranspose")
      return 0;
    linear->node->attrs().Set("activation", std::string(activation));
    Replace(node->output(), node->input(0));
    return 1;
  });
}

}  // namespace mirin::passes
