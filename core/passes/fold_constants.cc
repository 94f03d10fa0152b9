#include <algorithm>

#include "core/base/status.h"
#include "core/passes/pass.h"
#include "core/passes/quantised.h"

namespace mirin::passes {
namespace {

// A folded result may be this large, or this many times its inputs (dequantised weights); more is cheaper to compute.
constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr size_t kMaxGrowth = 8;

// Reads only the shape of input 0.
bool ReadsShape(const ir::Node& node) {
  static constexpr absl::string_view kOps[] = {"DynamicShape", "Rank", "Shape", "Size", "TensorShape"};
  return std::find(std::begin(kOps), std::end(kOps), node.op()) != std::end(kOps);
}

// Weights that are worth more as integers than as the numbers they stand for.
bool StaysStored(const PassContext& context, const ir::Node& node) {
  switch (context.stored_weights) {
    case StoredWeights::kKeepForFusion: return IsWeightOfIntegers(node);
    case StoredWeights::kKeep: return IsStoredWeight(node);
    case StoredWeights::kFold: break;
  }
  return false;
}

// The choice of a call with a constant selector becomes a plain call.
absl::StatusOr<int> FoldSelector(ir::Node* node) {
  if (node->branches().size() < 2 || node->input(0) == nullptr || !node->input(0)->is_constant()) return 0;
  const Tensor& selector = node->input(0)->tensor();
  auto values = selector.ToInt64s();
  if (!values.ok() || values->size() != 1) return 0;
  const auto count = static_cast<int64_t>(node->branches().size());
  int64_t index = (*values)[0];
  if (selector.dtype() == DType::kBool) {
    index = index != 0 ? 0 : 1;
  } else if (index < 0) {
    index += count;
  }
  if (index < 0 || index >= count) return 0;  // an error of the run
  const ir::Branch chosen = node->branches()[static_cast<size_t>(index)];
  std::vector<ir::Value*> inputs;
  ir::Branch call{chosen.graph, {}};
  for (const int arg : chosen.args) {
    call.args.push_back(static_cast<int>(inputs.size()));
    inputs.push_back(node->input(arg));
  }
  node->branches() = {call};
  node->SetInputs(inputs);
  return 1;
}

}  // namespace

absl::StatusOr<int> FoldConstants(PassContext& context) {
  return ForEachNode(context.module, [&](ir::Node* node) -> absl::StatusOr<int> {
    if (!node->branches().empty()) return FoldSelector(node);
    if (context.evaluate == nullptr || !IsPure(*node) || StaysStored(context, *node)) return 0;
    const bool shape_only = ReadsShape(*node) && node->input(0) != nullptr && node->input(0)->type().shape.concrete();
    std::vector<Tensor> inputs(static_cast<size_t>(node->num_inputs()));
    size_t input_bytes = 0;
    for (int i = 0; i < node->num_inputs(); ++i) {
      const ir::Value* v = node->input(i);
      if (v == nullptr) continue;
      if (v->is_constant()) {
        inputs[static_cast<size_t>(i)] = v->tensor();
        input_bytes += v->tensor().bytes();
      } else if (shape_only) {
        inputs[static_cast<size_t>(i)] = Tensor::Borrow(v->type().dtype, v->type().shape.dims(), nullptr, nullptr);
      } else {
        return 0;
      }
    }
    auto outputs = (*context.evaluate)(*node, inputs, std::max(kMaxBytes, kMaxGrowth * input_bytes));
    if (!outputs.ok()) return 0;  // too large, or an error that the run will report where it happens
    for (int i = 0; i < node->num_outputs(); ++i) {
      ir::Value* result = node->output(i);
      Replace(result, context.module->AddConstant(result->name(), std::move((*outputs)[static_cast<size_t>(i)])));
    }
    return 1;
  });
}

}  // namespace mirin::passes
