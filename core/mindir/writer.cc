#include "core/mindir/writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/mindir/container.h"
#include "core/mindir/mindspore_dialect.h"
#include "core/mindir/raw_model.h"
#include "core/mindir/write_value.h"
#include "core/ops/schema.h"

namespace mirin::mindir {
namespace {

// Named constants at least this large are parameters, others literals.
constexpr size_t kParameterBytes = 64;
constexpr size_t kDataAlignment = 64;

// Collects weights for a file of their own; null stands for weights inside the message.
struct ExternalWeights {
  std::string location;  // as the messages name it
  std::string bytes;
};

class ModelWriter {
 public:
  ModelWriter(const ir::Module& module, ExternalWeights* external)
      : module_(module), external_(external) {}

  absl::StatusOr<std::string> Write() {
    FindEffects();
    int next = 0;
    for (const auto& graph : module_.graphs())
      graph_names_[graph.get()] = absl::StrCat("graph_", next++);
    std::string entry;
    std::vector<std::string> functions;
    for (const auto& graph : module_.graphs()) {
      MIRIN_ASSIGN_OR_RETURN(std::string bytes, WriteGraph(*graph));
      if (graph.get() == module_.entry()) {
        entry = std::move(bytes);
      } else {
        functions.push_back(std::move(bytes));
      }
    }
    MIRIN_ASSIGN_OR_RETURN(const std::string parameters, WriteParameters());
    WireWriter model;
    model.Bytes(1, "0.1.1");
    model.Bytes(2, "MindSpore");
    model.Bytes(5, Metadata("model_version", "2.0.0"));
    model.Bytes(7, absl::StrCat(literals_.bytes(), entry, parameters));
    for (const std::string& f : functions) model.Bytes(8, f);
    model.Integer(10, 1);
    for (const std::string& p : primitives_) model.Bytes(12, p);
    model.Integer(13, operands_form_ ? 3 : 1);
    UserInfo(&model, "mirin/outputs", absl::StrJoin(module_.output_names(), "\n"));
    for (const auto& [key, value] : module_.metadata()) {
      if (absl::StartsWith(key, "user_info/")) UserInfo(&model, key.substr(10), value);
      if (key == "preprocessor") UserInfo(&model, "mirin/preprocessor", value);
    }
    return model.Take();
  }

 private:
  // The graph being written.
  struct Scope {
    const ir::Graph* graph;
    std::string name;
    WireWriter message;
    absl::flat_hash_map<const ir::Value*, std::string> names;
    std::string token;  // the last state of the variables; empty where nothing touches them
    int counter = 0;
  };

  std::string Metadata(const std::string& key, const std::string& fallback) const {
    auto it = module_.metadata().find(key);
    return it == module_.metadata().end() || it->second.empty() ? fallback : it->second;
  }

  static void UserInfo(WireWriter* model, const std::string& key, const std::string& value) {
    WireWriter entry;
    entry.Bytes(1, key);
    entry.Bytes(2, value);
    model->Message(14, entry);
  }

  static bool TouchesVariable(const ir::Node& node) {
    return std::any_of(node.inputs().begin(), node.inputs().end(), [](const ir::Value* v) {
      return v != nullptr && v->kind() == ir::ValueKind::kVariable;
    });
  }

  bool HasEffect(const ir::Node& node) const {
    return TouchesVariable(node) ||
           std::any_of(node.branches().begin(), node.branches().end(),
                       [&](const ir::Branch& b) { return effects_.contains(b.graph); });
  }

  // Graphs that read or write variables, themselves or through calls: they take and keep a token.
  void FindEffects() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& graph : module_.graphs()) {
        if (effects_.contains(graph.get())) continue;
        for (const auto& node : graph->nodes()) {
          if (!HasEffect(*node)) continue;
          effects_.insert(graph.get());
          changed = true;
          break;
        }
      }
    }
  }

  // -- nodes ------------------------------------------------------------------------------------------------------
  // A name for a new node or literal; unique in the file.
  static std::string NewName(Scope* scope, absl::string_view label) {
    return absl::StrCat(scope->name, ":", label, ":", scope->counter++);
  }

  void AddNode(Scope* scope, const std::string& name, const std::string& op_type,
               const std::vector<std::string>& operands, absl::string_view domain,
               const ir::TensorType* type, const ir::Value* result = nullptr) {
    WireWriter node;
    for (const std::string& o : operands) node.Bytes(1, o);
    node.Bytes(2, name);
    node.Bytes(3, name);
    node.Bytes(4, op_type);
    if (type != nullptr && type->dtype != DType::kUnknown)
      node.Message(5, TypeAttribute("shape", *type));
    if (result != nullptr && ir::HasOwnName(*result)) node.Bytes(6, result->name());
    if (!domain.empty()) node.Bytes(7, domain);
    scope->message.Message(1, node);
  }

  // Applies a structural primitive such as MakeTuple.
  std::string Apply(Scope* scope, const std::string& op, const std::vector<std::string>& operands,
                    const ir::Value* result = nullptr) {
    const std::string name = NewName(scope, op);
    AddNode(scope, name, Reference(op, "", false), operands, "", nullptr, result);
    return name;
  }

  absl::StatusOr<std::string> Literal(Scope* scope, const ir::Attribute& value) {
    const std::string name = NewName(scope, "literal");
    MIRIN_ASSIGN_OR_RETURN(const WireWriter attribute, AttributeMessage("value", value));
    AddConstant(scope, name, attribute);
    return name;
  }

  // Literals stand in the entry graph, in front of everything: any graph may use them.
  void AddConstant(Scope* scope, const std::string& name, const WireWriter& attribute) {
    WireWriter node;
    node.Bytes(2, name);
    node.Bytes(3, name);
    node.Bytes(4, "Constant");
    node.Message(5, attribute);
    (scope->graph == module_.entry() ? scope->message : literals_).Message(1, node);
  }

  // op_type of a node that applies this operator with these attributes.
  std::string Reference(const std::string& op, const std::string& attributes, bool operands_form) {
    const std::string key = absl::StrCat(op, operands_form ? "!" : "", attributes);
    auto it = primitive_names_.find(key);
    if (it == primitive_names_.end()) {
      const std::string name = absl::StrCat("primitive_", primitives_.size(), ":", op);
      WireWriter p;
      p.Bytes(1, name);
      p.Bytes(2, op);
      std::string bytes = p.Take() + attributes;
      WireWriter tail;
      if (operands_form) tail.Integer(5, 2);
      primitives_.push_back(bytes + tail.bytes());
      operands_form_ |= operands_form;
      it = primitive_names_.emplace(key, name).first;
    }
    return absl::StrCat("REF::", it->second);
  }

  // -- operands -----------------------------------------------------------------------------------------------------
  absl::StatusOr<std::string> Operand(Scope* scope, const ir::Value* value, bool as_ints) {
    if (value == nullptr) return Literal(scope, std::monostate());
    if (value->kind() == ir::ValueKind::kVariable) return ParameterName(value);
    if (!value->is_constant()) {
      auto it = scope->names.find(value);
      if (it == scope->names.end())
        return absl::InternalError(
            absl::StrCat("value '", value->name(), "' is read before it is made"));
      return it->second;
    }
    const Tensor& tensor = value->tensor();
    if (as_ints && tensor.dtype() == DType::kInt64 && tensor.rank() <= 1) {
      MIRIN_ASSIGN_OR_RETURN(std::vector<int64_t> ints, tensor.ToInt64s());
      return tensor.rank() == 0 ? Literal(scope, ints.at(0)) : Literal(scope, std::move(ints));
    }
    if (!value->name().empty() && tensor.bytes() >= kParameterBytes &&
        tensor.dtype() != DType::kString)
      return ParameterName(value);
    auto it = literals_of_.find(value);
    if (it != literals_of_.end() && scope->graph == module_.entry()) return it->second;
    auto literal = Literal(scope, ir::Attribute(tensor));
    if (!literal.ok())
      return Annotate(literal.status(), absl::StrCat("constant '", value->name(), "'"));
    if (scope->graph == module_.entry()) literals_of_[value] = *literal;
    return literal;
  }

  std::string ParameterName(const ir::Value* value) {
    auto it = parameter_names_.find(value);
    if (it != parameter_names_.end()) return it->second;
    std::string name = absl::StrCat("parameters:", value->name());
    for (int i = 1; !used_parameters_.insert(name).second; ++i)
      name = absl::StrCat("parameters:", value->name(), ".", i);
    parameters_.push_back(value);
    return parameter_names_.emplace(value, std::move(name)).first->second;
  }

  absl::StatusOr<std::vector<std::string>> Operands(Scope* scope, const ir::Node& node,
                                                    const ops::OpSchema& schema, bool operands_form,
                                                    int most) {
    int input = 0;
    int last = -1;  // the last parameter that must be written
    std::vector<std::string> all;
    for (const ops::Parameter& p : schema.parameters()) {
      if (most-- == 0) break;
      if (p.kind == ops::ParameterKind::kAttribute) {
        if (!operands_form) continue;
        const ir::Attribute* value = node.attrs().Find(p.name);
        MIRIN_ASSIGN_OR_RETURN(
            std::string name,
            Literal(scope,
                    value == nullptr ? ir::Attribute() : FunctionOperand(node, p.name, *value)));
        all.push_back(std::move(name));
        last = static_cast<int>(all.size());
        continue;
      }
      if (p.kind == ops::ParameterKind::kVariadic) {
        const int fixed =
            schema.num_input_parameters() - 1 - input;  // input parameters behind this one
        std::vector<std::string> members;
        for (; input < node.num_inputs() - fixed; ++input) {
          MIRIN_ASSIGN_OR_RETURN(std::string member, Operand(scope, node.input(input), false));
          members.push_back(std::move(member));
        }
        all.push_back(Apply(scope, "MakeTuple", members));
        last = static_cast<int>(all.size());
        continue;
      }
      const ir::Value* value = node.input(input++);
      const bool ints = p.kind == ops::ParameterKind::kInts;
      if (value == nullptr && operands_form && ints) {
        MIRIN_ASSIGN_OR_RETURN(std::string name, Literal(scope, p.fallback));
        all.push_back(std::move(name));
        last = static_cast<int>(all.size());
        continue;
      }
      MIRIN_ASSIGN_OR_RETURN(std::string name, Operand(scope, value, ints));
      if (ints && value != nullptr &&
          !value->is_constant()) {  // MindSpore takes numbers there, no tensors
        const Shape& shape = value->type().shape;
        name = Apply(scope,
                     shape.rank_known() && shape.rank() == 0 ? "TensorToScalar" : "TensorToTuple",
                     {name});
      }
      all.push_back(std::move(name));
      if (value != nullptr) last = static_cast<int>(all.size());
    }
    all.resize(static_cast<size_t>(std::max(last, 0)));
    return all;
  }

  // A present tensor behind an attribute parameter: positions must be filled, so the attributes become operands.
  static bool NeedsOperandsForm(const ir::Node& node, const ops::OpSchema& schema) {
    bool attribute_seen = false;
    int input = 0;
    for (const ops::Parameter& p : schema.parameters()) {
      if (p.kind == ops::ParameterKind::kAttribute) {
        attribute_seen = true;
      } else if (p.kind == ops::ParameterKind::kVariadic) {
        if (attribute_seen) return true;
        input = node.num_inputs();
      } else if (node.input(input++) != nullptr && attribute_seen) {
        return true;
      }
    }
    return false;
  }

  absl::Status WriteNode(Scope* scope, const ir::Node& node) {
    if (!node.branches().empty()) return WriteInvoke(scope, node);
    const ops::OpSchema* schema = ops::FindSchema(node.op());
    if (schema == nullptr) return absl::InternalError(absl::StrCat("unknown operator ", node.op()));
    const int function = FunctionParameters(node);
    const bool operands_form = function > 0 || NeedsOperandsForm(node, *schema);
    MIRIN_ASSIGN_OR_RETURN(
        std::vector<std::string> operands,
        Operands(scope, node, *schema, operands_form,
                 function > 0 ? function : static_cast<int>(schema->parameters().size())));
    WireWriter attributes;
    if (!operands_form) {
      for (const auto& [name, value] : PrimitiveAttributes(node)) {
        MIRIN_ASSIGN_OR_RETURN(const WireWriter attribute, AttributeMessage(name, value));
        attributes.Message(3, attribute);
      }
    }
    const bool effect = HasEffect(node);
    if (effect) operands.push_back(scope->token);
    const bool tuple = node.num_outputs() != 1 || !schema->outputs_attr().empty();
    const std::string name = NewName(scope, node.op());
    AddNode(scope, name, Reference(MindSporeName(node), attributes.bytes(), operands_form),
            operands, node.name(), tuple ? nullptr : &node.output()->type(),
            tuple ? nullptr : node.output());
    MIRIN_RETURN_IF_ERROR(NameResults(scope, node, name, tuple));
    if (effect) scope->token = Apply(scope, "UpdateState", {scope->token, name});
    return absl::OkStatus();
  }

  absl::Status NameResults(Scope* scope, const ir::Node& node, const std::string& name,
                           bool tuple) {
    for (int i = 0; i < node.num_outputs(); ++i) {
      const ir::Value* result = node.output(i);
      if (!tuple) {
        scope->names[result] = name;
      } else if (!result->uses().empty() || scope->graph->IsOutput(result)) {
        MIRIN_ASSIGN_OR_RETURN(const std::string index, Literal(scope, int64_t{i}));
        scope->names[result] = Apply(scope, "TupleGetItem", {name, index}, result);
      }
    }
    return absl::OkStatus();
  }

  absl::Status WriteInvoke(Scope* scope, const ir::Node& node) {
    const bool effect = HasEffect(node);
    std::vector<std::string> functions;
    std::string callee;
    std::vector<std::string> call_operands;
    for (const ir::Branch& branch : node.branches()) {
      std::vector<std::string> bound = {graph_names_.at(branch.graph)};
      for (const int arg : branch.args) {
        MIRIN_ASSIGN_OR_RETURN(std::string operand, Operand(scope, node.input(arg), false));
        bound.push_back(std::move(operand));
      }
      if (effects_.contains(branch.graph)) bound.push_back(scope->token);
      if (node.branches().size() == 1) {
        callee = bound[0];
        call_operands.assign(bound.begin() + 1, bound.end());
      } else {
        functions.push_back(Apply(scope, "Partial", bound));
      }
    }
    if (node.branches().size() > 1) {
      MIRIN_ASSIGN_OR_RETURN(const std::string selector, Operand(scope, node.input(0), false));
      if (node.input(0)->type().dtype == DType::kBool && functions.size() == 2) {
        callee = Apply(scope, "Switch", {selector, functions[0], functions[1]});
      } else {
        callee = Apply(scope, "switch_layer", {selector, Apply(scope, "MakeTuple", functions)});
      }
    }
    const bool tuple = node.num_outputs() != 1;
    const std::string name = NewName(scope, "call");
    AddNode(scope, name, absl::StrCat("REF::", callee), call_operands, node.name(),
            tuple ? nullptr : &node.output()->type(), tuple ? nullptr : node.output());
    MIRIN_RETURN_IF_ERROR(NameResults(scope, node, name, tuple));
    if (effect) scope->token = Apply(scope, "UpdateState", {scope->token, name});
    return absl::OkStatus();
  }

  // -- graphs -------------------------------------------------------------------------------------------------------
  absl::StatusOr<std::string> WriteGraph(const ir::Graph& graph) {
    Scope scope;
    scope.graph = &graph;
    scope.name = graph_names_.at(&graph);
    const bool entry = &graph == module_.entry();
    absl::flat_hash_set<std::string> used;
    for (const auto& input : graph.inputs()) {
      std::string name = absl::StrCat(scope.name, ":", input->name());
      for (int i = 1; !used.insert(name).second; ++i)
        name = absl::StrCat(scope.name, ":", input->name(), ".", i);
      scope.names[input.get()] = name;
      WireWriter info;
      info.Bytes(1, name);
      info.Message(2, TensorTypeMessage(input->type()));
      scope.message.Message(5, info);
    }
    if (effects_.contains(&graph)) WriteFirstToken(&scope, entry);
    for (const auto& node : graph.nodes())
      MIRIN_RETURN_IF_ERROR(Annotate(WriteNode(&scope, *node), ir::Describe(*node)));
    MIRIN_RETURN_IF_ERROR(WriteOutputs(&scope));
    scope.message.Bytes(2, scope.name);
    return scope.message.Take();
  }

  void WriteFirstToken(Scope* scope, bool entry) {
    scope->token = NewName(scope, "state");
    if (entry) {
      WireWriter monad;
      monad.Bytes(1, "value");
      monad.Integer(16, kAttrUMonad);
      AddConstant(scope, scope->token, monad);
      return;
    }
    WireWriter info;
    info.Bytes(1, scope->token);
    info.Bytes(4, "UMonadType");
    WireWriter type;
    type.Integer(16, kAttrUMonad);
    info.Message(5, type);
    scope->message.Message(5, info);
  }

  absl::Status WriteOutputs(Scope* scope) {
    const std::vector<ir::Value*>& outputs = scope->graph->outputs();
    std::vector<std::string> names;
    for (const ir::Value* v : outputs) {
      MIRIN_ASSIGN_OR_RETURN(std::string name, Operand(scope, v, false));
      names.push_back(std::move(name));
    }
    const bool tuple = outputs.size() != 1;
    std::string result = tuple ? Apply(scope, "MakeTuple", names) : names[0];
    if (!scope->token.empty()) result = Apply(scope, "Depend", {result, scope->token});
    WireWriter info;
    info.Bytes(1, result);
    if (tuple) {
      info.Bytes(4, "Tuple");
      WireWriter types;
      types.Integer(16, kAttrTuple);
      for (const ir::Value* v : outputs) types.Message(17, TypeAttribute("", v->type()));
      info.Message(5, types);
    } else {
      info.Message(2, TensorTypeMessage(outputs[0]->type()));
    }
    scope->message.Message(6, info);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> WriteParameters() {
    WireWriter out;
    for (const ir::Value* value : parameters_) {
      const Tensor& tensor = value->tensor();
      WireWriter p = TensorTypeMessage({tensor.dtype(), tensor.shape()});
      p.Bytes(7, parameter_names_.at(value));
      const absl::string_view bytes(static_cast<const char*>(tensor.data()), tensor.bytes());
      if (external_ == nullptr) {
        p.Bytes(9, bytes);
      } else {
        WireWriter place;
        place.Bytes(1, external_->location);
        place.Integer(2, static_cast<int64_t>(external_->bytes.size()));
        place.Integer(3, static_cast<int64_t>(bytes.size()));
        p.Message(12, place);
        external_->bytes.append(bytes.data(), bytes.size());
        external_->bytes.resize(
            (external_->bytes.size() + kDataAlignment - 1) / kDataAlignment * kDataAlignment, '\0');
      }
      p.Bytes(13, value->name());
      p.Integer(16, 0);
      out.Message(3, p);
    }
    return out.Take();
  }

  const ir::Module& module_;
  ExternalWeights* external_;
  WireWriter literals_;  // of functions, written into the entry graph
  absl::flat_hash_set<const ir::Graph*> effects_;
  absl::flat_hash_map<const ir::Graph*, std::string> graph_names_;
  std::vector<std::string> primitives_;
  absl::flat_hash_map<std::string, std::string> primitive_names_;
  bool operands_form_ = false;
  std::vector<const ir::Value*> parameters_;
  absl::flat_hash_map<const ir::Value*, std::string> parameter_names_;
  absl::flat_hash_set<std::string> used_parameters_;
  absl::flat_hash_map<const ir::Value*, std::string> literals_of_;
};

absl::StatusOr<std::string> Sealed(std::string bytes, const WriteOptions& options) {
  if (options.key.empty()) return bytes;
  return Encrypt(bytes, options.key, options.mode);
}

size_t WeightBytes(const ir::Module& module) {
  size_t total = 0;
  for (const auto& v : module.constants()) total += v->tensor().bytes();
  for (const auto& v : module.variables()) total += v->tensor().bytes();
  return total;
}

}  // namespace

absl::StatusOr<std::string> Write(const ir::Module& module, const WriteOptions& options) {
  MIRIN_ASSIGN_OR_RETURN(std::string bytes, ModelWriter(module, nullptr).Write());
  return Sealed(std::move(bytes), options);
}

absl::StatusOr<std::string> WriteFile(const ir::Module& module, const std::string& path,
                                      const WriteOptions& options) {
  if (WeightBytes(module) <= options.max_inline_weights) {
    MIRIN_ASSIGN_OR_RETURN(const std::string bytes, Write(module, options));
    MIRIN_RETURN_IF_ERROR(WriteFileAtomically(path, bytes));
    return path;
  }
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  std::string stem = path.substr(folder.size());
  if (absl::EndsWith(stem, ".mindir")) stem.resize(stem.size() - 7);
  const std::string variables = stem + "_variables";
  if (mkdir((folder + variables).c_str(), 0777) != 0 && errno != EEXIST) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot make '", folder, variables, "': ", std::strerror(errno)));
  }
  ExternalWeights external;
  external.location = variables + "/data_0";
  external.bytes.assign(kDataAlignment, '\0');
  external.bytes[0] = 1;  // little endian
  MIRIN_ASSIGN_OR_RETURN(std::string bytes, ModelWriter(module, &external).Write());
  MIRIN_ASSIGN_OR_RETURN(const std::string data, Sealed(std::move(external.bytes), options));
  MIRIN_ASSIGN_OR_RETURN(const std::string graph, Sealed(std::move(bytes), options));
  MIRIN_RETURN_IF_ERROR(WriteFileAtomically(folder + external.location, data));
  const std::string file = absl::StrCat(folder, stem, "_graph.mindir");
  MIRIN_RETURN_IF_ERROR(WriteFileAtomically(file, graph));
  return file;
}

}  // namespace mirin::mindir
