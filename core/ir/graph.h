// The intermediate representation: structure only, it knows no operator.
//
// A Module owns graphs, constants and variables. A Graph is a list of nodes in execution order whose values are tensors:
// tuples, closures, monads and MindIR's other non-tensor values are gone once a file has been read (see core/mindir/lower.h).
// Pointers to graphs, nodes and values are stable until the object is erased; the Module owns everything.
//
// Control flow is the op "Invoke": inputs()[0] is the selector when there is more than one branch (a bool picks branch 0
// for true and 1 for false; an integer picks by index, negative ones count from the end); each branch names a graph and
// which inputs of the node are its arguments. Recursion between graphs is how loops look.
//
// Threads: a Module being edited belongs to one thread; a const Module may be shared.
#ifndef CORE_IR_GRAPH_H_
#define CORE_IR_GRAPH_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/base/shape.h"
#include "core/base/tensor.h"
#include "core/ir/attribute.h"

namespace mirin::ir {

class Graph;
class Module;
class Node;

struct TensorType {
  DType dtype = DType::kUnknown;
  Shape shape;

  friend bool operator==(const TensorType& a, const TensorType& b) {
    return a.dtype == b.dtype && a.shape == b.shape;
  }
  friend bool operator!=(const TensorType& a, const TensorType& b) { return !(a == b); }
};

// "float32[2,?]"
std::string ToString(const TensorType& type);

enum class ValueKind {
  kInput,     // a formal argument of a graph
  kResult,    // an output of a node
  kConstant,  // owned by the module, visible in every graph
  kVariable,  // a parameter that some node writes: owned by the module, its current bytes by each session
};

// One tensor-typed value, with its definition and its readers.
class Value {
 public:
  struct Use {
    Node* node;
    int index;  // node->input(index) is this value
  };

  ValueKind kind() const { return kind_; }
  bool is_constant() const { return kind_ == ValueKind::kConstant; }
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  const TensorType& type() const { return type_; }
  void set_type(TensorType type) { type_ = std::move(type); }
  // kResult only; null otherwise.
  Node* producer() const { return producer_; }
  int output_index() const { return output_index_; }
  // kConstant: its bytes. kVariable: its initial bytes.
  const Tensor& tensor() const { return tensor_; }
  void set_tensor(Tensor tensor) { tensor_ = std::move(tensor); }
  // Reads by nodes, not by graph outputs (ask Graph::IsOutput).
  const std::vector<Use>& uses() const { return uses_; }

 private:
  friend class Graph;
  friend class Module;
  friend class Node;
  Value() = default;

  ValueKind kind_ = ValueKind::kInput;
  std::string name_;
  TensorType type_;
  Node* producer_ = nullptr;
  int output_index_ = 0;
  Tensor tensor_;
  std::vector<Use> uses_;
};

// A branch of an Invoke node: calls `graph` with node inputs args[0], args[1] ...
struct Branch {
  Graph* graph = nullptr;
  std::vector<int> args;
};

class Node {
 public:
  const std::string& op() const { return op_; }
  void set_op(absl::string_view op) { op_ = std::string(op); }
  // The scope name users know from MindSpore, such as "Default/fc1-Dense/MatMul-op12"; unique is not promised.
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  // Null for an optional input that is absent.
  Value* input(int i) const { return i < num_inputs() ? inputs_[i] : nullptr; }
  const std::vector<Value*>& inputs() const { return inputs_; }
  void SetInput(int i, Value* value);
  void AddInput(Value* value);  // may be null: an absent optional input
  void SetInputs(const std::vector<Value*>& values);

  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  Value* output(int i = 0) const { return outputs_[i].get(); }
  const std::vector<std::unique_ptr<Value>>& outputs() const { return outputs_; }

  const Attributes& attrs() const { return attrs_; }
  Attributes& attrs() { return attrs_; }

  const std::vector<Branch>& branches() const { return branches_; }
  std::vector<Branch>& branches() { return branches_; }

  Graph* graph() const { return graph_; }

 private:
  friend class Graph;
  Node() = default;

  std::string op_;
  std::string name_;
  std::vector<Value*> inputs_;
  std::vector<std::unique_ptr<Value>> outputs_;
  Attributes attrs_;
  std::vector<Branch> branches_;
  Graph* graph_ = nullptr;
};

class Graph {
 public:
  const std::string& name() const { return name_; }
  Module* module() const { return module_; }

  Value* AddInput(std::string name, TensorType type);
  const std::vector<std::unique_ptr<Value>>& inputs() const { return inputs_; }
  // Drops inputs[i], which must have no uses; the caller repairs the branches that call this graph.
  void EraseInput(int i);

  // Appends a node with `num_outputs` results of unknown type named "<name>" or "<name>_<i>".
  Node* AddNode(absl::string_view op, std::string name, const std::vector<Value*>& inputs,
                int num_outputs = 1);
  // The same, placed before `before` (null: at the end).
  Node* InsertNode(const Node* before, absl::string_view op, std::string name,
                   const std::vector<Value*>& inputs, int num_outputs = 1);
  // In execution order: every node comes after the producers of its inputs.
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  // Erases a node whose outputs have no uses and are no graph outputs.
  void EraseNode(Node* node);
  // Erases all nodes for which the predicate holds, in one pass (they may use each other).
  void EraseNodesIf(const std::function<bool(const Node&)>& predicate);

  const std::vector<Value*>& outputs() const { return outputs_; }
  void SetOutputs(std::vector<Value*> outputs) { outputs_ = std::move(outputs); }
  bool IsOutput(const Value* value) const;

  // Every reader of `from` inside this graph, and its outputs, get `to`.
  void ReplaceAllUses(Value* from, Value* to);

  // Puts the nodes in an order in which producers come before readers, keeping the present order where that is possible.
  // InvalidArgument, naming a node, when there is a cycle.
  absl::Status SortTopologically();

 private:
  friend class Module;
  Graph() = default;
  void DetachInputs(Node* node);

  std::string name_;
  Module* module_ = nullptr;
  std::vector<std::unique_ptr<Value>> inputs_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Value*> outputs_;
};

// A whole model.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  Graph* AddGraph(std::string name);
  const std::vector<std::unique_ptr<Graph>>& graphs() const { return graphs_; }
  void EraseGraphsIf(const std::function<bool(const Graph&)>& predicate);

  Graph* entry() const { return entry_; }
  void set_entry(Graph* graph) { entry_ = graph; }

  Value* AddConstant(std::string name, Tensor tensor);
  Value* AddVariable(std::string name, Tensor initial);
  const std::vector<std::unique_ptr<Value>>& constants() const { return constants_; }
  const std::vector<std::unique_ptr<Value>>& variables() const { return variables_; }
  // Frees constants that no node reads and no graph returns.
  void EraseUnusedConstants();

  // Public names of the entry graph's outputs, one per output; inputs are named by their values.
  const std::vector<std::string>& output_names() const { return output_names_; }
  void set_output_names(std::vector<std::string> names) { output_names_ = std::move(names); }

  // Texts of the file that execution ignores: "model_version", "producer_name", "preprocessor" (JSON), "user_info/KEY" ...
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  std::map<std::string, std::string>& metadata() { return metadata_; }

  // A deep copy; tensors share their bytes.
  std::unique_ptr<Module> Clone() const;

 private:
  std::vector<std::unique_ptr<Value>> constants_;
  std::vector<std::unique_ptr<Value>> variables_;
  std::vector<std::unique_ptr<Graph>> graphs_;
  Graph* entry_ = nullptr;
  std::vector<std::string> output_names_;
  std::map<std::string, std::string> metadata_;
};

// The value was named for itself (a tensor of the source), not by the node that makes it.
bool HasOwnName(const Value& value);

// "MatMul 'Default/fc1-Dense/MatMul-op12'": how messages name a node.
std::string Describe(const Node& node);

// Structural soundness: inputs defined before use, branch arguments in range and matching the called graph's inputs and
// outputs, output names complete. Internal, naming the node, otherwise.
absl::Status Verify(const Module& module);

}  // namespace mirin::ir

#endif  // CORE_IR_GRAPH_H_
