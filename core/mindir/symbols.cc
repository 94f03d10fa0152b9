#include "core/mindir/symbols.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::mindir {

std::string PublicName(absl::string_view name) {
  const size_t colon = name.find(':');
  return std::string(colon == absl::string_view::npos ? name : name.substr(colon + 1));
}

absl::Status SymbolTable::Build() {
  const auto add = [&](absl::string_view name, Symbol symbol) -> absl::Status {
    if (!names_.try_emplace(name, symbol).second) {
      return absl::DataLossError(absl::StrCat("the name '", name, "' is defined twice"));
    }
    return absl::OkStatus();
  };
  for (size_t i = 0; i < model_.primitives.size(); ++i) {
    MIRIN_RETURN_IF_ERROR(
        add(model_.primitives[i].name, {Symbol::kPrimitive, 0, static_cast<int>(i)}));
  }
  for (size_t g = 0; g < model_.graphs.size(); ++g) {
    const RawGraph& graph = model_.graphs[g];
    const int gi = static_cast<int>(g);
    MIRIN_RETURN_IF_ERROR(add(graph.name, {Symbol::kGraph, gi, gi}));
    if (g > 0 && !graph.parameters.empty()) {
      return absl::DataLossError(
          absl::StrCat("graph '", graph.name, "' has parameters; only the entry graph may"));
    }
    if (graph.outputs.empty())
      return absl::DataLossError(absl::StrCat("graph '", graph.name, "' has no output"));
    for (size_t i = 0; i < graph.inputs.size(); ++i) {
      MIRIN_RETURN_IF_ERROR(add(graph.inputs[i].name, {Symbol::kInput, gi, static_cast<int>(i)}));
    }
    for (size_t i = 0; i < graph.parameters.size(); ++i) {
      MIRIN_RETURN_IF_ERROR(
          add(graph.parameters[i].name, {Symbol::kParameter, gi, static_cast<int>(i)}));
    }
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const Symbol::Kind kind =
          graph.nodes[i].op_type == "Constant" ? Symbol::kConstant : Symbol::kNode;
      MIRIN_RETURN_IF_ERROR(add(graph.nodes[i].name, {kind, gi, static_cast<int>(i)}));
    }
  }
  FindRecursion();
  return absl::OkStatus();
}

const Symbol* SymbolTable::Find(absl::string_view name) const {
  auto it = names_.find(name);
  return it == names_.end() ? nullptr : &it->second;
}

absl::StatusOr<const Symbol*> SymbolTable::Get(absl::string_view name) const {
  const Symbol* symbol = Find(name);
  if (symbol == nullptr)
    return absl::DataLossError(absl::StrCat("the name '", name, "' is used but not defined"));
  return symbol;
}

void SymbolTable::FindRecursion() {
  const int count = static_cast<int>(model_.graphs.size());
  std::vector<std::vector<int>> mentions(count);
  for (int g = 0; g < count; ++g) {
    absl::flat_hash_set<int> seen;
    const auto mention = [&](absl::string_view name) {
      const Symbol* symbol = Find(name);
      if (symbol != nullptr && symbol->kind == Symbol::kGraph && seen.insert(symbol->index).second)
        mentions[g].push_back(symbol->index);
    };
    for (const RawNode& node : model_.graphs[g].nodes) {
      for (absl::string_view input : node.inputs) mention(input);
      if (absl::StartsWith(node.op_type, kReference))
        mention(node.op_type.substr(kReference.size()));
    }
  }
  // Tarjan's strongly connected components, iteratively.
  recursive_.assign(count, false);
  std::vector<int> number(count, -1), low(count, 0), stack, next(count, 0);
  std::vector<bool> on_stack(count, false);
  int counter = 0;
  for (int root = 0; root < count; ++root) {
    if (number[root] >= 0) continue;
    std::vector<int> path = {root};
    number[root] = low[root] = counter++;
    stack.push_back(root);
    on_stack[root] = true;
    while (!path.empty()) {
      const int g = path.back();
      if (next[g] < static_cast<int>(mentions[g].size())) {
        const int to = mentions[g][next[g]++];
        if (to == g) recursive_[g] = true;
        if (number[to] < 0) {
          number[to] = low[to] = counter++;
          stack.push_back(to);
          on_stack[to] = true;
          path.push_back(to);
        } else if (on_stack[to]) {
          low[g] = std::min(low[g], number[to]);
        }
        continue;
      }
      path.pop_back();
      if (!path.empty()) low[path.back()] = std::min(low[path.back()], low[g]);
      if (low[g] != number[g]) continue;
      std::vector<int> component;
      int member;
      do {
        member = stack.back();
        stack.pop_back();
        on_stack[member] = false;
        component.push_back(member);
      } while (member != g);
      if (component.size() > 1) {
        for (int c : component) recursive_[c] = true;
      }
    }
  }
}

absl::StatusOr<std::vector<int>> SymbolTable::EvaluationOrder(int graph) const {
  const RawGraph& g = model_.graphs[graph];
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> state(g.nodes.size(), kNew);
  std::vector<size_t> next(g.nodes.size(), 0);
  std::vector<int> order;
  std::vector<int> path;
  const auto visit = [&](absl::string_view name) -> absl::Status {
    const Symbol* symbol = Find(name);
    if (symbol == nullptr || symbol->kind != Symbol::kNode || symbol->graph != graph)
      return absl::OkStatus();
    const int i = symbol->index;
    if (state[i] == kOpen) {
      return absl::DataLossError(absl::StrCat("node '", name, "' depends on its own result"));
    }
    if (state[i] == kNew) {
      state[i] = kOpen;
      path.push_back(i);
    }
    return absl::OkStatus();
  };
  for (const RawValueInfo& output : g.outputs) {
    MIRIN_RETURN_IF_ERROR(visit(output.name));
    while (!path.empty()) {
      const int i = path.back();
      const RawNode& node = g.nodes[i];
      if (next[i] < node.inputs.size()) {
        MIRIN_RETURN_IF_ERROR(visit(node.inputs[next[i]++]));
      } else if (next[i] == node.inputs.size() && absl::StartsWith(node.op_type, kReference)) {
        ++next[i];
        MIRIN_RETURN_IF_ERROR(visit(node.op_type.substr(kReference.size())));
      } else {
        state[i] = kDone;
        order.push_back(i);
        path.pop_back();
      }
    }
  }
  return order;
}

std::string SymbolTable::OpOf(const RawNode& node) const {
  if (!absl::StartsWith(node.op_type, kReference)) return std::string(node.op_type);
  const Symbol* symbol = Find(node.op_type.substr(kReference.size()));
  const bool primitive = symbol != nullptr && symbol->kind == Symbol::kPrimitive;
  return primitive ? std::string(model_.primitives[symbol->index].op_type) : "";
}
}  // namespace mirin::mindir
