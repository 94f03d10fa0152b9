#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/ir/graph.h"
#include "core/ops/schema.h"
#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

// Graphs that write a variable, themselves or through a call.
absl::flat_hash_set<const ir::Graph*> GraphsWithEffects(const ir::Module& module) {
  absl::flat_hash_set<const ir::Graph*> effects;
  const auto has_effect = [&](const ir::Node& node) {
    const ops::OpSchema* schema = ops::FindSchema(node.op());
    if (schema != nullptr && schema->writes_variable()) return true;
    for (const ir::Branch& b : node.branches()) {
      if (effects.contains(b.graph)) return true;
    }
    return false;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& graph : module.graphs()) {
      if (effects.contains(graph.get())) continue;
      for (const auto& node : graph->nodes()) {
        if (!has_effect(*node)) continue;
        effects.insert(graph.get());
        changed = true;
        break;
      }
    }
  }
  return effects;
}

}  // namespace

int EliminateDeadCode(ir::Module* module) {
  // Graphs first: a call in an uncalled graph keeps nothing alive.
  absl::flat_hash_set<const ir::Graph*> called = {module->entry()};
  std::vector<const ir::Graph*> open = {module->entry()};
  while (!open.empty()) {
    const ir::Graph* graph = open.back();
    open.pop_back();
    for (const auto& node : graph->nodes()) {
      for (const ir::Branch& b : node->branches()) {
        if (called.insert(b.graph).second) open.push_back(b.graph);
      }
    }
  }
  module->EraseGraphsIf([&](const ir::Graph& graph) { return !called.contains(&graph); });

  const absl::flat_hash_set<const ir::Graph*> effects = GraphsWithEffects(*module);
  int removed = 0;
  for (const auto& graph : module->graphs()) {
    absl::flat_hash_set<const ir::Value*> needed(graph->outputs().begin(), graph->outputs().end());
    absl::flat_hash_set<const ir::Node*> live;
    for (auto it = graph->nodes().rbegin(); it != graph->nodes().rend(); ++it) {
      const ir::Node& node = **it;
      const ops::OpSchema* schema = ops::FindSchema(node.op());
      bool alive = schema != nullptr && schema->writes_variable();
      for (const ir::Branch& b : node.branches()) alive |= effects.contains(b.graph);
      for (const auto& v : node.outputs()) alive |= needed.contains(v.get());
      if (!alive) continue;
      live.insert(&node);
      needed.insert(node.inputs().begin(), node.inputs().end());
    }
    removed += static_cast<int>(graph->nodes().size() - live.size());
    graph->EraseNodesIf([&](const ir::Node& node) { return !live.contains(&node); });
  }
  module->EraseUnusedConstants();
  return removed;
}

}  // namespace mirin::passes
