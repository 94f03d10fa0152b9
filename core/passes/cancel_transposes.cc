#include <algorithm>

#include "core/base/status.h"
#include "core/ops/schema.h"
#include "core/passes/transposes.h"

namespace mirin::passes {
namespace {

// Transpose(Transpose(x)) is one Transpose, or none (remove_identities drops it).
absl::StatusOr<int> Compose(ir::Node* outer) {
  const ir::Node* inner = ProducedBy(outer->input(0), "Transpose");
  const auto first = PermOf(inner), second = PermOf(outer);
  if (!first.has_value() || !second.has_value() || first->size() != second->size()) return 0;
  Perm both;
  for (const int64_t axis : *second) both.push_back((*first)[static_cast<size_t>(axis)]);
  if (std::is_sorted(both.begin(), both.end())) {
    Replace(outer->output(), inner->input(0));
    return 1;
  }
  MIRIN_ASSIGN_OR_RETURN(ir::Value * merged,
                         TransposeBefore(outer, inner->input(0), both, outer->name()));
  Replace(outer->output(), merged);
  return 1;
}

// Reshape(Reshape(x)) only needs the second shape.
int SkipReshape(ir::Node* node) {
  const ir::Value* source = node->input(0);
  const ir::Node* inner = source == nullptr ? nullptr : source->producer();
  if (inner == nullptr || (inner->op() != "Reshape" && inner->op() != "Flatten" &&
                           inner->op() != "ExpandDims" && inner->op() != "Squeeze"))
    return 0;
  if (inner->input(0)->kind() == ir::ValueKind::kVariable || !IntsOf(node->input(1)).has_value())
    return 0;
  node->SetInput(0, inner->input(0));
  return 1;
}

// A transpose of the last two axes in front of a matrix product is a flag of the product. Of one that brings another axis to the end (keys
// of several heads: 0, 2, 3, 1) a transpose is left that moves whole rows.
absl::StatusOr<int> IntoMatMul(ir::Node* node) {
  int changes = 0;
  for (int i = 0; i < 2; ++i) {
    const ir::Node* transpose = ProducedBy(node->input(i), "Transpose");
    auto perm = PermOf(transpose);
    if (!perm.has_value() || perm->size() < 2) continue;
    std::swap((*perm)[perm->size() - 1], (*perm)[perm->size() - 2]);
    ir::Value* source = transpose->input(0);
    if (!std::is_sorted(perm->begin(), perm->end())) {
      const auto last = static_cast<int64_t>(perm->size()) - 1;
      if (i == 0 || perm->back() != last || !HasOneUse(node->input(i))) continue;
      MIRIN_ASSIGN_OR_RETURN(source, TransposeBefore(node, source, *perm, transpose->name()));
    }
    const char* flag = i == 0 ? "transpose_a" : "transpose_b";
    node->attrs().Set(flag, !node->attrs().Bool(flag));
    node->SetInput(i, source);
    ++changes;
  }
  return changes;
}

// f(Transpose(x)) is Transpose(f(x)) for an elementwise f: transposes sink until they meet their inverse. Every tensor
// input must be transposed in the same way, or be one number.
bool LetsTransposesPass(const ir::Node& node) {
  static constexpr absl::string_view kBinary[] = {"Add", "Sub",     "Mul",     "RealDiv",
                                                  "Div", "Maximum", "Minimum", "SquaredDifference"};
  if (std::find(std::begin(kBinary), std::end(kBinary), node.op()) != std::end(kBinary))
    return true;
  const ops::OpSchema* schema = ops::FindSchema(node.op());
  return schema != nullptr && schema->elementwise() && node.num_inputs() == 1;
}

absl::StatusOr<int> Sink(ir::Node* node) {
  if (!LetsTransposesPass(*node)) return 0;
  std::optional<Perm> perm;
  std::vector<ir::Value*> inputs;
  for (ir::Value* v : node->inputs()) {
    if (v == nullptr) return 0;
    if (v->is_constant() && v->tensor().elements() == 1) {
      inputs.push_back(v);
      continue;
    }
    const ir::Node* transpose = ProducedBy(v, "Transpose");
    const auto own = PermOf(transpose);
    if (!own.has_value() || (perm.has_value() && *perm != *own) || !HasOneUse(v)) return 0;
    perm = own;
    inputs.push_back(transpose->input(0));
  }
  if (!perm.has_value() || node->num_outputs() != 1 ||
      node->output()->type().shape.rank() != static_cast<int>(perm->size()))
    return 0;
  // Pays only if it can meet another transpose or merges two into one.
  const auto& uses = node->output()->uses();
  const bool meets = std::any_of(uses.begin(), uses.end(), [](const ir::Value::Use& u) {
    return u.node->op() == "Transpose";
  });
  // A product takes a transpose of the last two axes as a flag, and of keys the others, too (IntoMatMul).
  Perm rows = *perm;
  if (rows.size() >= 2) std::swap(rows[rows.size() - 1], rows[rows.size() - 2]);
  const bool multiplies =
      uses.size() == 1 && rows.size() >= 2 &&
      (uses[0].node->op() == "MatMul" || uses[0].node->op() == "BatchMatMul") &&
      (std::is_sorted(rows.begin(), rows.end()) ||
       (uses[0].index == 1 && rows.back() == static_cast<int64_t>(rows.size()) - 1));
  const bool merges = node->num_inputs() == 2 && node->input(0)->producer() != nullptr &&
                      node->input(1)->producer() != nullptr;
  if (!meets && !multiplies && !merges && !(uses.size() == 1 && LetsTransposesPass(*uses[0].node)))
    return 0;
  std::vector<std::pair<std::string, ir::Attribute>> attributes(node->attrs().map().begin(),
                                                                node->attrs().map().end());
  MIRIN_ASSIGN_OR_RETURN(ir::Node * moved,
                         Insert(node, node->op(), node->name(), inputs, std::move(attributes)));
  MIRIN_ASSIGN_OR_RETURN(
      ir::Value * back, TransposeBefore(node, moved->output(), *perm, node->name() + "/transpose"));
  Replace(node->output(), back);
  return 1;
}

bool IsLive(const ir::Node& node) {
  if (!ops::IsPure(node) || node.num_outputs() == 0) return false;
  return std::any_of(node.outputs().begin(), node.outputs().end(), [&](const auto& v) {
    return !v->uses().empty() || node.graph()->IsOutput(v.get());  // else replaced already
  });
}

absl::StatusOr<int> Move(ir::Node* node) {
  if (!IsLive(*node)) return 0;
  if (node->op() == "Transpose") return Compose(node);
  if (node->op() == "Reshape" || node->op() == "Squeeze") {
    const int skipped = node->op() == "Reshape" ? SkipReshape(node) : 0;
    return skipped > 0 ? skipped : ReshapeBeforeTranspose(node);
  }
  if (node->op() == "MatMul" || node->op() == "BatchMatMul") return IntoMatMul(node);
  MIRIN_ASSIGN_OR_RETURN(const int cut, CutBeforeTranspose(node));
  return cut > 0 ? cut : Sink(node);
}

}  // namespace

absl::StatusOr<int> CancelTransposes(PassContext& context) {
  int total = 0;
  for (int round = 0; round < 100; ++round) {
    MIRIN_ASSIGN_OR_RETURN(int changes, ForEachNode(context.module, Move));
    if (changes == 0) {  // what is left where it is may be simplified
      MIRIN_ASSIGN_OR_RETURN(
          changes, ForEachNode(context.module, [](ir::Node* node) -> absl::StatusOr<int> {
            return node->op() == "Transpose" && IsLive(*node) ? LeaveUnitAxes(node)
                                                              : absl::StatusOr<int>(0);
          }));
    }
    if (changes == 0) break;
    EliminateDeadCode(context.module);  // readers that are gone would keep others where they are
    total += changes;
  }
  return total;
}

}  // namespace mirin::passes
