#include "core/base/status.h"
#include "core/passes/pass.h"
#include "core/passes/quantised.h"

namespace mirin::passes {
namespace {

// More is cheaper to compute; dequantised weights grow.
constexpr FoldingLimits kLimits = {size_t{1} << 20, 8};

// Weights that are worth more as integers than as the numbers they stand for.
bool StaysStored(const PassContext& context, const ir::Node& node) {
  switch (context.stored_weights) {
    case StoredWeights::kKeepForFusion:
      return IsWeightOfIntegers(node);
    case StoredWeights::kKeep:
      return IsStoredWeight(node);
    case StoredWeights::kFold:
      break;
  }
  return false;
}

// The choice of a call with a constant selector becomes a plain call.
absl::StatusOr<int> FoldSelector(ir::Node* node) {
  if (node->branches().size() < 2 || node->input(0) == nullptr || !node->input(0)->is_constant())
    return 0;
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
    if (context.evaluate == nullptr || StaysStored(context, *node)) return 0;
    auto outputs = EvaluateConstant(*node, *context.evaluate, kLimits);
    if (!outputs) return 0;
    for (int i = 0; i < node->num_outputs(); ++i) {
      ir::Value* result = node->output(i);
      Replace(result, context.module->AddConstant(result->name(),
                                                  std::move((*outputs)[static_cast<size_t>(i)])));
    }
    return 1;
  });
}

}  // namespace mirin::passes
