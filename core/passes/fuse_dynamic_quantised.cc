// Recognises products of numbers that are quantised while the model runs: DynamicQuantizeLinear, MatMulInteger, and their scales.
#include "core/base/status.h"
#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

// (q - zero) w by the results q and zero of one DynamicQuantizeLinear.
struct IntegerProduct {
  ir::Node* quantize = nullptr;
  ir::Node* product = nullptr;
};

std::optional<IntegerProduct> ProductBehind(const ir::Value* value) {
  ir::Node* cast = ProducedBy(value, "Cast");
  if (cast == nullptr || !HasOneUse(value)) return std::nullopt;
  ir::Node* product = ProducedBy(cast->input(0), "MatMulInteger");
  if (product == nullptr || !HasOneUse(cast->input(0))) return std::nullopt;
  ir::Node* quantize = ProducedBy(product->input(0), "DynamicQuantizeLinear");
  if (quantize == nullptr || product->input(0)->output_index() != 0 ||
      product->input(2) != quantize->output(2))
    return std::nullopt;
  return IntegerProduct{quantize, product};
}

// One number for each column from a constant of one number, or of as many along its last axis.
std::optional<std::vector<float>> PerColumn(const ir::Value* constant, int64_t columns) {
  std::optional<std::vector<float>> values = FloatsOf(constant);
  if (!values.has_value() || constant->type().shape.rank() > 1) return std::nullopt;
  if (values->size() == 1) values->assign(static_cast<size_t>(columns), (*values)[0]);
  if (static_cast<int64_t>(values->size()) != columns) return std::nullopt;
  return values;
}

// The scale of the weight in scale * weight_scale.
const ir::Value* WeightScale(const ir::Value* scales, const ir::Value* scale) {
  const ir::Node* both = ProducedBy(scales, "Mul");
  if (both == nullptr) return nullptr;
  return both->input(0) == scale   ? both->input(1)
         : both->input(1) == scale ? both->input(0)
                                   : nullptr;
}

absl::StatusOr<int> Fuse(ir::Node* node) {
  if (node->op() != "Mul" || node->output()->type().dtype != DType::kFloat32) return 0;
  for (const int i : {0, 1}) {
    const std::optional<IntegerProduct> found = ProductBehind(node->input(i));
    if (!found.has_value()) continue;
    const ir::Value *weight = found->product->input(1),
                    *weight_scale = WeightScale(node->input(1 - i), found->quantize->output(1));
    const bool transposed = found->product->attrs().Bool("transpose_b");
    if (weight_scale == nullptr || !weight->is_constant()) continue;
    const int64_t columns = weight->tensor().dims()[transposed ? 0 : 1];
    const std::optional<std::vector<float>> scale = PerColumn(weight_scale, columns);
    if (!scale.has_value()) continue;
    ir::Value* by_column = node->graph()->module()->AddConstant(
        weight_scale->name(), Tensor::FromValues<float>({columns}, *scale));
    MIRIN_ASSIGN_OR_RETURN(ir::Node * fused,
                           Insert(node, "DynamicQuantMatMul", found->product->name(),
                                  {found->quantize->input(0), found->product->input(1), by_column},
                                  {{"transpose_b", transposed}, {"range", std::string("tensor")}}));
    Replace(node->output(), fused->output());
    return 1;
  }
  return 0;
}

}  // namespace

absl::StatusOr<int> FuseDynamicQuantised(PassContext& context) {
  return ForEachNode(context.module, Fuse);
}

}  // namespace mirin::passes
