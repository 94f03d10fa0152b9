#include "core/passes/transposes.h"

#include <algorithm>
#include <numeric>

#include "core/base/status.h"
#include "core/ops/schema.h"

namespace mirin::passes {
namespace {

// Dims without unknown ones, or nothing.
std::optional<Dims> KnownDims(const ir::Value* v) {
  const Shape& shape = v->type().shape;
  if (!shape.concrete()) return std::nullopt;
  return shape.dims();
}

absl::StatusOr<ir::Value*> ReshapeBefore(ir::Node* before, ir::Value* x, const Dims& dims,
                                         const std::string& name) {
  ir::Value* shape = before->graph()->module()->AddConstant(
      name + "/shape", Tensor::Int64s(std::vector<int64_t>(dims.begin(), dims.end())));
  MIRIN_ASSIGN_OR_RETURN(ir::Node * node, Insert(before, "Reshape", name, {x, shape}));
  return node->output();
}

// The permutation of what is left when the result's axis goes.
Perm Without(const Perm& perm, int64_t axis) {
  Perm left;
  for (size_t i = 0; i < perm.size(); ++i) {
    if (static_cast<int64_t>(i) != axis)
      left.push_back(perm[i] - (perm[i] > perm[static_cast<size_t>(axis)] ? 1 : 0));
  }
  return left;
}

std::optional<int64_t> Normalised(int64_t axis, size_t rank) {
  if (axis < 0) axis += static_cast<int64_t>(rank);
  return axis >= 0 && axis < static_cast<int64_t>(rank) ? std::optional<int64_t>(axis)
                                                        : std::nullopt;
}

// The axis of size 1 that the node drops from its input, and nothing else.
std::optional<int64_t> DroppedAxis(const ir::Node& node) {
  const Shape& from = node.input(0)->type().shape;
  if (node.op() == "Squeeze") {
    const std::vector<int64_t> axes = node.attrs().Ints("axis");
    return axes.size() == 1 && from.rank_known()
               ? Normalised(axes[0], static_cast<size_t>(from.rank()))
               : std::nullopt;
  }
  const auto x = KnownDims(node.input(0)), y = KnownDims(node.output());
  if (node.op() != "Reshape" || !x.has_value() || !y.has_value() || x->size() != y->size() + 1)
    return std::nullopt;
  for (size_t axis = 0; axis < x->size(); ++axis) {
    Dims left = *x;
    left.erase(left.begin() + static_cast<int64_t>(axis));
    if ((*x)[axis] == 1 && left == *y) return static_cast<int64_t>(axis);
  }
  return std::nullopt;
}

// Every reader takes one place of the first axis: together they read what the transpose would move once.
bool OnlyChosenFrom(const ir::Value* v, absl::string_view op) {
  if (v->producer()->graph()->IsOutput(v)) return false;
  return std::all_of(v->uses().begin(), v->uses().end(), [&](const ir::Value::Use& use) {
    return use.index == 0 && use.node->op() == op;
  });
}

absl::StatusOr<int> SplitBefore(ir::Node* node, const ir::Node& transpose, const Perm& perm) {
  const auto axis = Normalised(node->attrs().Int("axis"), perm.size());
  if (!axis.has_value() || !HasOneUse(transpose.output())) return 0;
  std::vector<ir::Value*> inputs = node->inputs();
  inputs[0] = transpose.input(0);
  ir::Node* split =
      node->graph()->InsertNode(node, node->op(), node->name(), inputs, node->num_outputs());
  for (const auto& [name, value] : node->attrs().map()) split->attrs().Set(name, value);
  split->attrs().Set("axis", perm[static_cast<size_t>(*axis)]);
  MIRIN_RETURN_IF_ERROR(ops::Normalize(split));
  MIRIN_RETURN_IF_ERROR(ops::InferNode(split));
  for (int i = 0; i < node->num_outputs(); ++i) {
    MIRIN_ASSIGN_OR_RETURN(ir::Value * part, TransposeBefore(node, split->output(i), perm,
                                                             node->name() + "/transpose"));
    Replace(node->output(i), part);
  }
  return 1;
}

// One element along an axis, which goes: Gather by one constant.
absl::StatusOr<int> ChooseBefore(ir::Node* node, const ir::Node& transpose, const Perm& perm) {
  const auto axis = Normalised(node->attrs().Int("axis"), perm.size());
  const ir::Value* index = node->input(1);
  if (!axis.has_value() || node->attrs().Int("batch_dims") != 0 || !index->is_constant() ||
      index->tensor().rank() != 0 || !OnlyChosenFrom(transpose.output(), "Gather"))
    return 0;
  MIRIN_ASSIGN_OR_RETURN(
      ir::Node * chosen,
      Insert(node, "Gather", node->name(), {transpose.input(0), node->input(1)},
             {{"axis", perm[static_cast<size_t>(*axis)]}, {"batch_dims", int64_t{0}}}));
  MIRIN_ASSIGN_OR_RETURN(
      ir::Value * moved,
      TransposeBefore(node, chosen->output(), Without(perm, *axis), node->name() + "/transpose"));
  Replace(node->output(), moved);
  return 1;
}

// A slice along the first axis only, as it is written for each part of an unbound tensor.
absl::StatusOr<int> SliceBefore(ir::Node* node, const ir::Node& transpose, const Perm& perm) {
  std::vector<int64_t> bounds[3];
  for (int i = 0; i < 3; ++i) {
    const auto given = IntsOf(node->input(i + 1));
    if (!given.has_value() || given->size() != 1) return 0;
    bounds[i] = *given;
  }
  for (const char* mask :
       {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"}) {
    if (node->attrs().Int(mask) != 0) return 0;
  }
  if (!OnlyChosenFrom(transpose.output(), "StridedSlice")) return 0;
  const int64_t axis = perm[0], all = (int64_t{1} << axis) - 1;
  std::vector<ir::Value*> inputs = {transpose.input(0)};
  static constexpr int64_t kUnused[] = {0, 0, 1};
  for (int i = 0; i < 3; ++i) {
    bounds[i].insert(bounds[i].begin(), static_cast<size_t>(axis), kUnused[i]);
    inputs.push_back(
        node->graph()->module()->AddConstant(node->name() + "/bounds", Tensor::Int64s(bounds[i])));
  }
  MIRIN_ASSIGN_OR_RETURN(ir::Node * slice, Insert(node, "StridedSlice", node->name(), inputs,
                                                  {{"begin_mask", all}, {"end_mask", all}}));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * moved,
                         TransposeBefore(node, slice->output(), perm, node->name() + "/transpose"));
  Replace(node->output(), moved);
  return 1;
}

// T(x) without an axis of size 1 is T'(x without it).
absl::StatusOr<int> DropBefore(ir::Node* node, const ir::Node& transpose, const Perm& perm) {
  const auto axis = DroppedAxis(*node);
  if (!axis.has_value() || !HasOneUse(transpose.output())) return 0;
  MIRIN_ASSIGN_OR_RETURN(
      ir::Node * dropped,
      Insert(node, "Squeeze", node->name(), {transpose.input(0)},
             {{"axis", std::vector<int64_t>{perm[static_cast<size_t>(*axis)]}}}));
  MIRIN_ASSIGN_OR_RETURN(
      ir::Value * moved,
      TransposeBefore(node, dropped->output(), Without(perm, *axis), node->name() + "/transpose"));
  Replace(node->output(), moved);
  return 1;
}

// [1, T(x)] is T'([1, x]).
absl::StatusOr<int> AddAxisBefore(ir::Node* node, const ir::Node& transpose, const Perm& perm,
                                  const Dims& x, const Dims& y) {
  Dims widened = x;
  widened.insert(widened.begin(), 1);
  const auto source = KnownDims(transpose.input(0));
  if (widened != y || !source.has_value() || !HasOneUse(transpose.output())) return 0;
  Dims before = *source;
  before.insert(before.begin(), 1);
  MIRIN_ASSIGN_OR_RETURN(ir::Value * reshaped,
                         ReshapeBefore(node, transpose.input(0), before, node->name()));
  Perm moved = {0};
  for (const int64_t axis : perm) moved.push_back(axis + 1);
  MIRIN_ASSIGN_OR_RETURN(ir::Value * result,
                         TransposeBefore(node, reshaped, moved, node->name() + "/transpose"));
  Replace(node->output(), result);
  return 1;
}

// Columns of [.., rows, columns] that became rows stay so when the axes before them are regrouped.
absl::StatusOr<int> RegroupBefore(ir::Node* node, const ir::Node& transpose, Perm perm,
                                  const Dims& x, const Dims& y) {
  const size_t from = x.size(), to = y.size();
  if (from < 2 || to < 2 || x[from - 1] != y[to - 1] || x[from - 2] != y[to - 2]) return 0;
  std::swap(perm[from - 1], perm[from - 2]);
  if (!std::is_sorted(perm.begin(), perm.end()) || !HasOneUse(transpose.output())) return 0;
  Dims before = y;
  std::swap(before[to - 1], before[to - 2]);
  MIRIN_ASSIGN_OR_RETURN(ir::Value * reshaped,
                         ReshapeBefore(node, transpose.input(0), before, node->name()));
  Perm moved(to);
  std::iota(moved.begin(), moved.end(), 0);
  std::swap(moved[to - 1], moved[to - 2]);
  MIRIN_ASSIGN_OR_RETURN(ir::Value * result,
                         TransposeBefore(node, reshaped, moved, node->name() + "/transpose"));
  Replace(node->output(), result);
  return 1;
}

// Reshape(Reshape(x, [1, x]) + constant, x): windows of attention scores that get their mask.
absl::StatusOr<int> AddWithoutAxis(ir::Node* node) {
  ir::Node* add = ProducedBy(node->input(0), "Add");
  if (add == nullptr || !HasOneUse(add->output())) return 0;
  const auto [constant, other] = EitherOrder(*add, [](ir::Value* v) { return v->is_constant(); });
  const ir::Node* widen = constant == nullptr ? nullptr : ProducedBy(other, "Reshape");
  if (widen == nullptr || !HasOneUse(other)) return 0;
  const auto x = KnownDims(widen->input(0)), wide = KnownDims(other),
             sum = KnownDims(add->output()), y = KnownDims(node->output());
  if (!x.has_value() || !wide.has_value() || sum != wide || y != x ||
      wide->size() != x->size() + 1 || (*wide)[0] != 1 ||
      !std::equal(x->begin(), x->end(), wide->begin() + 1))
    return 0;
  Dims dims = constant->tensor().dims();
  if (dims.size() == wide->size()) dims.erase(dims.begin());  // 1: the sum is no larger
  ir::Value* narrow =
      node->graph()->module()->AddConstant(constant->name(), constant->tensor().Reshaped(dims));
  MIRIN_ASSIGN_OR_RETURN(ir::Node * sum_node,
                         Insert(node, "Add", add->name(), {widen->input(0), narrow}));
  Replace(node->output(), sum_node->output());
  return 1;
}

}  // namespace

std::optional<Perm> PermOf(const ir::Node* transpose) {
  if (transpose == nullptr || transpose->op() != "Transpose") return std::nullopt;
  auto perm = IntsOf(transpose->input(1));
  if (!perm.has_value()) return std::nullopt;
  for (int64_t& axis : *perm) {
    const auto normalised = Normalised(axis, perm->size());
    if (!normalised.has_value()) return std::nullopt;
    axis = *normalised;
  }
  return perm;
}

absl::StatusOr<ir::Value*> TransposeBefore(ir::Node* before, ir::Value* x, const Perm& perm,
                                           const std::string& name) {
  ir::Value* axes = before->graph()->module()->AddConstant(name + "/perm", Tensor::Int64s(perm));
  MIRIN_ASSIGN_OR_RETURN(ir::Node * node, Insert(before, "Transpose", name, {x, axes}));
  return node->output();
}

absl::StatusOr<int> LeaveUnitAxes(ir::Node* transpose) {
  const auto perm = PermOf(transpose);
  const auto x = KnownDims(transpose->input(0)), y = KnownDims(transpose->output());
  if (!perm.has_value() || !x.has_value() || !y.has_value()) return 0;
  const auto is_unit = [&](int64_t axis) { return (*x)[static_cast<size_t>(axis)] == 1; };
  Perm others;
  std::copy_if(perm->begin(), perm->end(), std::back_inserter(others),
               [&](int64_t axis) { return !is_unit(axis); });
  Perm left;
  size_t next = 0;
  for (int64_t axis = 0; axis < static_cast<int64_t>(x->size()); ++axis)
    left.push_back(is_unit(axis) ? axis : others[next++]);
  if (left == *perm || std::is_sorted(perm->begin(), perm->end())) return 0;
  ir::Value* moved = transpose->input(0);
  if (!std::is_sorted(left.begin(), left.end())) {
    MIRIN_ASSIGN_OR_RETURN(moved, TransposeBefore(transpose, moved, left, transpose->name()));
  }
  if (KnownDims(moved) != y) {
    MIRIN_ASSIGN_OR_RETURN(moved,
                           ReshapeBefore(transpose, moved, *y, transpose->name() + "/reshape"));
  }
  Replace(transpose->output(), moved);
  return 1;
}

absl::StatusOr<int> CutBeforeTranspose(ir::Node* node) {
  const std::string& op = node->op();
  const bool splits = op == "Split" || op == "SplitV" || op == "SplitSizes";
  if (!splits && op != "Gather" && op != "StridedSlice") return 0;
  const ir::Node* transpose = ProducedBy(node->input(0), "Transpose");
  const auto perm = PermOf(transpose);
  if (!perm.has_value()) return 0;
  if (splits) return SplitBefore(node, *transpose, *perm);
  return op == "Gather" ? ChooseBefore(node, *transpose, *perm)
                        : SliceBefore(node, *transpose, *perm);
}

absl::StatusOr<int> ReshapeBeforeTranspose(ir::Node* node) {
  const ir::Node* transpose = ProducedBy(node->input(0), "Transpose");
  const auto perm = PermOf(transpose);
  if (!perm.has_value()) return node->op() == "Reshape" ? AddWithoutAxis(node) : 0;
  MIRIN_ASSIGN_OR_RETURN(const int dropped, DropBefore(node, *transpose, *perm));
  const auto x = KnownDims(transpose->output()), y = KnownDims(node->output());
  if (dropped > 0 || !x.has_value() || !y.has_value()) return dropped;
  MIRIN_ASSIGN_OR_RETURN(const int added, AddAxisBefore(node, *transpose, *perm, *x, *y));
  return added > 0 ? added : RegroupBefore(node, *transpose, *perm, *x, *y);
}

}  // namespace mirin::passes
