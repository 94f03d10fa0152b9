#include <algorithm>

#include "core/base/status.h"
#include "core/ops/schema.h"
#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

using Perm = std::vector<int64_t>;

// The permutation of a Transpose with known axes, non-negative.
std::optional<Perm> PermOf(const ir::Node* transpose) {
  if (transpose == nullptr) return std::nullopt;
  auto perm = IntsOf(transpose->input(1));
  if (!perm.has_value()) return std::nullopt;
  const auto rank = static_cast<int64_t>(perm->size());
  for (int64_t& axis : *perm) {
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return std::nullopt;
  }
  return perm;
}

absl::StatusOr<ir::Value*> TransposeBefore(ir::Node* before, ir::Value* x, const Perm& perm,
                                           const std::string& name) {
  ir::Value* axes = before->graph()->module()->AddConstant(name + "/perm", Tensor::Int64s(perm));
  MIRIN_ASSIGN_OR_RETURN(ir::Node * node, Insert(before, "Transpose", name, {x, axes}));
  return node->output();
}

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
    if (v->is_constant() && v->tensor().elements() == 1 && v->tensor().rank() == 0) {
      inputs.push_back(v);
      continue;
    }
    const ir::Node* transpose = ProducedBy(v, "Transpose");
    const auto own = PermOf(transpose);
    if (!own.has_value() || (perm.has_value() && *perm != *own) || !HasOneUse(v)) return 0;
    perm = own;
    inputs.push_back(transpose->input(0));
  }
  if (!perm.has_value() || node->num_outputs() != 1) return 0;
  // Pays only if it can meet another transpose or merges two into one.
  const auto& uses = node->output()->uses();
  const bool meets = std::any_of(uses.begin(), uses.end(), [](const ir::Value::Use& u) {
    return u.node->op() == "Transpose";
  });
  const bool merges = node->num_inputs() == 2 && node->input(0)->producer() != nullptr &&
                      node->input(1)->producer() != nullptr;
  if (!meets && !merges && !(uses.size() == 1 && LetsTransposesPass(*uses[0].node))) return 0;
  std::vector<std::pair<std::string, ir::Attribute>> attributes(node->attrs().map().begin(),
                                                                node->attrs().map().end());
  MIRIN_ASSIGN_OR_RETURN(ir::Node * moved,
                         Insert(node, node->op(), node->name(), inputs, std::move(attributes)));
  MIRIN_ASSIGN_OR_RETURN(
      ir::Value * back, TransposeBefore(node, moved->output(), *perm, node->name() + "/transpose"));
  Replace(node->output(), back);
  return 1;
}

}  // namespace

absl::StatusOr<int> CancelTransposes(PassContext& context) {
  int total = 0;
  for (int round = 0; round < 100; ++round) {
    MIRIN_ASSIGN_OR_RETURN(
        const int changes, ForEachNode(context.module, [](ir::Node* node) -> absl::StatusOr<int> {
          if (!ops::IsPure(*node) || node->num_outputs() == 0) return 0;
          if (node->output()->uses().empty() && !node->graph()->IsOutput(node->output()))
            return 0;  // replaced already
          if (node->op() == "Transpose") return Compose(node);
          if (node->op() == "Reshape") return SkipReshape(node);
          if (node->op() == "MatMul" || node->op() == "BatchMatMul") return IntoMatMul(node);
          return Sink(node);
        }));
    if (changes == 0) break;
    total += changes;
  }
  return total;
}

}  // namespace mirin::passes
