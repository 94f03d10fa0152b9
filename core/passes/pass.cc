#include "core/passes/pass.h"

#include <algorithm>
#include <cstring>

#include "core/base/status.h"
#include "core/ops/schema.h"

namespace mirin::passes {

absl::StatusOr<int> ForEachNode(ir::Module* module,
                                const std::function<absl::StatusOr<int>(ir::Node*)>& fn) {
  int changes = 0;
  for (const auto& graph : module->graphs()) {
    std::vector<ir::Node*> nodes;
    nodes.reserve(graph->nodes().size());
    for (const auto& node : graph->nodes()) nodes.push_back(node.get());
    for (ir::Node* node : nodes) {
      MIRIN_ASSIGN_OR_RETURN(const int n, fn(node));
      changes += n;
    }
  }
  return changes;
}

absl::StatusOr<ir::Node*> Insert(ir::Node* before, absl::string_view op, const std::string& name,
                                 const std::vector<ir::Value*>& inputs,
                                 std::vector<std::pair<std::string, ir::Attribute>> attributes) {
  const ops::OpSchema* schema = ops::FindSchema(op);
  if (schema == nullptr)
    return absl::InternalError(absl::StrCat("a pass inserts the unknown op ", op));
  const int results = static_cast<int>(schema->outputs().size());
  ir::Node* node = before->graph()->InsertNode(before, op, name, inputs, results);
  for (auto& [key, value] : attributes) node->attrs().Set(key, std::move(value));
  MIRIN_RETURN_IF_ERROR(Annotate(ops::Normalize(node), ir::Describe(*node)));
  MIRIN_RETURN_IF_ERROR(ops::InferNode(node));
  return node;
}

void Replace(ir::Value* from, ir::Value* to) {
  if (to->kind() == ir::ValueKind::kResult && ir::HasOwnName(*from) && !ir::HasOwnName(*to))
    to->set_name(from->name());
  from->producer()->graph()->ReplaceAllUses(from, to);
}

ir::Node* ProducedBy(const ir::Value* value, absl::string_view op) {
  return value != nullptr && value->producer() != nullptr && value->producer()->op() == op
             ? value->producer()
             : nullptr;
}

bool HasOneUse(const ir::Value* value) {
  return value->uses().size() == 1 && value->producer() != nullptr &&
         !value->producer()->graph()->IsOutput(value);
}

std::optional<std::vector<float>> FloatsOf(const ir::Value* value) {
  if (value == nullptr || !value->is_constant() || value->type().dtype != DType::kFloat32)
    return std::nullopt;
  std::vector<float> out(static_cast<size_t>(value->tensor().elements()));
  std::memcpy(out.data(), value->tensor().data(), value->tensor().bytes());
  return out;
}

std::optional<double> ScalarOf(const ir::Value* value) {
  if (value == nullptr || !value->is_constant() || !IsFloat(value->type().dtype) ||
      value->tensor().elements() != 1) {
    return std::nullopt;
  }
  return VisitDType(
      value->type().dtype,
      [&](auto tag) -> std::optional<double> {
        typename decltype(tag)::type element;
        std::memcpy(&element, value->tensor().data(), sizeof element);
        return static_cast<double>(element);
      },
      std::optional<double>());
}

std::optional<std::vector<int64_t>> IntsOf(const ir::Value* value) {
  if (value == nullptr || !value->is_constant() || !IsInt(value->type().dtype)) return std::nullopt;
  auto ints = value->tensor().ToInt64s();
  if (!ints.ok()) return std::nullopt;
  return *std::move(ints);
}

std::optional<std::vector<Tensor>> EvaluateConstant(const ir::Node& node, const Evaluator& evaluate,
                                                    const FoldingLimits& limits) {
  if (!ops::IsPure(node)) return std::nullopt;
  const bool shape_only = ops::ReadsShapeOnly(node) && node.input(0) != nullptr &&
                          node.input(0)->type().shape.concrete();
  std::vector<Tensor> inputs(static_cast<size_t>(node.num_inputs()));
  size_t bytes = 0;
  for (int i = 0; i < node.num_inputs(); ++i) {
    const ir::Value* v = node.input(i);
    if (v == nullptr) continue;
    if (v->is_constant()) {
      inputs[static_cast<size_t>(i)] = v->tensor();
      bytes += v->tensor().bytes();
    } else if (shape_only) {
      inputs[static_cast<size_t>(i)] =
          Tensor::Borrow(v->type().dtype, v->type().shape.dims(), nullptr, nullptr);
    } else {
      return std::nullopt;
    }
  }
  auto results = evaluate(node, inputs, std::max(limits.bytes, limits.growth * bytes));
  if (!results.ok()) return std::nullopt;
  return *std::move(results);
}

}  // namespace mirin::passes
