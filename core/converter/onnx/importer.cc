#include "core/converter/onnx/importer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status.h"
#include "core/converter/onnx/registry.h"
#include "core/ops/infer_module.h"

namespace mirin::onnx {
namespace {

using converter::Bodies;
using converter::Finding;
using converter::GraphBuilder;
using converter::HintOf;
using converter::Operand;
using converter::Refuse;
using converter::Report;
using converter::SourceNode;

using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;
using Opsets = std::map<std::string, int64_t>;
using Attributes = std::map<std::string, const AttributeProto*>;

// A small file may expand to this many nodes, a large one to 64 times its own.
constexpr int64_t kExpandedNodes = 100'000;
constexpr int kMaxDepth = 64;  // of bodies in bodies and functions in functions

// The names that nodes see. Functions see only their own.
struct Scope {
  Scope* parent = nullptr;
  GraphBuilder* builder = nullptr;
  const Opsets* opsets = nullptr;
  const Attributes* references = nullptr;  // what ref_attr_name refers to, in a function
  int depth = 0;
  absl::flat_hash_map<std::string, Operand> names;
  absl::flat_hash_set<std::string> failed;  // results of nodes that were reported
};

// A failure that stands in the report already.
absl::Status Reported() { return absl::AbortedError("reported"); }

std::string Domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

absl::StatusOr<Opsets> ReadOpsets(
    const google::protobuf::RepeatedPtrField<OperatorSetIdProto>& imports) {
  Opsets opsets;
  for (const OperatorSetIdProto& o : imports) {
    const std::string domain = Domain(o.domain());
    if (domain.empty() && (o.version() < kOldestOpset || o.version() > kNewestOpset)) {
      return Refuse(absl::StrCat("operator set ", o.version(), " is not known: this build knows ",
                                 kOldestOpset, " to ", kNewestOpset),
                    o.version() > kNewestOpset
                        ? "export with an older opset_version"
                        : "convert the model with onnx.version_converter to opset 13");
    }
    opsets[domain] = o.version();
  }
  return opsets;
}

// Names that the node reads from outside, those of its bodies included.
void CollectReads(const NodeProto& node, int depth, std::vector<std::string>* reads) {
  for (const std::string& name : node.input()) {
    if (!name.empty()) reads->push_back(name);
  }
  if (depth >= kMaxDepth) return;
  for (const AttributeProto& a : node.attribute()) {
    if (!a.has_g()) continue;
    absl::flat_hash_set<std::string> own;
    for (const auto& v : a.g().input()) own.insert(v.name());
    for (const auto& t : a.g().initializer()) own.insert(t.name());
    for (const NodeProto& n : a.g().node()) own.insert(n.output().begin(), n.output().end());
    std::vector<std::string> inner;
    for (const NodeProto& n : a.g().node()) CollectReads(n, depth + 1, &inner);
    for (const auto& v : a.g().output()) inner.push_back(v.name());
    for (std::string& name : inner) {
      if (!own.contains(name)) reads->push_back(std::move(name));
    }
  }
}

std::string Label(const NodeProto& node, int index) {
  return node.name().empty() ? absl::StrCat(node.op_type(), " #", index) : node.name();
}

class Importer {
 public:
  Importer(const std::shared_ptr<const Model>& model, const ImportOptions& options,
           const passes::Evaluator& evaluate, Report* report)
      : model_(model),
        options_(options),
        evaluate_(evaluate),
        report_(report),
        tensors_(model),
        module_(std::make_unique<ir::Module>()) {}

  absl::StatusOr<std::unique_ptr<ir::Module>> Run() {
    const ModelProto& proto = model_->proto();
    MIRIN_ASSIGN_OR_RETURN(const Opsets opsets, ReadOpsets(proto.opset_import()));
    int64_t in_file = proto.graph().node_size();
    for (const FunctionProto& f : proto.functions()) {
      functions_[{Domain(f.domain()), f.name(), f.overload()}] = &f;
      in_file += f.node_size();
    }
    max_nodes_ = std::min(options_.max_nodes, kExpandedNodes + 64 * in_file);
    ir::Graph* entry = module_->AddGraph("main");
    module_->set_entry(entry);
    GraphBuilder builder(entry, nullptr, &evaluate_);
    Scope scope;
    scope.builder = &builder;
    scope.opsets = &opsets;
    MIRIN_RETURN_IF_ERROR(AddInputs(proto.graph(), &scope));
    AddInitializers(proto.graph(), &scope);
    ImportNodes(proto.graph().node(), &scope);
    SetOutputs(proto.graph(), &scope);
    MIRIN_RETURN_IF_ERROR(report_->status());
    for (const auto& entry_ : proto.metadata_props())
      module_->metadata()["user_info/" + entry_.key()] = entry_.value();
    passes::EliminateDeadCode(module_.get());
    MIRIN_RETURN_IF_ERROR(Annotate(ir::Verify(*module_), "the imported graph"));
    MIRIN_RETURN_IF_ERROR(ops::InferModule(module_.get()));
    return std::move(module_);
  }

 private:
  friend class NodeBodies;

  // -- the signature --------------------------------------------------------------------------------------------------
  absl::Status AddInputs(const GraphProto& graph, Scope* scope) {
    absl::flat_hash_set<std::string> constants;
    for (const auto& t : graph.initializer()) constants.insert(t.name());
    for (const auto& t : graph.sparse_initializer()) constants.insert(t.values().name());
    std::map<std::string, std::vector<int64_t>> shapes = options_.input_shapes;
    for (const ValueInfoProto& v : graph.input()) {
      if (constants.contains(v.name()))
        continue;  // an input with a default is a constant, as for other runtimes
      absl::StatusOr<ir::TensorType> type = InputType(v);
      const auto given = shapes.find(v.name());
      if (type.ok() && given != shapes.end()) {
        type = WithShape(*type, given->second);
        if (type.ok()) shapes.erase(given);
      }
      if (!type.ok()) {
        AddModelError(Annotate(type.status(), absl::StrCat("input '", v.name(), "'")),
                      HintOf(type.status()));
        scope->failed.insert(v.name());
        shapes.erase(v.name());
        continue;
      }
      scope->names[v.name()] =
          Operand::Tensor(scope->builder->graph()->AddInput(v.name(), *std::move(type)));
    }
    if (shapes.empty()) return absl::OkStatus();
    std::vector<std::string> known;
    for (const auto& v : scope->builder->graph()->inputs()) known.push_back(v->name());
    return absl::InvalidArgumentError(
        absl::StrCat("there is no input '", shapes.begin()->first,
                     "' to give a shape to; inputs: ", absl::StrJoin(known, ", ")));
  }

  static absl::StatusOr<ir::TensorType> InputType(const ValueInfoProto& v) {
    if (v.type().has_tensor_type()) return TypeFromOnnx(v.type().tensor_type());
    if (v.type().has_sequence_type())
      return Refuse("a sequence as input of the model", "make each member an input");
    if (v.type().has_optional_type())
      return Refuse("an optional as input of the model",
                    "export one model with and one without it");
    if (v.type().has_map_type() || v.type().has_sparse_tensor_type())
      return Refuse("a map or sparse tensor as input of the model", "make it a tensor");
    return absl::DataLossError("it has no type");
  }

  static absl::StatusOr<ir::TensorType> WithShape(ir::TensorType type,
                                                  const std::vector<int64_t>& dims) {
    const Shape shape{absl::MakeConstSpan(dims)};
    bool fits = !type.shape.rank_known() || type.shape.rank() == shape.rank();
    for (int i = 0; fits && type.shape.rank_known() && i < shape.rank(); ++i)
      fits = shape.dim(i) >= -1 &&
             (type.shape.dim(i) < 0 || shape.dim(i) < 0 || type.shape.dim(i) == shape.dim(i));
    if (!fits)
      return absl::InvalidArgumentError(
          absl::StrCat("the shape ", ToString(shape), " does not fit ", ToString(type.shape)));
    if (!type.shape.rank_known()) type.shape = shape;
    for (int i = 0; i < shape.rank(); ++i) {
      if (shape.dim(i) >= 0) type.shape.set_dim(i, shape.dim(i));
    }
    return type;
  }

  void AddInitializers(const GraphProto& graph, Scope* scope) {
    const auto add = [&](const std::string& name, absl::StatusOr<Tensor> tensor) {
      if (!tensor.ok()) {
        AddModelError(Annotate(tensor.status(), absl::StrCat("initializer '", name, "'")),
                      HintOf(tensor.status()));
        scope->failed.insert(name);
        return;
      }
      scope->names[name] = Operand::Tensor(scope->builder->Constant(*std::move(tensor), name));
    };
    for (const TensorProto& t : graph.initializer()) add(t.name(), tensors_.Read(t));
    for (const SparseTensorProto& t : graph.sparse_initializer())
      add(t.values().name(), tensors_.Read(t));
  }

  void SetOutputs(const GraphProto& graph, Scope* scope) {
    std::vector<ir::Value*> values;
    std::vector<std::string> names;
    for (const ValueInfoProto& v : graph.output()) {
      absl::StatusOr<Operand> operand = Find(scope, v.name());
      if (!operand.ok()) {
        if (!absl::IsAborted(operand.status()))
          AddModelError(
              absl::DataLossError(absl::StrCat("output '", v.name(), "' is made by no node")), "");
        continue;
      }
      const absl::Status status = AddOutput(v.name(), *operand, &values, &names);
      if (!status.ok())
        AddModelError(Annotate(status, absl::StrCat("output '", v.name(), "'")), HintOf(status));
      if (operand->tensor == nullptr || !v.type().has_tensor_type()) continue;
      const absl::StatusOr<ir::TensorType> declared = TypeFromOnnx(v.type().tensor_type());
      if (declared.ok() && declared->dtype != operand->tensor->type().dtype) {
        AddModelError(absl::InvalidArgumentError(absl::StrCat(
                          "output '", v.name(), "' is ", Name(operand->tensor->type().dtype),
                          ", the model says ", Name(declared->dtype))),
                      "");
      }
    }
    if (values.empty() && report_->errors() == 0)
      AddModelError(absl::DataLossError("the model has no outputs"), "");
    scope->builder->graph()->SetOutputs(std::move(values));
    module_->set_output_names(std::move(names));
  }

  static absl::Status AddOutput(const std::string& name, const Operand& operand,
                                std::vector<ir::Value*>* values, std::vector<std::string>* names) {
    if (operand.none) return Refuse("it is an empty optional", "leave the output out");
    if (operand.tensor != nullptr) {
      values->push_back(operand.tensor);
      names->push_back(name);
      return absl::OkStatus();
    }
    // A sequence of known length gives as many outputs.
    for (size_t i = 0; i < operand.sequence->size(); ++i)
      MIRIN_RETURN_IF_ERROR(
          AddOutput(absl::StrCat(name, "[", i, "]"), (*operand.sequence)[i], values, names));
    return absl::OkStatus();
  }

  // -- names ----------------------------------------------------------------------------------------------------------
  // NotFound, or Aborted for the result of a node that failed.
  absl::StatusOr<Operand> Find(Scope* scope, const std::string& name) {
    for (Scope* s = scope; s != nullptr; s = s->parent) {
      if (s->failed.contains(name)) return Reported();
      const auto it = s->names.find(name);
      if (it == s->names.end()) continue;
      return s->builder == scope->builder ? it->second : Captured(it->second, scope->builder);
    }
    return absl::NotFoundError(name);
  }

  static Operand Captured(const Operand& operand, GraphBuilder* builder) {
    Operand seen = operand;
    if (operand.tensor != nullptr) seen.tensor = builder->Capture(operand.tensor);
    if (operand.sequence != nullptr) {
      std::vector<Operand> members;
      for (const Operand& member : *operand.sequence) members.push_back(Captured(member, builder));
      seen.sequence = std::make_shared<const std::vector<Operand>>(std::move(members));
    }
    return seen;
  }

  // -- nodes ----------------------------------------------------------------------------------------------------------
  // Positions in an order in which results come before their readers; a cycle is reported.
  std::vector<int> Order(const Nodes& nodes) {
    absl::flat_hash_map<std::string, int> producers;
    for (int i = 0; i < nodes.size(); ++i) {
      for (const std::string& name : nodes[i].output()) {
        if (!name.empty() && !producers.emplace(name, i).second)
          AddModelError(
              absl::DataLossError(absl::StrCat("'", name, "' is the result of two nodes")), "");
      }
    }
    std::vector<std::vector<int>> readers(static_cast<size_t>(nodes.size()));
    std::vector<int> waits(static_cast<size_t>(nodes.size()), 0);
    for (int i = 0; i < nodes.size(); ++i) {
      std::vector<std::string> reads;
      CollectReads(nodes[i], 0, &reads);
      for (const std::string& name : reads) {
        const auto it = producers.find(name);
        if (it == producers.end()) continue;
        readers[static_cast<size_t>(it->second)].push_back(i);
        ++waits[static_cast<size_t>(i)];
      }
    }
    // Smallest position first: files are nearly always in order already.
    std::vector<int> order, heap;
    const auto later = [](int a, int b) { return a > b; };
    for (int i = 0; i < nodes.size(); ++i) {
      if (waits[static_cast<size_t>(i)] == 0) heap.push_back(i);
    }
    std::make_heap(heap.begin(), heap.end(), later);
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), later);
      const int i = heap.back();
      heap.pop_back();
      order.push_back(i);
      for (const int r : readers[static_cast<size_t>(i)]) {
        if (--waits[static_cast<size_t>(r)] > 0) continue;
        heap.push_back(r);
        std::push_heap(heap.begin(), heap.end(), later);
      }
    }
    if (order.size() < static_cast<size_t>(nodes.size())) {
      const auto it = std::find_if(waits.begin(), waits.end(), [](int w) { return w > 0; });
      const int i = static_cast<int>(it - waits.begin());
      AddModelError(absl::DataLossError(absl::StrCat("the graph has a cycle through node '",
                                                     Label(nodes[i], i), "'")),
                    "");
    }
    return order;
  }

  void ImportNodes(const Nodes& nodes, Scope* scope) {
    for (const int i : Order(nodes)) {
      if (report_->nodes() >= max_nodes_) {
        if (!too_many_)
          AddModelError(absl::ResourceExhaustedError(absl::StrCat(
                            "more than ", max_nodes_, " nodes, functions and bodies written out")),
                        "");
        too_many_ = true;
        return;
      }
      ImportNode(nodes[i], Label(nodes[i], i), scope);
    }
  }

  void ImportNode(const NodeProto& proto, const std::string& label, Scope* scope) {
    report_->CountNode();
    SourceNode node;
    node.name = label;
    node.op = proto.op_type();
    node.domain = Domain(proto.domain());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    absl::StatusOr<std::vector<Operand>> results = Translate(proto, &node, scope);
    absl::Status status = results.status();
    for (size_t i = 0; status.ok() && i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      if (i >= results->size() || (*results)[i].missing())
        status =
            Refuse(absl::StrCat("its output ", i, " ('", node.outputs[i], "') is not supported"),
                   "leave it unused");
    }
    if (!status.ok()) {
      if (!absl::IsAborted(status)) AddNodeError(node, status);
      for (const std::string& name : node.outputs) scope->failed.insert(name);
      return;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      ir::Value* value = (*results)[i].tensor;
      // What the node itself made is known by the source's name.
      if (value != nullptr && value->kind() == ir::ValueKind::kResult &&
          value->producer()->name() == label)
        value->set_name(node.outputs[i]);
      scope->names[node.outputs[i]] = std::move((*results)[i]);
    }
  }

  absl::StatusOr<std::vector<Operand>> Translate(const NodeProto& proto, SourceNode* node,
                                                 Scope* scope);
  absl::StatusOr<std::vector<Operand>> Expand(const FunctionProto& function, const NodeProto& call,
                                              std::vector<Operand> inputs, Scope* scope);
  absl::StatusOr<ir::Attribute> ReadAttribute(const AttributeProto& a);

  // -- the report -----------------------------------------------------------------------------------------------------
  void AddNodeError(const SourceNode& node, const absl::Status& status) {
    Finding f;
    f.node = node.name;
    f.op = node.op;
    f.domain = node.domain;
    f.version = node.version;
    f.code = status.code();
    f.reason = std::string(status.message());
    f.hint = HintOf(status);
    report_->Add(std::move(f));
  }

  void AddModelError(const absl::Status& status, const std::string& hint) {
    Finding f;
    f.code = status.code();
    f.reason = std::string(status.message());
    f.hint = hint;
    report_->Add(std::move(f));
  }

  struct FunctionKey {
    std::string domain, name, overload;
    bool operator<(const FunctionKey& o) const {
      return std::tie(domain, name, overload) < std::tie(o.domain, o.name, o.overload);
    }
  };

  std::shared_ptr<const Model> model_;
  const ImportOptions& options_;
  const passes::Evaluator& evaluate_;
  Report* report_;
  TensorReader tensors_;
  std::unique_ptr<ir::Module> module_;
  std::map<FunctionKey, const FunctionProto*> functions_;
  std::vector<const FunctionProto*> expanding_;
  int64_t max_nodes_ = 0;
  bool too_many_ = false;
};

// The bodies of one node.
class NodeBodies : public Bodies {
 public:
  NodeBodies(Importer* importer, Scope* scope) : importer_(importer), scope_(scope) {}
  void Add(const std::string& attribute, const GraphProto* graph) { graphs_[attribute] = graph; }
  const std::map<std::string, const GraphProto*, std::less<>>& graphs() const { return graphs_; }

  bool Has(absl::string_view attribute) const override {
    return graphs_.count(std::string(attribute)) > 0;
  }
  int num_inputs(absl::string_view attribute) const override {
    return Has(attribute) ? graphs_.find(std::string(attribute))->second->input_size() : 0;
  }
  int num_outputs(absl::string_view attribute) const override {
    return Has(attribute) ? graphs_.find(std::string(attribute))->second->output_size() : 0;
  }

  int num_nodes(absl::string_view attribute) const override {
    return Has(attribute) ? graphs_.find(std::string(attribute))->second->node_size() : 0;
  }

  absl::StatusOr<std::vector<Operand>> Inline(absl::string_view attribute,
                                              const std::vector<Operand>& inputs,
                                              GraphBuilder* into) override {
    const auto it = graphs_.find(std::string(attribute));
    if (it == graphs_.end())
      return absl::InvalidArgumentError(absl::StrCat("the body '", attribute, "' is missing"));
    const GraphProto& graph = *it->second;
    if (scope_->depth >= kMaxDepth) return absl::ResourceExhaustedError("bodies nest too deep");
    if (static_cast<int>(inputs.size()) != graph.input_size()) {
      return absl::InvalidArgumentError(absl::StrCat("the body '", attribute, "' takes ",
                                                     graph.input_size(), " inputs, it is given ",
                                                     inputs.size()));
    }
    Scope scope;
    scope.parent = scope_;
    scope.builder = into;
    scope.opsets = scope_->opsets;
    scope.references = scope_->references;
    scope.depth = scope_->depth + 1;
    for (size_t i = 0; i < inputs.size(); ++i)
      scope.names[graph.input(static_cast<int>(i)).name()] = inputs[i];
    const std::string outer = into->scope();
    const int errors = importer_->report_->errors();
    importer_->AddInitializers(graph, &scope);
    importer_->ImportNodes(graph.node(), &scope);
    into->set_scope(outer);
    if (importer_->report_->errors() > errors) return Reported();
    std::vector<Operand> results;
    for (const ValueInfoProto& v : graph.output()) {
      absl::StatusOr<Operand> operand = importer_->Find(&scope, v.name());
      if (absl::IsNotFound(operand.status()))
        return absl::DataLossError(absl::StrCat("result '", v.name(), "' of the body '", attribute,
                                                "' is made by no node"));
      MIRIN_RETURN_IF_ERROR(operand.status());
      results.push_back(*std::move(operand));
    }
    return results;
  }

 private:
  Importer* importer_;
  Scope* scope_;
  std::map<std::string, const GraphProto*, std::less<>> graphs_;
};

absl::StatusOr<ir::Attribute> Importer::ReadAttribute(const AttributeProto& a) {
  switch (a.type()) {
    case 1:
      return ir::Attribute(static_cast<double>(a.f()));
    case 2:
      return ir::Attribute(int64_t{a.i()});
    case 3:
      return ir::Attribute(a.s());
    case 4: {
      MIRIN_ASSIGN_OR_RETURN(Tensor tensor, tensors_.Read(a.t()));
      return ir::Attribute(std::move(tensor));
    }
    case 6:
      return ir::Attribute(std::vector<double>(a.floats().begin(), a.floats().end()));
    case 7:
      return ir::Attribute(std::vector<int64_t>(a.ints().begin(), a.ints().end()));
    case 8:
      return ir::Attribute(std::vector<std::string>(a.strings().begin(), a.strings().end()));
    case 11: {
      MIRIN_ASSIGN_OR_RETURN(Tensor tensor, tensors_.Read(a.sparse_tensor()));
      return ir::Attribute(std::move(tensor));
    }
    case 13: {
      const TypeProto* type = &a.tp();
      for (int depth = 0; depth < kMaxDepth;
           ++depth) {  // the element type of sequences and optionals
        if (type->has_sequence_type()) {
          type = &type->sequence_type().elem_type();
        } else if (type->has_optional_type()) {
          type = &type->optional_type().elem_type();
        } else {
          break;
        }
      }
      MIRIN_ASSIGN_OR_RETURN(const DType dtype, DTypeFromOnnx(type->tensor_type().elem_type()));
      return ir::Attribute(dtype);
    }
    default:
      return Refuse(absl::StrCat("attributes of type ", a.type()));
  }
}

absl::StatusOr<std::vector<Operand>> Importer::Translate(const NodeProto& proto, SourceNode* node,
                                                         Scope* scope) {
  const auto version = scope->opsets->find(node->domain);
  const auto function = functions_.find({node->domain, node->op, proto.overload()});
  const converter::Translator translator = FindTranslator(node->domain, node->op);
  if (version != scope->opsets->end()) node->version = version->second;
  if (function == functions_.end()) {
    if (version == scope->opsets->end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "its domain '", node->domain, "' is not among the operator sets that the model imports"));
    }
    if (translator == nullptr) {
      return Refuse(
          absl::StrCat("the operator ",
                       node->domain.empty() ? "" : absl::StrCat(node->domain, "::"), node->op,
                       " is not supported"),
          node->domain.empty()
              ? "write it with other operators, or export with another opset_version"
              : "export it as a function of the model (FunctionProto) or with standard operators");
    }
  }
  // What fails here may be one of many: operands of nodes already reported say nothing new.
  std::vector<Operand> inputs;
  for (const std::string& name : proto.input()) {
    if (name.empty()) {
      inputs.emplace_back();
      continue;
    }
    absl::StatusOr<Operand> operand = Find(scope, name);
    if (absl::IsNotFound(operand.status()))
      return absl::DataLossError(
          absl::StrCat("its input '", name, "' is no input, initializer or result of the model"));
    MIRIN_RETURN_IF_ERROR(operand.status());
    inputs.push_back(*std::move(operand));
  }
  if (function != functions_.end())
    return Expand(*function->second, proto, std::move(inputs), scope);

  NodeBodies bodies(this, scope);
  for (const AttributeProto& given : proto.attribute()) {
    const AttributeProto* a = &given;
    if (!given.ref_attr_name().empty()) {
      if (scope->references == nullptr)
        return absl::DataLossError(absl::StrCat("attribute '", given.name(),
                                                "' refers to one of a function, outside of any"));
      const auto it = scope->references->find(given.ref_attr_name());
      if (it == scope->references->end()) continue;  // not given, and without a default: absent
      a = it->second;
    }
    if (a->has_g()) {
      bodies.Add(given.name(), &a->g());
      continue;
    }
    absl::StatusOr<ir::Attribute> value = ReadAttribute(*a);
    if (!value.ok()) {
      absl::Status status =
          Annotate(value.status(), absl::StrCat("attribute '", given.name(), "'"));
      if (!HintOf(value.status()).empty())
        status = Refuse(status.message(), HintOf(value.status()));
      return status;
    }
    node->attributes.Set(given.name(), *std::move(value));
  }
  scope->builder->set_scope(node->name);
  OpContext context(node, std::move(inputs), scope->builder, &bodies, report_);
  const absl::Status returned = translator(context);
  const absl::Status built = scope->builder->TakeStatus();
  if (absl::IsAborted(returned)) return returned;
  MIRIN_RETURN_IF_ERROR(built);
  MIRIN_RETURN_IF_ERROR(returned);
  const std::vector<std::string> unread = context.Unread();
  if (!unread.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(node->op, " of ", node->domain.empty() ? "opset " : node->domain + " ",
                     node->version, " has no attribute '", absl::StrJoin(unread, "', '"), "'"));
  }
  const int surplus = context.SurplusOperand();
  if (surplus >= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(node->op, " of ", node->domain.empty() ? "opset " : node->domain + " ",
                     node->version, " takes no input ", surplus));
  }
  return context.outputs();
}

absl::StatusOr<std::vector<Operand>> Importer::Expand(const FunctionProto& function,
                                                      const NodeProto& call,
                                                      std::vector<Operand> inputs, Scope* scope) {
  if (std::find(expanding_.begin(), expanding_.end(), &function) != expanding_.end())
    return absl::DataLossError(absl::StrCat("the function ", function.name(), " calls itself"));
  if (expanding_.size() >= kMaxDepth)
    return absl::ResourceExhaustedError("functions nest too deep");
  if (static_cast<int>(inputs.size()) > function.input_size()) {
    return absl::InvalidArgumentError(absl::StrCat("the function ", function.name(), " takes ",
                                                   function.input_size(), " inputs, it is given ",
                                                   inputs.size()));
  }
  MIRIN_ASSIGN_OR_RETURN(const Opsets opsets, ReadOpsets(function.opset_import()));
  Attributes references;
  for (const AttributeProto& a : function.attribute_proto()) references[a.name()] = &a;
  for (const AttributeProto& a : call.attribute()) {
    if (a.ref_attr_name().empty()) {
      references[a.name()] = &a;
    } else if (scope->references != nullptr && scope->references->count(a.ref_attr_name()) > 0) {
      references[a.name()] = scope->references->at(a.ref_attr_name());
    }
  }
  Scope inner;
  inner.builder = scope->builder;
  inner.opsets = &opsets;
  inner.references = &references;
  inner.depth = scope->depth;
  inputs.resize(static_cast<size_t>(function.input_size()));
  for (int i = 0; i < function.input_size(); ++i)
    inner.names[function.input(i)] = inputs[static_cast<size_t>(i)];
  const int errors = report_->errors();
  expanding_.push_back(&function);
  ImportNodes(function.node(), &inner);
  expanding_.pop_back();
  if (report_->errors() > errors) return Reported();
  std::vector<Operand> results;
  for (const std::string& name : function.output()) {
    absl::StatusOr<Operand> operand = Find(&inner, name);
    results.push_back(operand.ok() ? *std::move(operand) : Operand());
  }
  return results;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> Import(const std::shared_ptr<const Model>& model,
                                                   const ImportOptions& options,
                                                   const passes::Evaluator& evaluate,
                                                   Report* report) {
  absl::StatusOr<std::unique_ptr<ir::Module>> module =
      Importer(model, options, evaluate, report).Run();
  if (!module.ok() && report->errors() == 0) report->AddModelError(module.status());
  return module;
}

}  // namespace mirin::onnx
