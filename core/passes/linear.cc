#include "core/passes/linear.h"

#include "core/base/status.h"
#include "core/passes/quantised.h"

namespace mirin::passes {

std::optional<Linear> LinearBehind(const ir::Value* value) {
  if (value == nullptr || value->producer() == nullptr || value->output_index() != 0 ||
      !HasOneUse(value))
    return std::nullopt;
  Linear linear;
  linear.node = value->producer();
  const std::string& op = linear.node->op();
  const ir::Value* weight = linear.node->num_inputs() > 1 ? linear.node->input(1) : nullptr;
  if (weight == nullptr || !weight->type().shape.concrete()) return std::nullopt;
  if (op == "DynamicQuantMatMul" && linear.node->output()->type().shape.rank_known()) {
    linear.weight_axis = linear.node->attrs().Bool("transpose_b") ? 0 : 1;
    linear.bias = 3;
    linear.channels = weight->type().shape.dim(linear.weight_axis);
    return linear;
  }
  if (weight->type().dtype != DType::kFloat32) return std::nullopt;
  if (!weight->is_constant() &&
      (weight->producer() == nullptr || !IsStoredWeight(*weight->producer())))
    return std::nullopt;
  const Dims& dims = weight->type().shape.dims();
  if (op == "Conv2D" || op == "Conv3D") {
    linear.channels_from_end = static_cast<int>(dims.size()) - 1;
  } else if (op == "Conv2DTranspose") {
    if (linear.node->attrs().Int("group", 1) != 1) return std::nullopt;
    linear.weight_axis = 1;
    linear.bias = 3;
    linear.channels_from_end = 3;
  } else if (op == "MatMul" || op == "BatchMatMul" || op == "Dense") {
    if (dims.size() != 2 || !linear.node->output()->type().shape.rank_known()) return std::nullopt;
    if (linear.node->input(0)->type().shape.rank() < 2) return std::nullopt;
    linear.weight_axis = linear.node->attrs().Bool("transpose_b") ? 0 : 1;
  } else {
    return std::nullopt;
  }
  if (dims.size() <= static_cast<size_t>(linear.weight_axis)) return std::nullopt;
  linear.channels = dims[static_cast<size_t>(linear.weight_axis)];
  return linear;
}

std::optional<std::vector<float>> PerChannel(const ir::Value* constant, const Linear& linear) {
  const auto values = FloatsOf(constant);
  const Shape& shape = linear.node->output()->type().shape;
  if (!values.has_value() || !shape.rank_known() || linear.channels < 1) return std::nullopt;
  const Dims& dims = constant->tensor().dims();
  if (static_cast<int>(dims.size()) > shape.rank()) return std::nullopt;
  for (size_t i = 0; i < dims.size(); ++i) {
    const bool channel_axis = static_cast<int>(dims.size() - i) == linear.channels_from_end;
    if (dims[i] != 1 && !(channel_axis && dims[i] == linear.channels)) return std::nullopt;
  }
  if (values->size() == 1)
    return std::vector<float>(static_cast<size_t>(linear.channels), (*values)[0]);
  return values;
}

absl::StatusOr<ir::Node*> CopyLinear(const Linear& linear, ir::Node* before, ir::Value* weight,
                                     ir::Value* bias) {
  std::vector<ir::Value*> inputs = linear.node->inputs();
  if (weight != nullptr) inputs[1] = weight;
  if (bias != nullptr) {
    if (inputs.size() <= static_cast<size_t>(linear.bias))
      inputs.resize(static_cast<size_t>(linear.bias) + 1, nullptr);
    inputs[static_cast<size_t>(linear.bias)] = bias;
  }
  std::vector<std::pair<std::string, ir::Attribute>> attributes(linear.node->attrs().map().begin(),
                                                                linear.node->attrs().map().end());
  return Insert(before, linear.node->op(), linear.node->name(), inputs, std::move(attributes));
}

}  // namespace mirin::passes
