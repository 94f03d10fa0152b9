#include <algorithm>
#include <numeric>

#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

bool IsOneOf(const std::string& op, std::initializer_list<absl::string_view> ops) {
  for (absl::string_view o : ops) {
    if (o == op) return true;
  }
  return false;
}

bool KeepsOrder(const ir::Node& node) {
  const auto perm = IntsOf(node.input(1));
  if (!perm.has_value()) return false;
  for (size_t i = 0; i < perm->size(); ++i) {
    const int64_t axis =
        (*perm)[i] < 0 ? (*perm)[i] + static_cast<int64_t>(perm->size()) : (*perm)[i];
    if (axis != static_cast<int64_t>(i)) return false;
  }
  return true;
}

bool IsAll(const std::optional<std::vector<int64_t>>& values, int64_t number) {
  return values.has_value() &&
         std::all_of(values->begin(), values->end(), [&](int64_t v) { return v == number; });
}

bool GivesInputBack(const ir::Node& node) {
  const ir::TensorType& from = node.input(0)->type();
  const ir::TensorType& to = node.output(0)->type();
  const std::string& op = node.op();
  if (IsOneOf(op, {"Identity", "StopGradient", "Copy"})) return true;
  if (op == "Dropout")
    return node.output(1)->uses().empty() && !node.graph()->IsOutput(node.output(1));
  if (op == "Cast") return from.dtype == to.dtype && from.dtype != DType::kUnknown;
  if (op == "Transpose") return KeepsOrder(node);
  if (op == "Concat" || op == "AddN") return node.num_inputs() == 1;
  const bool same = from == to && from.shape.concrete();
  if (IsOneOf(op, {"Reshape", "View", "Flatten", "ExpandDims", "Squeeze", "Unsqueeze",
                   "BroadcastTo", "Tile"}))
    return same;
  // A slice that is as large as its input has all of it, in order unless it steps backwards.
  if (op == "StridedSlice") return same && IsAll(IntsOf(node.input(3)), 1);
  if (op == "StridedSliceAxes")
    return same && (node.input(4) == nullptr || IsAll(IntsOf(node.input(4)), 1));
  if (op == "Slice") return same;
  if (op == "Pad") return same && IsAll(node.attrs().Ints("paddings"), 0);
  if (op == "PadV3") return same && IsAll(IntsOf(node.input(1)), 0);
  if (IsOneOf(op, {"Mul", "Div", "RealDiv", "Muls", "Divs"}) && node.num_inputs() > 1) {
    return same && ScalarOf(node.input(1)) == 1.0;
  }
  return false;
}

// The operand that a constant condition chooses everywhere, if nothing broadcasts.
ir::Value* ChosenEverywhere(const ir::Node& select) {
  if (!select.input(0)->is_constant() || select.input(0)->type().dtype != DType::kBool)
    return nullptr;
  const auto condition = select.input(0)->tensor().ToInt64s();
  if (!condition.ok() || condition->empty()) return nullptr;
  const bool first = condition->front() != 0;
  for (int64_t c : *condition) {
    if ((c != 0) != first) return nullptr;
  }
  ir::Value* chosen = select.input(first ? 1 : 2);
  const ir::TensorType& to = select.output(0)->type();
  return chosen->type() == to && to.shape.concrete() ? chosen : nullptr;
}

}  // namespace

absl::StatusOr<int> RemoveIdentities(PassContext& context) {
  return ForEachNode(context.module, [](ir::Node* node) -> absl::StatusOr<int> {
    if (!node->branches().empty() || node->num_outputs() == 0 || node->input(0) == nullptr)
      return 0;
    ir::Value* same = node->op() == "Select"  ? ChosenEverywhere(*node)
                      : GivesInputBack(*node) ? node->input(0)
                                              : nullptr;
    if (same == nullptr || same->kind() == ir::ValueKind::kVariable) return 0;
    if (node->output()->uses().empty() && !node->graph()->IsOutput(node->output())) return 0;
    Replace(node->output(), same);
    return 1;
  });
}

}  // namespace mirin::passes
