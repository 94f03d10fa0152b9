#include "absl/container/flat_hash_map.h"
#include "core/base/status.h"
#include "core/ops/schema.h"
#include "core/passes/linear.h"

namespace mirin::passes {
namespace {

// For each value: the graph input whose axis 0 it has, so that two dynamic batches can be known to be one.
using BatchSources = absl::flat_hash_map<const ir::Value*, const ir::Value*>;

bool KeepsBatch(const ir::Node& node) {
  static constexpr absl::string_view kOps[] = {
      "AvgPool", "BatchNorm", "Conv2D", "Conv3D", "DequantizeLinear", "MaxPool", "QuantizeLinear"};
  const ops::OpSchema* schema = ops::FindSchema(node.op());
  if (schema != nullptr && schema->elementwise() && node.num_inputs() == 1) return true;
  return std::find(std::begin(kOps), std::end(kOps), node.op()) != std::end(kOps);
}

BatchSources FindBatchSources(const ir::Graph& graph) {
  BatchSources sources;
  for (const auto& v : graph.inputs()) sources[v.get()] = v.get();
  for (const auto& node : graph.nodes()) {
    if (node->num_outputs() == 0 || node->input(0) == nullptr) continue;
    auto first = sources.find(node->input(0));
    if (first == sources.end()) continue;
    const ir::Value* source = first->second;
    bool keeps = KeepsBatch(*node);
    if (node->op() == "Add" && node->input(1) != nullptr) {
      auto second = sources.find(node->input(1));
      keeps = second != sources.end() && second->second == source &&
              node->input(0)->type().shape.rank() == node->input(1)->type().shape.rank();
    }
    if (keeps) sources[node->output()] = source;
  }
  return sources;
}

bool SameShape(const ir::Value* a, const ir::Value* b, const BatchSources& sources) {
  if (a->type() != b->type() || !a->type().shape.rank_known()) return false;
  const Shape& shape = a->type().shape;
  for (int i = 1; i < shape.rank(); ++i) {
    if (shape.dim(i) < 0) return false;
  }
  if (shape.dim(0) >= 0) return true;
  auto ia = sources.find(a), ib = sources.find(b);
  return ia != sources.end() && ib != sources.end() && ia->second == ib->second;
}

}  // namespace

absl::StatusOr<int> FuseResidual(PassContext& context) {
  absl::flat_hash_map<const ir::Graph*, BatchSources> sources;
  for (const auto& graph : context.module->graphs())
    sources[graph.get()] = FindBatchSources(*graph);
  return ForEachNode(context.module, [&](ir::Node* node) -> absl::StatusOr<int> {
    if (node->op() != "Add" || node->input(0) == nullptr || node->input(1) == nullptr ||
        node->input(0) == node->input(1))
      return 0;
    BatchSources& known = sources[node->graph()];
    for (int i = 1; i >= 0; --i) {
      const std::optional<Linear> linear = LinearBehind(node->input(i));
      ir::Value* other = node->input(1 - i);
      if (!linear.has_value() || linear->node->op() != "Conv2D" || linear->has_activation() ||
          linear->has_residual())
        continue;
      if (!SameShape(node->input(i), other, known)) continue;
      // Placed where the sum was: the other operand may be made after the convolution.
      std::vector<ir::Value*> inputs = linear->node->inputs();
      inputs.resize(4, nullptr);
      inputs[3] = other;
      std::vector<std::pair<std::string, ir::Attribute>> attributes(
          linear->node->attrs().map().begin(), linear->node->attrs().map().end());
      MIRIN_ASSIGN_OR_RETURN(ir::Node * fused, Insert(node, "Conv2D", linear->node->name(), inputs,
                                                      std::move(attributes)));
      if (auto it = known.find(node->output()); it != known.end())
        known[fused->output()] = it->second;
      Replace(node->output(), fused->output());
      return 1;
    }
    return 0;
  });
}

}  // namespace mirin::passes
