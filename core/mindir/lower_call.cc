// Calls: functions are specialised by the structure of their arguments.
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/mindir/lowering.h"
#include "core/mindir/structure.h"

namespace mirin::mindir {
namespace {

// A failure that stands among the problems already.
absl::Status Reported() { return absl::AbortedError("reported"); }

}  // namespace

int Lowering::GraphBehind(const Bound& function) const {
  const Bound* f = &function;
  while (f->kind == BoundKind::kPartial) f = f->members[0].get();
  return f->kind == BoundKind::kGraph ? static_cast<int>(f->i) : -1;
}

absl::StatusOr<Binding> Lowering::CallFunction(const Binding& function,
                                               const std::vector<Binding>& arguments,
                                               const std::string& name, NodeBuilder* builder,
                                               int depth) {
  switch (function->kind) {
    case BoundKind::kGraph: {
      const int graph = static_cast<int>(function->i);
      if (!symbols_.Recurses(graph)) return EvaluateGraph(graph, arguments, builder, depth + 1);
      return Invoke(name, nullptr, {function}, arguments, builder, depth);
    }
    case BoundKind::kPartial: {
      std::vector<Binding> all(function->members.begin() + 1, function->members.end());
      all.insert(all.end(), arguments.begin(), arguments.end());
      return CallFunction(function->members[0], all, name, builder, depth);
    }
    case BoundKind::kSwitch:
    case BoundKind::kSwitchLayer: {
      MIRIN_ASSIGN_OR_RETURN(Binding selector, Materialise(function->members[0], builder));
      MIRIN_ASSIGN_OR_RETURN(ir::Value * value, builder->AsTensor(*selector));
      const std::vector<Binding> functions(function->members.begin() + 1, function->members.end());
      return Invoke(name, value, functions, arguments, builder, depth);
    }
    default:
      return absl::DataLossError("the callee is not a function");
  }
}

absl::StatusOr<Lowering::Specialised*> Lowering::Specialise(const Binding& function,
                                                            const std::vector<Binding>& arguments,
                                                            std::vector<ir::Value*>* leaves,
                                                            int depth) {
  if (depth > limits_.max_call_depth) {
    return absl::ResourceExhaustedError(
        absl::StrCat("calls nest deeper than ", limits_.max_call_depth));
  }
  auto whole = std::make_shared<Bound>();
  whole->kind = BoundKind::kPartial;
  whole->members.push_back(function);
  whole->members.insert(whole->members.end(), arguments.begin(), arguments.end());
  const int graph = GraphBehind(*function);
  const bool constants_too = graph >= 0 && symbols_.Recurses(graph);
  std::string signature;
  CollectLeaves(*whole, constants_too, leaves, &signature);
  auto [it, is_new] = specialised_.try_emplace(std::move(signature));
  Specialised* result = &it->second;
  if (!is_new && result->failed) return Reported();
  if (!is_new) return result;
  if (static_cast<int64_t>(specialised_.size()) > limits_.max_graphs) {
    return absl::ResourceExhaustedError("the model has too many specialised graphs");
  }
  const absl::Status status = FillSpecialised(*whole, graph, *leaves, result, depth);
  result->failed = !status.ok();
  MIRIN_RETURN_IF_ERROR(status);
  return result;
}

absl::Status Lowering::FillSpecialised(const Bound& whole, int graph,
                                       const std::vector<ir::Value*>& leaves, Specialised* result,
                                       int depth) {
  const bool constants_too = graph >= 0 && symbols_.Recurses(graph);
  const std::string base = graph >= 0 ? std::string(model_.graphs[graph].name) : "switch";
  result->graph = module_->AddGraph(absl::StrCat(base, "#", specialised_.size()));
  if (graph >= 0) {
    MIRIN_ASSIGN_OR_RETURN(Binding declared, DeclaredStructure(model_.graphs[graph], limits_));
    result->declared = {declared};
  }
  std::vector<ir::Value*> inputs;
  for (const ir::Value* leaf : leaves) {
    inputs.push_back(
        result->graph->AddInput(absl::StrCat("arg", inputs.size(), "/", leaf->name()), {}));
  }
  NodeBuilder inner(module_.get(), result->graph);
  size_t next = 0;
  const Binding local = ReplaceLeaves(whole, constants_too, inputs, &next);
  // Unwrap down to the graph, which is expanded here even though it recurses.
  std::vector<Binding> all(local->members.begin() + 1, local->members.end());
  Binding callee = local->members[0];
  while (callee->kind == BoundKind::kPartial) {
    all.insert(all.begin(), callee->members.begin() + 1, callee->members.end());
    callee = callee->members[0];
  }
  Binding value;
  if (callee->kind == BoundKind::kGraph) {
    MIRIN_ASSIGN_OR_RETURN(value,
                           EvaluateGraph(static_cast<int>(callee->i), all, &inner, depth + 1));
  } else {
    MIRIN_ASSIGN_OR_RETURN(value, CallFunction(callee, all, base, &inner, depth + 1));
  }
  if (value->kind == BoundKind::kFailed) return Reported();
  std::vector<ir::Value*> outputs;
  MIRIN_RETURN_IF_ERROR(Flatten(value, &inner, &outputs));
  if (!result->declared.empty() &&
      CountLeaves(*result->declared[0]) != static_cast<int>(outputs.size()) && constants_too) {
    return absl::DataLossError(absl::StrCat("graph '", base, "' returns ", outputs.size(),
                                            " values, its declaration says ",
                                            CountLeaves(*result->declared[0])));
  }
  result->graph->SetOutputs(std::move(outputs));
  result->result = std::move(value);
  return absl::OkStatus();
}

absl::StatusOr<Binding> Lowering::Invoke(const std::string& name, ir::Value* selector,
                                         const std::vector<Binding>& functions,
                                         const std::vector<Binding>& arguments,
                                         NodeBuilder* builder, int depth) {
  std::vector<ir::Value*> inputs;
  if (selector != nullptr) inputs.push_back(selector);
  std::vector<ir::Branch> branches;
  Binding structure;
  int leaf_count = -1;
  for (const Binding& function : functions) {
    std::vector<ir::Value*> leaves;
    MIRIN_ASSIGN_OR_RETURN(Specialised * callee,
                           Specialise(function, arguments, &leaves, depth + 1));
    ir::Branch branch;
    branch.graph = callee->graph;
    for (ir::Value* leaf : leaves) {
      auto at = std::find(inputs.begin() + (selector != nullptr ? 1 : 0), inputs.end(), leaf);
      branch.args.push_back(static_cast<int>(at - inputs.begin()));
      if (at == inputs.end()) inputs.push_back(leaf);
    }
    branches.push_back(std::move(branch));
    // A graph that is still being built says what it will return by its declaration.
    Binding returned = callee->result;
    if (returned == nullptr && !callee->declared.empty()) returned = callee->declared[0];
    if (returned == nullptr) return absl::UnimplementedError("recursion through a chosen function");
    const int count = CountLeaves(*returned);
    if (leaf_count >= 0 && count != leaf_count) {
      return absl::DataLossError(
          absl::StrCat("branches return ", leaf_count, " and ", count, " values"));
    }
    leaf_count = count;
    if (structure == nullptr || callee->result != nullptr) structure = returned;
    if (returned->kind != BoundKind::kTensor && IsFunction(*returned)) {
      return absl::UnimplementedError("a branch returns a function");
    }
  }
  ir::Node* node = builder->graph()->AddNode("Invoke", name, inputs, leaf_count);
  node->branches() = std::move(branches);
  size_t next = 0;
  return FillStructure(*structure, node->outputs(), &next);
}

}  // namespace mirin::mindir
