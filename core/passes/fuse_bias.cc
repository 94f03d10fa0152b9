#include "core/base/status.h"
#include "core/passes/linear.h"

namespace mirin::passes {
namespace {

// The constant that the node adds to a Linear, one number per channel.
std::optional<std::vector<float>> AddedBias(const ir::Node& node, std::optional<Linear>* linear) {
  if (node.op() == "BiasAdd") {
    *linear = LinearBehind(node.input(0));
    const auto values = FloatsOf(node.input(1));
    if (!linear->has_value() || !values.has_value()) return std::nullopt;
    // BiasAdd adds along axis 1, or along the last axis of NHWC data.
    const int rank = (*linear)->node->output()->type().shape.rank();
    const int axis_from_end = node.attrs().String("data_format", "NCHW") == "NHWC" ? 1 : rank - 1;
    if (axis_from_end != (*linear)->channels_from_end) return std::nullopt;
    return static_cast<int64_t>(values->size()) == (*linear)->channels ? values : std::nullopt;
  }
  if (node.op() != "Add") return std::nullopt;
  const auto [constant, other] = EitherOrder(node, [](ir::Value* v) { return v->is_constant(); });
  if (constant == nullptr) return std::nullopt;
  *linear = LinearBehind(other);
  return linear->has_value() ? PerChannel(constant, **linear) : std::nullopt;
}

}  // namespace

absl::StatusOr<int> FuseBias(PassContext& context) {
  return ForEachNode(context.module, [&](ir::Node* node) -> absl::StatusOr<int> {
    std::optional<Linear> linear;
    auto added = AddedBias(*node, &linear);
    if (!added.has_value() || linear->has_activation() || linear->has_residual()) return 0;
    if (linear->has_bias()) {
      const auto present = FloatsOf(linear->node->input(linear->bias));
      if (!present.has_value() || present->size() != added->size()) return 0;
      for (size_t i = 0; i < added->size(); ++i) (*added)[i] += (*present)[i];
    }
    ir::Value* bias = context.module->AddConstant(
        node->name() + "/bias", Tensor::FromValues<float>({linear->channels}, *added));
    MIRIN_ASSIGN_OR_RETURN(ir::Node * fused, CopyLinear(*linear, node, nullptr, bias));
    Replace(node->output(), fused->output());
    return 1;
  });
}

}  // namespace mirin::passes
