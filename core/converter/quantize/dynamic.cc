#include "core/converter/quantize/dynamic.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "core/base/status.h"
#include "core/converter/quantize/weights.h"
#include "core/passes/pass.h"
#include "core/passes/quantised.h"

namespace mirin::converter {
namespace {

// Why the node stays, or "".
std::string ReasonToStay(const ir::Node& node) {
  if (!passes::IsLinearOp(node)) return "only matrix products are quantised while the model runs";
  if (node.op() != "MatMul" && node.op() != "BatchMatMul" && node.op() != "MatMulExt" &&
      node.op() != "Dense")
    return "convolutions need FULL_QUANT";
  const Shape& x = node.input(0)->type().shape;
  if (!x.rank_known() || x.rank() < 1) return "a left side of unknown rank";
  if (node.attrs().Bool("transpose_a") && x.rank() > 1) return "a transposed left side";
  const ir::Value* bias = node.input(2);
  if (bias != nullptr && (!bias->is_constant() ||
                          bias->tensor().elements() != node.output()->type().shape.dims().back()))
    return "a bias that is not one number per column";
  return "";
}

// One scale for each column, as the operator has it.
absl::StatusOr<Tensor> PerColumn(const Tensor& scale, int64_t columns) {
  if (scale.rank() == 1) return scale;
  return Tensor::FromValues<float>(
      {columns}, std::vector<float>(static_cast<size_t>(columns), scale.data_as<float>()[0]));
}

}  // namespace

absl::Status QuantizeDynamically(const QuantConfig& config, ir::Module* module, Layers* layers) {
  const bool per_column = config.dynamic_axes == QuantConfig::Axes::kLayerWise;
  absl::flat_hash_map<std::pair<const ir::Value*, int>, StoredConstants>
      stored;  // by weight and axis
  for (const WeightUse& use : FindWeights(config, *module)) {
    ir::Node* node = use.node;
    const ir::Value& weight = *use.weight();
    const int64_t elements = weight.tensor().elements();
    std::string reason = ReasonToStay(*node);
    if (reason.empty()) {
      auto [it, is_new] = stored.try_emplace({&weight, use.axis});
      if (is_new) {
        absl::StatusOr<StoredWeight> made =
            StoreWeight(weight.tensor(), per_column ? use.axis : -1, 8);
        if (made.ok()) {
          MIRIN_ASSIGN_OR_RETURN(
              made->scale,
              PerColumn(made->scale, weight.tensor().dims()[static_cast<size_t>(use.axis)]));
          layers->Quantised(*node, elements, 8, made->error);
          it->second = AddStored(module, weight.name(), *made);
        } else if (absl::IsInvalidArgument(made.status())) {
          reason = std::string(made.status().message());
        } else {
          return made.status();
        }
      }
      if (it->second.q != nullptr) {
        std::vector<ir::Value*> inputs = {node->input(0), it->second.q, it->second.scale};
        if (node->input(2) != nullptr) inputs.push_back(node->input(2));
        MIRIN_ASSIGN_OR_RETURN(
            ir::Node * product,
            passes::Insert(node, "DynamicQuantMatMul", node->name(), inputs,
                           {{"transpose_b", use.axis == 0},
                            {"activation", node->attrs().String("activation")}}));
        passes::Replace(node->output(), product->output());
        continue;
      }
    }
    if (!reason.empty()) layers->Left(*node, elements, std::move(reason));
  }
  passes::EliminateDeadCode(module);
  return absl::OkStatus();
}

}  // namespace mirin::converter
