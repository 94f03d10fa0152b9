// Graphs, their nodes and parameters.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"
#include "core/mindir/lowering.h"
#include "core/mindir/signature.h"
#include "core/mindir/structure.h"
#include "core/ops/schema.h"

namespace mirin::mindir {

absl::StatusOr<Binding> Lowering::ConstantOf(int graph, int index) {
  auto it = constants_.find({graph, index});
  if (it != constants_.end()) return it->second;
  const RawNode& node = model_.graphs[graph].nodes[index];
  if (node.attributes.empty())
    return absl::DataLossError(absl::StrCat("constant '", node.name, "' has no value"));
  MIRIN_ASSIGN_OR_RETURN(const RawAttribute attribute, ParseAttribute(node.attributes[0], limits_));
  auto bound = BindLiteral(attribute, module_.get(), load_);
  if (!bound.ok()) return Annotate(bound.status(), absl::StrCat("constant '", node.name, "'"));
  if ((*bound)->kind == BoundKind::kTensor) (*bound)->value->set_name(PublicName(node.name));
  return constants_.emplace(std::make_pair(graph, index), *std::move(bound)).first->second;
}

absl::StatusOr<Binding> Lowering::Resolve(absl::string_view name, int graph,
                                          const std::vector<Binding>& arguments,
                                          const Environment& env) {
  MIRIN_ASSIGN_OR_RETURN(const Symbol* symbol, symbols_.Get(name));
  const auto foreign = [&] {
    return absl::UnimplementedError(absl::StrCat(
        "'", name, "' belongs to another graph (free variables occur in gradient files only)"));
  };
  auto bound = std::make_shared<Bound>();
  switch (symbol->kind) {
    case Symbol::kConstant:
      return ConstantOf(symbol->graph, symbol->index);
    case Symbol::kInput:
      if (symbol->graph != graph) return foreign();
      return arguments[symbol->index];
    case Symbol::kNode:
      if (symbol->graph != graph || env[symbol->index] == nullptr) return foreign();
      return env[symbol->index];
    case Symbol::kParameter:
      bound->kind = BoundKind::kParameter;
      bound->i = symbol->index;
      return Binding(bound);
    case Symbol::kGraph:
      bound->kind = BoundKind::kGraph;
      bound->i = symbol->index;
      return Binding(bound);
    case Symbol::kPrimitive:
      break;
  }
  return absl::UnimplementedError(absl::StrCat("primitive '", name, "' is used as a value"));
}

absl::StatusOr<Binding> Lowering::EvaluateGraph(int graph, const std::vector<Binding>& arguments,
                                                NodeBuilder* builder, int depth) {
  const RawGraph& g = model_.graphs[graph];
  if (depth > limits_.max_call_depth) {
    return absl::ResourceExhaustedError(absl::StrCat("graph '", g.name, "' is nested deeper than ",
                                                     limits_.max_call_depth, " calls"));
  }
  if (arguments.size() != g.inputs.size()) {
    return absl::DataLossError(absl::StrCat("graph '", g.name, "' takes ", g.inputs.size(),
                                            " arguments, a call gives ", arguments.size()));
  }
  if (orders_[graph].empty() && !g.nodes.empty()) {
    MIRIN_ASSIGN_OR_RETURN(orders_[graph], symbols_.EvaluationOrder(graph));
  }
  Environment env(g.nodes.size());
  for (int i : orders_[graph]) {
    const RawNode& node = g.nodes[i];
    if (--nodes_left_ < 0) {
      return absl::ResourceExhaustedError(
          "the model has too many nodes once its calls are expanded");
    }
    const auto in_node = [&](const absl::Status& s) {
      return Annotate(s,
                      absl::StrCat("node '", node.domain.empty() ? node.name : node.domain, "'"));
    };
    std::vector<Binding> operands;
    absl::Status failed;
    bool behind_failure = false;
    for (absl::string_view input : node.inputs) {
      auto operand = Resolve(input, graph, arguments, env);
      if (!operand.ok()) {
        failed = operand.status();
        break;
      }
      behind_failure |= (*operand)->kind == BoundKind::kFailed;
      operands.push_back(*std::move(operand));
    }
    Binding callee;
    if (absl::StartsWith(node.op_type, kReference)) {
      const absl::string_view name = node.op_type.substr(kReference.size());
      const Symbol* symbol = symbols_.Find(name);
      if (symbol != nullptr && symbol->kind != Symbol::kPrimitive) {
        auto function = Resolve(name, graph, arguments, env);
        if (!function.ok() && failed.ok()) failed = function.status();
        if (function.ok()) callee = *std::move(function);
        behind_failure |= callee != nullptr && callee->kind == BoundKind::kFailed;
      }
    }
    absl::StatusOr<Binding> result = MakeBinding(BoundKind::kFailed);
    if (!failed.ok()) {
      result = failed;
    } else if (!behind_failure) {
      result = EvaluateNode(node, operands, callee, builder, depth);
    }
    if (!result.ok() && Note(node, result.status())) result = MakeBinding(BoundKind::kFailed);
    if (!result.ok()) return depth > 8 ? result.status() : in_node(result.status());
    env[i] = *std::move(result);
    ir::Value* value = env[i]->value;  // of tensors and shapes
    if (!node.result_name.empty() && value != nullptr && value->kind() == ir::ValueKind::kResult) {
      value->set_name(std::string(node.result_name));
    }
    if (WeightOf(*env[i]) > limits_.max_tuple_elements) {
      return in_node(absl::ResourceExhaustedError(
          absl::StrCat("the result has more than ", limits_.max_tuple_elements,
                       " members, counted through all levels")));
    }
  }
  std::vector<Binding> outputs;
  for (const RawValueInfo& output : g.outputs) {
    MIRIN_ASSIGN_OR_RETURN(Binding b, Resolve(output.name, graph, arguments, env));
    if (b->kind == BoundKind::kFailed) return b;
    outputs.push_back(std::move(b));
  }
  return outputs.size() == 1 ? outputs[0] : BindTuple(std::move(outputs));
}

absl::StatusOr<Binding> Lowering::EvaluateNode(const RawNode& node,
                                               const std::vector<Binding>& operands, Binding callee,
                                               NodeBuilder* builder, int depth) {
  const std::string name(node.domain.empty() ? node.name : node.domain);
  if (callee != nullptr) return CallFunction(callee, operands, name, builder, depth);
  std::string op(node.op_type);
  std::vector<absl::string_view> attributes;
  bool operands_form = false;
  if (absl::StartsWith(node.op_type, kReference)) {
    const absl::string_view reference = node.op_type.substr(kReference.size());
    const Symbol* symbol = symbols_.Find(reference);
    if (symbol == nullptr) {
      return absl::UnimplementedError(absl::StrCat("callee '", reference, "' is not in the file"));
    }
    const RawPrimitive& primitive = model_.primitives[symbol->index];
    op = std::string(primitive.op_type);
    attributes = primitive.attributes;
    operands_form = primitive.prim_type == 2;
  } else {
    attributes = node.attributes;  // 1.x: beside the type entry
  }

  const auto need = [&](size_t n) {
    return operands.size() >= n ? absl::OkStatus()
                                : absl::DataLossError(absl::StrCat(op, " has ", operands.size(),
                                                                   " operands, needs ", n));
  };
  if (op == "MakeTuple" || op == "make_list" || op == "MakeList" || op == "make_tuple")
    return BindTuple(operands);
  if (op == "Depend") {
    MIRIN_RETURN_IF_ERROR(need(1));
    return operands[0];
  }
  if (op == "UpdateState") return MakeBinding(BoundKind::kMonad);
  if (op == "Partial") {
    MIRIN_RETURN_IF_ERROR(need(1));
    if (!IsFunction(*operands[0]))
      return absl::UnimplementedError("Partial of something that is not a graph");
    auto b = std::make_shared<Bound>();
    b->kind = BoundKind::kPartial;
    b->members = operands;
    return Binding(b);
  }
  if (op == "Switch" || op == "switch") {
    MIRIN_RETURN_IF_ERROR(need(3));
    const Bound& condition = *operands[0];
    std::vector<int64_t> known;
    if (ToInts(condition, &known) && known.size() == 1)
      return known[0] != 0 ? operands[1] : operands[2];
    auto b = std::make_shared<Bound>();
    b->kind = BoundKind::kSwitch;
    b->members = {operands[0], operands[1], operands[2]};
    if (!IsFunction(*operands[1]) || !IsFunction(*operands[2])) {
      MIRIN_ASSIGN_OR_RETURN(Binding c, Materialise(operands[0], builder));
      MIRIN_ASSIGN_OR_RETURN(Binding t, Materialise(operands[1], builder));
      MIRIN_ASSIGN_OR_RETURN(Binding f, Materialise(operands[2], builder));
      return builder->Emit({"Select", name, {c, t, f}, {}});
    }
    return Binding(b);
  }
  if (op == "switch_layer" || op == "SwitchLayer") {
    MIRIN_RETURN_IF_ERROR(need(2));
    if (operands[1]->kind != BoundKind::kTuple || operands[1]->members.empty()) {
      return absl::DataLossError("switch_layer needs a tuple of graphs");
    }
    const std::vector<Binding>& functions = operands[1]->members;
    for (const Binding& f : functions) {
      if (!IsFunction(*f))
        return absl::UnimplementedError("switch_layer over something that is not a graph");
    }
    std::vector<int64_t> known;
    if (ToInts(*operands[0], &known) && known.size() == 1) {
      const int64_t count = static_cast<int64_t>(functions.size());
      const int64_t k = known[0] < 0 ? known[0] + count : known[0];
      if (k < 0 || k >= count)
        return absl::InvalidArgumentError(
            absl::StrCat("switch_layer index ", known[0], " is out of range"));
      return functions[k];
    }
    auto b = std::make_shared<Bound>();
    b->kind = BoundKind::kSwitchLayer;
    b->members.push_back(operands[0]);
    b->members.insert(b->members.end(), functions.begin(), functions.end());
    return Binding(b);
  }
  if (op == "TupleGetItem" || op == "list_getitem" || op == "tuple_getitem") {
    MIRIN_RETURN_IF_ERROR(need(2));
    std::vector<int64_t> index;
    if (!ToInts(*operands[1], &index) || index.size() != 1)
      return absl::UnimplementedError("TupleGetItem with a computed index");
    if (operands[0]->kind == BoundKind::kShape) {
      Call item{"ScalarAt", name, {BindTensor(operands[0]->value)}, {}};
      item.attrs.Set("index", index[0]);
      return builder->Emit(std::move(item));
    }
    if (operands[0]->kind != BoundKind::kTuple) {
      if (operands[0]->kind == BoundKind::kTensor && index[0] == 0)
        return operands[0];  // Lite: one result is no tuple
      return absl::DataLossError("TupleGetItem of something that is not a tuple");
    }
    const int64_t count = static_cast<int64_t>(operands[0]->members.size());
    const int64_t k = index[0] < 0 ? index[0] + count : index[0];
    if (k < 0 || k >= count) {
      return absl::DataLossError(absl::StrCat("TupleGetItem index ", index[0],
                                              " is out of range for ", count, " members"));
    }
    return operands[0]->members[k];
  }
  if (op == "Load") {
    MIRIN_RETURN_IF_ERROR(need(1));
    if (operands[0]->kind != BoundKind::kParameter) return operands[0];
    const int index = static_cast<int>(operands[0]->i);
    return written_.contains(index) ? ReadParameter(index, builder) : operands[0];
  }
  return ApplyPrimitive(node, op, attributes, operands, operands_form, builder);
}

absl::StatusOr<Binding> Lowering::ApplyPrimitive(const RawNode& node, const std::string& op,
                                                 const std::vector<absl::string_view>& attributes,
                                                 std::vector<Binding> operands, bool operands_form,
                                                 NodeBuilder* builder) {
  Call call;
  call.op = op;
  call.name = std::string(node.domain.empty() ? node.name : node.domain);
  for (absl::string_view bytes : attributes) {
    MIRIN_ASSIGN_OR_RETURN(const RawAttribute attribute, ParseAttribute(bytes, limits_));
    if (attribute.name.empty() || absl::StartsWith(attribute.ref_attr_name, "shape:")) continue;
    if (attribute.name == "quant_param" || attribute.name == "quant_params") continue;
    auto bound = BindLiteral(attribute, module_.get(), load_);
    if (!bound.ok()) continue;  // notes for tools that execution does not need
    auto value = ToAttribute(**bound);
    if (value.ok()) call.attrs.Set(attribute.name, *std::move(value));
  }
  CanonicalName(&call);
  if (call.op == "ScalarToTensor" || call.op == "TensorToScalar" || call.op == "TensorToTuple" ||
      call.op == "TupleToTensor" || call.op == "ScalarCast" || call.op == "scalar_to_tensor") {
    if (operands.empty()) return absl::DataLossError(absl::StrCat(op, " has no operand"));
    MIRIN_ASSIGN_OR_RETURN(Binding b, Materialise(operands[0], builder));
    MIRIN_ASSIGN_OR_RETURN(ir::Value * value, builder->AsTensor(*b));
    if (operands.size() < 2 || operands[1]->kind == BoundKind::kNone) return BindTensor(value);
    return builder->Emit({"Cast", call.name, {BindTensor(value), operands[1]}, {}});
  }
  const ops::OpSchema* schema = ops::FindSchema(call.op);
  const bool writes = schema != nullptr && schema->writes_variable();
  operands.erase(std::remove_if(operands.begin(), operands.end(),
                                [](const Binding& b) { return b->kind == BoundKind::kMonad; }),
                 operands.end());
  for (size_t i = 0; i < operands.size(); ++i) {
    if (i == 0 && writes) {
      if (operands[0]->kind != BoundKind::kParameter) {
        return absl::UnimplementedError(
            absl::StrCat(op, " writes something that is not a parameter"));
      }
      const int index = static_cast<int>(operands[0]->i);
      writes_seen_.insert(index);
      if (!written_.contains(index)) {  // first pass: any tensor of this type will do
        MIRIN_ASSIGN_OR_RETURN(operands[0], ReadParameter(index, builder));
        continue;
      }
      MIRIN_RETURN_IF_ERROR(ReadParameter(index, builder).status());
      operands[0] = BindTensor(parameters_.at(index));
      continue;
    }
    MIRIN_ASSIGN_OR_RETURN(operands[i], Materialise(operands[i], builder));
  }
  call.operands = std::move(operands);
  if (operands_form)
    call.attrs.Set("index_type", DType::kInt64);  // 2.10: ArgMaxWithValue and its kin
  std::vector<Call> then;
  if (model_.is_lite) MIRIN_RETURN_IF_ERROR(FromLiteDialect(&call, &then, builder));
  const std::string name = call.name;
  // The Lite converter's normalisations have one result, no tuple.
  const bool first_only = model_.is_lite && (call.op == "BatchNorm" || call.op == "InstanceNorm" ||
                                             call.op == "LayerNorm");
  MIRIN_ASSIGN_OR_RETURN(Binding result, builder->Emit(std::move(call)));
  if (first_only) result = result->members[0];
  for (Call& next : then) {
    Binding first = result->kind == BoundKind::kTuple ? result->members[0] : result;
    next.name = name;
    next.operands.insert(next.operands.begin(), first);
    MIRIN_ASSIGN_OR_RETURN(Binding changed, builder->Emit(std::move(next)));
    if (result->kind == BoundKind::kTuple) {
      auto tuple = std::make_shared<Bound>(*result);
      tuple->members[0] = changed;
      result = tuple;
    } else {
      result = changed;
    }
  }
  return result;
}

absl::StatusOr<Binding> Lowering::ReadParameter(int index, NodeBuilder* builder) {
  ir::Value*& value = parameters_[index];
  if (value == nullptr) {
    const RawTensor& raw = model_.graphs[0].parameters[index];
    MIRIN_ASSIGN_OR_RETURN(Tensor tensor, load_(raw));
    const std::string name = PublicName(raw.name);
    value = written_.contains(index) ? module_->AddVariable(name, std::move(tensor))
                                     : module_->AddConstant(name, std::move(tensor));
  }
  if (value->is_constant()) return BindTensor(value);
  return builder->Emit({"Load", absl::StrCat("Load/", value->name()), {BindTensor(value)}, {}});
}

absl::StatusOr<Binding> Lowering::Materialise(const Binding& binding, NodeBuilder* builder) {
  if (binding->kind == BoundKind::kParameter)
    return ReadParameter(static_cast<int>(binding->i), builder);
  if (binding->kind == BoundKind::kTuple) {
    members_left_ -= static_cast<int64_t>(binding->members.size());
    if (members_left_ < 0)
      return absl::ResourceExhaustedError("the model's tuples have too many members");
    auto copy = std::make_shared<Bound>(*binding);
    for (Binding& member : copy->members) {
      MIRIN_ASSIGN_OR_RETURN(member, Materialise(member, builder));
    }
    return Binding(copy);
  }
  if (IsFunction(*binding)) return absl::UnimplementedError("a function is used as an operand");
  return binding;
}

absl::Status Lowering::Flatten(const Binding& binding, NodeBuilder* builder,
                               std::vector<ir::Value*>* out) {
  if (binding->kind == BoundKind::kMonad) return absl::OkStatus();
  if (binding->kind == BoundKind::kTuple) {
    for (const Binding& member : binding->members)
      MIRIN_RETURN_IF_ERROR(Flatten(member, builder, out));
    return absl::OkStatus();
  }
  if (binding->kind == BoundKind::kNone) return absl::OkStatus();
  MIRIN_ASSIGN_OR_RETURN(Binding b, Materialise(binding, builder));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * value, builder->AsTensor(*b));
  out->push_back(value);
  return absl::OkStatus();
}

}  // namespace mirin::mindir
