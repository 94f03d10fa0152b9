#include <cmath>

#include "core/base/status.h"
#include "core/passes/linear.h"

namespace mirin::passes {
namespace {

// y = x * scale + shift, per output channel.
struct Affine {
  std::vector<double> scale, shift;
};

// A reshape in front of the node that regroups other axes than the last: the channels of a matrix product stay where they are.
const ir::Node* RegroupingBefore(const ir::Node& node) {
  const ir::Node* reshape = ProducedBy(node.input(0), "Reshape");
  if (reshape == nullptr || !HasOneUse(node.input(0))) return nullptr;
  const Shape &from = reshape->input(0)->type().shape, &to = node.input(0)->type().shape;
  return from.rank_known() && to.rank_known() && from.rank() > 1 && to.rank() == 2 &&
                 to.dim(1) >= 0 && from.dim(from.rank() - 1) == to.dim(1)
             ? reshape
             : nullptr;
}

std::optional<Affine> FromBatchNorm(const ir::Node& node, std::optional<Linear>* linear) {
  // Only y is made by inference; the statistics must have no reader.
  for (int i = 1; i < node.num_outputs(); ++i) {
    if (!node.output(i)->uses().empty() || node.graph()->IsOutput(node.output(i)))
      return std::nullopt;
  }
  const ir::Node* regrouping = RegroupingBefore(node);
  *linear = LinearBehind(regrouping == nullptr ? node.input(0) : regrouping->input(0));
  if (!linear->has_value() || node.attrs().Bool("is_training") ||
      node.attrs().String("data_format", "NCHW") != "NCHW")
    return std::nullopt;
  const int rank = node.input(0)->type().shape.rank();
  if (rank - 1 != (*linear)->channels_from_end)
    return std::nullopt;  // BatchNorm works along axis 1
  const auto scale = FloatsOf(node.input(1)), bias = FloatsOf(node.input(2)),
             mean = FloatsOf(node.input(3)), variance = FloatsOf(node.input(4));
  if (!scale || !bias || !mean || !variance) return std::nullopt;
  const auto n = static_cast<size_t>((*linear)->channels);
  if (scale->size() != n || bias->size() != n || mean->size() != n || variance->size() != n)
    return std::nullopt;
  const double epsilon = node.attrs().Float("epsilon");
  Affine affine;
  for (size_t i = 0; i < n; ++i) {
    const double s = (*scale)[i] / std::sqrt(static_cast<double>((*variance)[i]) + epsilon);
    affine.scale.push_back(s);
    affine.shift.push_back((*bias)[i] - (*mean)[i] * s);
  }
  return affine;
}

std::optional<Affine> FromScale(const ir::Node& node, std::optional<Linear>* linear) {
  const bool divides = node.op() == "RealDiv" || node.op() == "Div" || node.op() == "Divs";
  ir::Value* constant = nullptr;
  ir::Value* other = nullptr;
  if (divides) {
    constant = node.input(1);
    other = node.input(0);
  } else {
    std::tie(constant, other) = EitherOrder(node, [](ir::Value* v) { return v->is_constant(); });
  }
  if (constant == nullptr) return std::nullopt;
  *linear = LinearBehind(other);
  const auto values = linear->has_value() ? PerChannel(constant, **linear) : std::nullopt;
  if (!values.has_value()) return std::nullopt;
  Affine affine;
  for (const float v : *values) {
    if (divides && v == 0) return std::nullopt;
    affine.scale.push_back(divides ? 1.0 / v : v);
    affine.shift.push_back(0);
  }
  return affine;
}

std::optional<Affine> Match(const ir::Node& node, std::optional<Linear>* linear) {
  const std::string& op = node.op();
  if (op == "BatchNorm") return FromBatchNorm(node, linear);
  if (op == "Mul" || op == "Muls" || op == "RealDiv" || op == "Div" || op == "Divs")
    return FromScale(node, linear);
  return std::nullopt;
}

}  // namespace

absl::StatusOr<int> FoldBatchNorm(PassContext& context) {
  return ForEachNode(context.module, [&](ir::Node* node) -> absl::StatusOr<int> {
    std::optional<Linear> linear;
    const auto affine = Match(*node, &linear);
    if (!affine.has_value() || linear->has_activation() || linear->has_residual()) return 0;
    auto scaled = FloatsOf(linear->node->input(1));
    if (!scaled.has_value()) return 0;  // stored as integers
    const Dims& dims = linear->node->input(1)->tensor().dims();
    const auto old_bias = FloatsOf(linear->node->input(linear->bias));
    if (linear->has_bias() && !old_bias.has_value()) return 0;
    int64_t inner = 1;
    for (size_t i = static_cast<size_t>(linear->weight_axis) + 1; i < dims.size(); ++i)
      inner *= dims[i];
    for (size_t i = 0; i < scaled->size(); ++i) {
      const size_t channel =
          static_cast<size_t>(static_cast<int64_t>(i) / inner % linear->channels);
      (*scaled)[i] = static_cast<float>((*scaled)[i] * affine->scale[channel]);
    }
    std::vector<float> bias(affine->shift.size());
    bool any_bias = old_bias.has_value();
    for (size_t i = 0; i < bias.size(); ++i) {
      bias[i] = static_cast<float>(
          (old_bias.has_value() ? (*old_bias)[i] * affine->scale[i] : 0.0) + affine->shift[i]);
      any_bias |= bias[i] != 0;
    }
    ir::Module* module = context.module;
    ir::Value* new_weight = module->AddConstant(linear->node->input(1)->name(),
                                                Tensor::FromValues<float>(dims, *scaled));
    ir::Value* new_bias =
        any_bias ? module->AddConstant(node->name() + "/bias",
                                       Tensor::FromValues<float>({linear->channels}, bias))
                 : nullptr;
    MIRIN_ASSIGN_OR_RETURN(ir::Node * fused, CopyLinear(*linear, node, new_weight, new_bias));
    if (linear->node->output() != node->input(0) && node->op() == "BatchNorm") {
      const ir::Node* regrouping = node->input(0)->producer();
      MIRIN_ASSIGN_OR_RETURN(fused, Insert(node, "Reshape", regrouping->name(),
                                           {fused->output(), regrouping->input(1)}));
    }
    Replace(node->output(), fused->output());
    return 1;
  });
}

}  // namespace mirin::passes
