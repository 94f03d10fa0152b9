#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

constexpr size_t kMaxRounds = 64;         // depth of calls that disappears
constexpr size_t kMaxCopiedNodes = 2000;  // of a graph with several callers
constexpr size_t kMaxNodes = 200'000;     // of a graph that others are put into

// Graphs that can reach themselves through calls: loops and recursion stay calls.
absl::flat_hash_set<const ir::Graph*> RecursiveGraphs(const ir::Module& module) {
  // Tarjan's strongly connected components, without recursion.
  absl::flat_hash_map<const ir::Graph*, std::vector<const ir::Graph*>> calls;
  absl::flat_hash_set<const ir::Graph*> recursive;
  for (const auto& graph : module.graphs()) {
    auto& list = calls[graph.get()];
    for (const auto& node : graph->nodes()) {
      for (const ir::Branch& b : node->branches()) {
        list.push_back(b.graph);
        if (b.graph == graph.get()) recursive.insert(graph.get());
      }
    }
  }
  struct Mark {
    int index = -1, low = -1;
    bool on_stack = false;
    size_t next = 0;
  };
  absl::flat_hash_map<const ir::Graph*, Mark> marks;
  for (const auto& graph : module.graphs()) marks[graph.get()];
  std::vector<const ir::Graph*> stack, path;
  int count = 0;
  for (const auto& root : module.graphs()) {
    if (marks[root.get()].index >= 0) continue;
    path.push_back(root.get());
    while (!path.empty()) {
      const ir::Graph* at = path.back();
      Mark& mark = marks[at];
      if (mark.index < 0) {
        mark.index = mark.low = count++;
        mark.on_stack = true;
        stack.push_back(at);
      }
      const auto& list = calls[at];
      if (mark.next < list.size()) {
        const Mark& callee = marks[list[mark.next]];
        if (callee.index < 0) {
          path.push_back(list[mark.next]);
        } else {
          if (callee.on_stack) mark.low = std::min(mark.low, callee.index);
          ++mark.next;
        }
        if (callee.index >= 0) continue;
        ++mark.next;
        continue;
      }
      path.pop_back();
      if (!path.empty()) marks[path.back()].low = std::min(marks[path.back()].low, mark.low);
      if (mark.low != mark.index) continue;
      const bool alone = stack.back() == at;
      while (true) {
        const ir::Graph* member = stack.back();
        stack.pop_back();
        marks[member].on_stack = false;
        if (!alone) recursive.insert(member);
        if (member == at) break;
      }
    }
  }
  return recursive;
}

// Copies the called graph's nodes in front of the call.
void InlineCall(ir::Node* call) {
  ir::Graph* target = call->branches()[0].graph;
  ir::Graph* caller = call->graph();
  absl::flat_hash_map<const ir::Value*, ir::Value*> copies;
  for (size_t i = 0; i < target->inputs().size(); ++i) {
    copies[target->inputs()[i].get()] = call->input(call->branches()[0].args[i]);
  }
  const auto copy_of = [&](ir::Value* v) {
    auto it = copies.find(v);
    return it == copies.end()
               ? v
               : it->second;  // constants, variables and absent inputs are everybody's
  };
  for (const auto& node : target->nodes()) {
    std::vector<ir::Value*> inputs;
    for (ir::Value* v : node->inputs()) inputs.push_back(copy_of(v));
    ir::Node* made =
        caller->InsertNode(call, node->op(), node->name(), inputs, node->num_outputs());
    made->attrs() = node->attrs();
    made->branches() = node->branches();
    for (int i = 0; i < node->num_outputs(); ++i) {
      made->output(i)->set_name(node->output(i)->name());
      made->output(i)->set_type(node->output(i)->type());
      copies[node->output(i)] = made->output(i);
    }
  }
  for (int i = 0; i < call->num_outputs(); ++i)
    Replace(call->output(i), copy_of(target->outputs()[static_cast<size_t>(i)]));
}

}  // namespace

absl::StatusOr<int> InlineCalls(PassContext& context) {
  int changes = 0;
  const absl::flat_hash_set<const ir::Graph*> recursive = RecursiveGraphs(*context.module);
  for (size_t round = 0; round < kMaxRounds; ++round) {
    absl::flat_hash_map<const ir::Graph*, int> callers;
    for (const auto& graph : context.module->graphs()) {
      for (const auto& node : graph->nodes()) {
        for (const ir::Branch& b : node->branches()) ++callers[b.graph];
      }
    }
    int inlined = 0;
    for (const auto& graph : context.module->graphs()) {
      std::vector<ir::Node*> calls;
      for (const auto& node : graph->nodes()) {
        if (node->branches().size() != 1) continue;
        const ir::Graph* target = node->branches()[0].graph;
        if (target == graph.get() || recursive.contains(target)) continue;
        const size_t size = target->nodes().size();
        if (size > kMaxCopiedNodes && callers[target] > 1) continue;
        if (graph->nodes().size() + size > kMaxNodes) continue;
        calls.push_back(node.get());
      }
      for (ir::Node* call : calls) {
        InlineCall(call);
        ++inlined;
      }
      // The calls themselves may have effects: they must not run a second time.
      graph->EraseNodesIf([&](const ir::Node& node) {
        return std::find(calls.begin(), calls.end(), &node) != calls.end();
      });
    }
    if (inlined == 0) break;
    changes += inlined;
  }
  return changes;
}

}  // namespace mirin::passes
