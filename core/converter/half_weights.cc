#include "core/converter/half_weights.h"

#include <cmath>
#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/base/half.h"
#include "core/base/status.h"
#include "core/ops/infer_module.h"
#include "core/passes/pass.h"

namespace mirin::converter {
namespace {

constexpr size_t kLeastBytes = 1024;

// Scales are too small for float16, and small.
bool IsScale(const ir::Node& node, int input) {
  const std::string& op = node.op();
  return (input == 1 && (op == "QuantizeLinear" || op == "DequantizeLinear")) ||
         (input == 2 && op == "DynamicQuantMatMul");
}

// An invalid tensor when a finite number would become infinite.
absl::StatusOr<Tensor> Halved(const Tensor& tensor) {
  MIRIN_ASSIGN_OR_RETURN(const Tensor from, tensor.Aligned());
  MIRIN_ASSIGN_OR_RETURN(Tensor to, Tensor::Allocate(DType::kFloat16, tensor.dims()));
  for (int64_t i = 0; i < from.elements(); ++i) {
    const float value = from.data_as<float>()[i];
    const Half half(value);
    if (std::isfinite(value) && !std::isfinite(static_cast<float>(half))) return Tensor();
    to.mutable_data_as<Half>()[i] = half;
  }
  return to;
}

}  // namespace

absl::StatusOr<HalvedWeights> StoreWeightsAsHalf(ir::Module* module) {
  HalvedWeights result;
  absl::flat_hash_map<const ir::Value*, ir::Value*> halves;  // null: out of range
  for (const auto& graph : module->graphs()) {
    absl::flat_hash_map<const ir::Value*, ir::Value*> casts;  // of this graph
    std::vector<ir::Node*> nodes;
    for (const auto& node : graph->nodes()) nodes.push_back(node.get());
    for (ir::Node* node : nodes) {
      for (int i = 0; i < node->num_inputs(); ++i) {
        const ir::Value* weight = node->input(i);
        if (IsScale(*node, i)) continue;
        if (weight == nullptr || !weight->is_constant() ||
            weight->type().dtype != DType::kFloat32 || weight->tensor().bytes() < kLeastBytes)
          continue;
        auto [half, is_new] = halves.try_emplace(weight, nullptr);
        if (is_new) {
          MIRIN_ASSIGN_OR_RETURN(Tensor tensor, Halved(weight->tensor()));
          ++(tensor.valid() ? result.changed : result.out_of_range);
          if (tensor.valid()) half->second = module->AddConstant(weight->name(), std::move(tensor));
        }
        if (half->second == nullptr) continue;
        ir::Value*& cast = casts[weight];
        if (cast == nullptr) {
          MIRIN_ASSIGN_OR_RETURN(
              ir::Node * made,
              passes::Insert(node, "Cast", absl::StrCat(weight->name(), "/float32"), {half->second},
                             {{"dst_type", DType::kFloat32}}));
          cast = made->output();
        }
        node->SetInput(i, cast);
      }
    }
  }
  module->EraseUnusedConstants();
  MIRIN_RETURN_IF_ERROR(ops::InferModule(module));
  return result;
}

}  // namespace mirin::converter
