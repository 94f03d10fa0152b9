#include "core/ir/graph.h"

#include <algorithm>
#include <queue>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace mirin::ir {
namespace {

std::string DefaultName(const Node& node, int output, int num_outputs) {
  return num_outputs == 1 ? node.name() : absl::StrCat(node.name(), "_", output);
}

}  // namespace

std::string ToString(const TensorType& type) {
  return absl::StrCat(Name(type.dtype), ToString(type.shape));
}

std::string Describe(const Node& node) { return absl::StrCat(node.op(), " '", node.name(), "'"); }

void Node::SetInput(int i, Value* value) {
  Value*& slot = inputs_[i];
  if (slot == value) return;
  if (slot != nullptr) {
    auto& uses = slot->uses_;
    uses.erase(std::find_if(uses.begin(), uses.end(),
                            [&](const Value::Use& u) { return u.node == this && u.index == i; }));
  }
  slot = value;
  if (value != nullptr) value->uses_.push_back({this, i});
}

void Node::AddInput(Value* value) {
  inputs_.push_back(nullptr);
  SetInput(num_inputs() - 1, value);
}

void Node::SetInputs(const std::vector<Value*>& values) {
  for (int i = 0; i < num_inputs(); ++i) SetInput(i, nullptr);
  inputs_.assign(values.size(), nullptr);
  for (int i = 0; i < num_inputs(); ++i) SetInput(i, values[i]);
}

Value* Graph::AddInput(std::string name, TensorType type) {
  std::unique_ptr<Value> value(new Value());
  value->kind_ = ValueKind::kInput;
  value->name_ = std::move(name);
  value->type_ = std::move(type);
  inputs_.push_back(std::move(value));
  return inputs_.back().get();
}

void Graph::EraseInput(int i) { inputs_.erase(inputs_.begin() + i); }

Node* Graph::AddNode(absl::string_view op, std::string name, const std::vector<Value*>& inputs,
                     int num_outputs) {
  return InsertNode(nullptr, op, std::move(name), inputs, num_outputs);
}

Node* Graph::InsertNode(const Node* before, absl::string_view op, std::string name,
                        const std::vector<Value*>& inputs, int num_outputs) {
  std::unique_ptr<Node> node(new Node());
  node->op_ = std::string(op);
  node->name_ = std::move(name);
  node->graph_ = this;
  for (Value* v : inputs) node->AddInput(v);
  for (int i = 0; i < num_outputs; ++i) {
    std::unique_ptr<Value> value(new Value());
    value->kind_ = ValueKind::kResult;
    value->name_ = DefaultName(*node, i, num_outputs);
    value->producer_ = node.get();
    value->output_index_ = i;
    node->outputs_.push_back(std::move(value));
  }
  Node* raw = node.get();
  auto at = before == nullptr
                ? nodes_.end()
                : std::find_if(nodes_.begin(), nodes_.end(),
                               [&](const std::unique_ptr<Node>& n) { return n.get() == before; });
  nodes_.insert(at, std::move(node));
  return raw;
}

void Graph::DetachInputs(Node* node) {
  for (int i = 0; i < node->num_inputs(); ++i) node->SetInput(i, nullptr);
}

void Graph::EraseNode(Node* node) {
  DetachInputs(node);
  nodes_.erase(std::find_if(nodes_.begin(), nodes_.end(),
                            [&](const std::unique_ptr<Node>& n) { return n.get() == node; }));
}

void Graph::EraseNodesIf(const std::function<bool(const Node&)>& predicate) {
  std::vector<std::unique_ptr<Node>> kept;
  std::vector<std::unique_ptr<Node>> dead;
  for (std::unique_ptr<Node>& node : nodes_)
    (predicate(*node) ? dead : kept).push_back(std::move(node));
  for (std::unique_ptr<Node>& node : dead) DetachInputs(node.get());
  nodes_ = std::move(kept);
}

bool Graph::IsOutput(const Value* value) const {
  return std::find(outputs_.begin(), outputs_.end(), value) != outputs_.end();
}

void Graph::ReplaceAllUses(Value* from, Value* to) {
  const std::vector<Value::Use> uses = from->uses_;
  for (const Value::Use& use : uses) {
    if (use.node->graph() == this) use.node->SetInput(use.index, to);
  }
  std::replace(outputs_.begin(), outputs_.end(), from, to);
}

absl::Status Graph::SortTopologically() {
  absl::flat_hash_map<const Node*, int> position;
  for (size_t i = 0; i < nodes_.size(); ++i) position[nodes_[i].get()] = static_cast<int>(i);
  std::vector<int> missing(nodes_.size(), 0);
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (const Value* v : nodes_[i]->inputs()) {
      if (v != nullptr && v->producer() != nullptr) ++missing[i];
    }
    if (missing[i] == 0) ready.push(static_cast<int>(i));
  }
  std::vector<std::unique_ptr<Node>> sorted;
  sorted.reserve(nodes_.size());
  std::vector<bool> done(nodes_.size(), false);
  while (!ready.empty()) {
    const int i = ready.top();
    ready.pop();
    done[i] = true;
    for (int o = 0; o < nodes_[i]->num_outputs(); ++o) {
      for (const Value::Use& use : nodes_[i]->output(o)->uses()) {
        auto it = position.find(use.node);
        if (it != position.end() && --missing[it->second] == 0) ready.push(it->second);
      }
    }
    sorted.push_back(std::move(nodes_[i]));
  }
  if (sorted.size() != done.size()) {
    std::string culprit;
    for (size_t i = 0; i < done.size(); ++i) {
      if (done[i]) continue;
      if (culprit.empty()) culprit = Describe(*nodes_[i]);
      sorted.push_back(std::move(nodes_[i]));
    }
    nodes_ = std::move(sorted);
    return absl::InvalidArgumentError(
        absl::StrCat("graph '", name_, "': ", culprit, " depends on its own result"));
  }
  nodes_ = std::move(sorted);
  return absl::OkStatus();
}

Graph* Module::AddGraph(std::string name) {
  std::unique_ptr<Graph> graph(new Graph());
  graph->name_ = std::move(name);
  graph->module_ = this;
  graphs_.push_back(std::move(graph));
  return graphs_.back().get();
}

void Module::EraseGraphsIf(const std::function<bool(const Graph&)>& predicate) {
  for (std::unique_ptr<Graph>& graph : graphs_) {
    if (!predicate(*graph)) continue;
    graph->outputs_.clear();
    graph->EraseNodesIf([](const Node&) { return true; });
    graph.reset();
  }
  graphs_.erase(std::remove(graphs_.begin(), graphs_.end(), nullptr), graphs_.end());
}

Value* Module::AddConstant(std::string name, Tensor tensor) {
  std::unique_ptr<Value> value(new Value());
  value->kind_ = ValueKind::kConstant;
  value->name_ = std::move(name);
  value->type_ = {tensor.dtype(), tensor.shape()};
  value->tensor_ = std::move(tensor);
  constants_.push_back(std::move(value));
  return constants_.back().get();
}

Value* Module::AddVariable(std::string name, Tensor initial) {
  std::unique_ptr<Value> value(new Value());
  value->kind_ = ValueKind::kVariable;
  value->name_ = std::move(name);
  value->type_ = {initial.dtype(), initial.shape()};
  value->tensor_ = std::move(initial);
  variables_.push_back(std::move(value));
  return variables_.back().get();
}

void Module::EraseUnusedConstants() {
  absl::flat_hash_set<const Value*> returned;
  for (const std::unique_ptr<Graph>& graph : graphs_)
    returned.insert(graph->outputs().begin(), graph->outputs().end());
  constants_.erase(std::remove_if(constants_.begin(), constants_.end(),
                                  [&](const std::unique_ptr<Value>& v) {
                                    return v->uses().empty() && !returned.contains(v.get());
                                  }),
                   constants_.end());
}

std::unique_ptr<Module> Module::Clone() const {
  auto copy = std::make_unique<Module>();
  absl::flat_hash_map<const Value*, Value*> values;
  absl::flat_hash_map<const Graph*, Graph*> graphs;
  values[nullptr] = nullptr;
  graphs[nullptr] = nullptr;
  for (const auto& v : constants_) values[v.get()] = copy->AddConstant(v->name(), v->tensor());
  for (const auto& v : variables_) values[v.get()] = copy->AddVariable(v->name(), v->tensor());
  for (const auto& g : graphs_) graphs[g.get()] = copy->AddGraph(g->name());
  for (const auto& g : graphs_) {
    Graph* target = graphs[g.get()];
    for (const auto& v : g->inputs()) values[v.get()] = target->AddInput(v->name(), v->type());
    for (const auto& n : g->nodes()) {
      std::vector<Value*> inputs;
      for (const Value* v : n->inputs()) inputs.push_back(values.at(v));
      Node* node = target->AddNode(n->op(), n->name(), inputs, n->num_outputs());
      node->attrs() = n->attrs();
      for (const Branch& b : n->branches())
        node->branches().push_back({graphs.at(b.graph), b.args});
      for (int i = 0; i < n->num_outputs(); ++i) {
        node->output(i)->set_name(n->output(i)->name());
        node->output(i)->set_type(n->output(i)->type());
        values[n->output(i)] = node->output(i);
      }
    }
    std::vector<Value*> outputs;
    for (const Value* v : g->outputs()) outputs.push_back(values.at(v));
    target->SetOutputs(std::move(outputs));
  }
  copy->entry_ = graphs.at(entry_);
  copy->output_names_ = output_names_;
  copy->metadata_ = metadata_;
  return copy;
}

bool HasOwnName(const Value& value) {
  const Node* node = value.producer();
  return node != nullptr && !value.name().empty() &&
         value.name() != DefaultName(*node, value.output_index(), node->num_outputs());
}

absl::Status Verify(const Module& module) {
  absl::flat_hash_set<const Value*> global;
  for (const auto& v : module.constants()) global.insert(v.get());
  for (const auto& v : module.variables()) global.insert(v.get());
  for (const auto& graph : module.graphs()) {
    absl::flat_hash_set<const Value*> defined;
    for (const auto& v : graph->inputs()) defined.insert(v.get());
    for (const auto& node : graph->nodes()) {
      for (int i = 0; i < node->num_inputs(); ++i) {
        const Value* v = node->input(i);
        if (v != nullptr && !defined.contains(v) && !global.contains(v)) {
          return absl::InternalError(absl::StrCat(Describe(*node), ": input ", i, " ('", v->name(),
                                                  "') is not defined before it is read"));
        }
      }
      for (const Branch& branch : node->branches()) {
        const bool in_range = std::all_of(branch.args.begin(), branch.args.end(),
                                          [&](int a) { return a >= 0 && a < node->num_inputs(); });
        if (branch.graph == nullptr || !in_range ||
            branch.args.size() != branch.graph->inputs().size() ||
            static_cast<int>(branch.graph->outputs().size()) != node->num_outputs()) {
          return absl::InternalError(
              absl::StrCat(Describe(*node), ": a branch does not match the graph that it calls"));
        }
      }
      for (int i = 0; i < node->num_outputs(); ++i) defined.insert(node->output(i));
    }
    for (const Value* v : graph->outputs()) {
      if (!defined.contains(v) && !global.contains(v)) {
        return absl::InternalError(
            absl::StrCat("graph '", graph->name(), "' returns an undefined value"));
      }
    }
  }
  if (module.entry() == nullptr) return absl::InternalError("the module has no entry graph");
  if (module.output_names().size() != module.entry()->outputs().size()) {
    return absl::InternalError("output names do not match the entry graph's outputs");
  }
  return absl::OkStatus();
}

}  // namespace mirin::ir
