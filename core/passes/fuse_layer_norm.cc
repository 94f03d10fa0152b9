#include "core/base/status.h"
#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

bool IsMean(const ir::Node* n) {
  return n != nullptr && (n->op() == "ReduceMean" || n->op() == "MeanExt") &&
         n->attrs().Bool("keep_dims");
}

// The mean over the last axis of its input.
const ir::Node* LastAxisMean(const ir::Value* value) {
  const ir::Node* n = value == nullptr ? nullptr : value->producer();
  if (!IsMean(n) || !n->input(0)->type().shape.rank_known()) return nullptr;
  const auto axes = IntsOf(n->input(1));
  const int rank = n->input(0)->type().shape.rank();
  if (!axes.has_value() || axes->size() != 1 || ((*axes)[0] != -1 && (*axes)[0] != rank - 1))
    return nullptr;
  return n;
}

// value = x - mean(x): x, or null.
ir::Value* Centred(const ir::Value* value) {
  const ir::Node* sub = ProducedBy(value, "Sub");
  if (sub == nullptr) return nullptr;
  const ir::Node* mean = LastAxisMean(sub->input(1));
  return mean != nullptr && mean->input(0) == sub->input(0) ? sub->input(0) : nullptr;
}

// value = mean of the squares of `deviation`, or of (x - mean(x))^2 written as SquaredDifference.
bool IsVariance(const ir::Value* value, const ir::Value* deviation, const ir::Value* x) {
  const ir::Node* mean = LastAxisMean(value);
  const ir::Node* square = mean == nullptr ? nullptr : mean->input(0)->producer();
  if (square == nullptr) return false;
  const auto is_deviation = [&](const ir::Value* v) {
    return v == deviation || (v != nullptr && Centred(v) == x);
  };
  if (square->op() == "Square") return is_deviation(square->input(0));
  if (square->op() == "Pow")
    return is_deviation(square->input(0)) && ScalarOf(square->input(1)) == 2.0;
  if (square->op() == "Mul")
    return is_deviation(square->input(0)) && square->input(0) == square->input(1);
  if (square->op() == "SquaredDifference") {
    const ir::Node* inner = LastAxisMean(square->input(1));
    return square->input(0) == x && inner != nullptr && inner->input(0) == x;
  }
  return false;
}

// value = variance + epsilon.
bool IsShiftedVariance(const ir::Value* value, const ir::Value* deviation, const ir::Value* x,
                       double* epsilon) {
  const ir::Node* add = ProducedBy(value, "Add");
  if (add == nullptr) return false;
  const auto [constant, variance] =
      EitherOrder(*add, [](ir::Value* v) { return ScalarOf(v).has_value(); });
  if (constant == nullptr || !IsVariance(variance, deviation, x)) return false;
  *epsilon = *ScalarOf(constant);
  return true;
}

// value = (x - mean) / sqrt(variance + epsilon), in one of its spellings.
ir::Value* Normalised(const ir::Value* value, double* epsilon) {
  const ir::Node* n = value == nullptr ? nullptr : value->producer();
  if (n == nullptr) return nullptr;
  if (n->op() == "RealDiv" || n->op() == "Div") {
    ir::Value* x = Centred(n->input(0));
    const ir::Node* root = n->input(1) == nullptr ? nullptr : n->input(1)->producer();
    if (x == nullptr || root == nullptr) return nullptr;
    const bool is_root =
        root->op() == "Sqrt" || (root->op() == "Pow" && ScalarOf(root->input(1)) == 0.5);
    return is_root && IsShiftedVariance(root->input(0), n->input(0), x, epsilon) ? x : nullptr;
  }
  if (n->op() != "Mul") return nullptr;
  const auto [root, deviation] =
      EitherOrder(*n, [](ir::Value* v) { return ProducedBy(v, "Rsqrt") != nullptr; });
  ir::Value* x = root == nullptr ? nullptr : Centred(deviation);
  return x != nullptr && IsShiftedVariance(root->producer()->input(0), deviation, x, epsilon)
             ? x
             : nullptr;
}

// A float32 constant with one number per element of the last axis.
bool IsPerElement(const ir::Value* v, int64_t size) {
  return v != nullptr && v->is_constant() && v->type().dtype == DType::kFloat32 &&
         v->tensor().elements() == size && v->tensor().rank() >= 1 &&
         v->tensor().dims().back() == size;
}

}  // namespace

absl::StatusOr<int> FuseLayerNorm(PassContext& context) {
  return ForEachNode(context.module, [&](ir::Node* node) -> absl::StatusOr<int> {
    // normalised * gamma + beta
    if (node->op() != "Add" || node->output()->type().dtype != DType::kFloat32) return 0;
    const Shape& shape = node->output()->type().shape;
    if (!shape.rank_known() || shape.rank() == 0 || shape.dims().back() < 1) return 0;
    const int64_t size = shape.dims().back();
    const auto per_element = [&](ir::Value* v) { return IsPerElement(v, size); };
    const auto [beta, scaled] = EitherOrder(*node, per_element);
    const ir::Node* product = beta == nullptr ? nullptr : ProducedBy(scaled, "Mul");
    if (product == nullptr) return 0;
    const auto [gamma, normalised] = EitherOrder(*product, per_element);
    double epsilon = 0;
    ir::Value* x = gamma == nullptr ? nullptr : Normalised(normalised, &epsilon);
    if (x == nullptr || x->type() != node->output()->type()) return 0;
    const auto flat = [&](ir::Value* v) {
      return v->tensor().rank() == 1
                 ? v
                 : context.module->AddConstant(v->name(), v->tensor().Reshaped({size}));
    };
    MIRIN_ASSIGN_OR_RETURN(ir::Node * fused,
                           Insert(node, "LayerNorm", node->name(), {x, flat(gamma), flat(beta)},
                                  {{"begin_norm_axis", int64_t{-1}},
                                   {"begin_params_axis", int64_t{-1}},
                                   {"epsilon", epsilon}}));
    Replace(node->output(), fused->output());
    return 1;
  });
}

}  // namespace mirin::passes
