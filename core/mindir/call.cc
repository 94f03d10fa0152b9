#include "core/mindir/call.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"
#include "core/mindir/mindspore_dialect.h"
#include "core/ops/schema.h"

namespace mirin::mindir {
namespace {

using ops::OpSchema;
using ops::Parameter;
using ops::ParameterKind;

const ir::Attribute* FindAttribute(const ir::Attributes& attrs, const Parameter& p) {
  if (const ir::Attribute* a = attrs.Find(p.name)) return a;
  for (const std::string& alias : p.aliases) {
    if (const ir::Attribute* a = attrs.Find(alias)) return a;
  }
  return nullptr;
}

Tensor ScalarTensor(const Bound& b) {
  if (b.kind == BoundKind::kBool) return Tensor::Scalar<bool>(b.i != 0);
  if (b.kind == BoundKind::kFloat) {
    return b.dtype == DType::kFloat64 ? Tensor::Scalar<double>(b.d)
                                      : Tensor::Scalar<float>(static_cast<float>(b.d));
  }
  return b.dtype == DType::kInt32 ? Tensor::Scalar<int32_t>(static_cast<int32_t>(b.i))
                                  : Tensor::Scalar<int64_t>(b.i);
}

}  // namespace

void CanonicalName(Call* call) {
  absl::string_view op = call->op;
  if (!absl::ConsumePrefix(&op, "S-Prim-")) absl::ConsumePrefix(&op, "S_Prim_");
  static const auto* const kRenamed = new std::map<std::string, std::string, std::less<>>{
      {"Pack", "Stack"},
      {"Unpack", "Unstack"},
      {"FloorMod", "FloorMod"},
      {"ScalarAdd", "Add"},
      {"ScalarSub", "Sub"},
      {"ScalarMul", "Mul"},
      {"ScalarDiv", "RealDiv"},
      {"ScalarFloorDiv", "FloorDiv"},
      {"ScalarMod", "FloorMod"},
      {"ScalarEq", "Equal"},
      {"ScalarLt", "Less"},
      {"ScalarGt", "Greater"},
      {"ScalarLe", "LessEqual"},
      {"ScalarGe", "GreaterEqual"},
      {"ScalarMax", "Maximum"},
      {"ScalarMin", "Minimum"},
      {"ScalarUsub", "Neg"},
      {"ScalarPow", "Pow"},
      {"scalar_add", "Add"},
      {"scalar_sub", "Sub"},
      {"scalar_mul", "Mul"},
      {"scalar_floordiv", "FloorDiv"},
      {"scalar_mod", "FloorMod"},
      {"scalar_usub", "Neg"},
      {"scalar_eq", "Equal"},
      {"scalar_lt", "Less"},
      {"scalar_gt", "Greater"},
      {"Conv2DBackpropInput", "Conv2DTranspose"},
      {"Gelu", "GeLU"},
      {"FastGelu", "FastGeLU"},
      {"TensorAdd", "Add"},
      {"GatherV2", "Gather"},
      {"SparseGatherV2", "Gather"},
      {"Swish", "SiLU"},
      {"Asin", "Asin"},
  };
  auto it = kRenamed->find(std::string(op));
  call->op = it == kRenamed->end() ? std::string(op) : it->second;
}

absl::StatusOr<ir::Value*> NodeBuilder::AsTensor(const Bound& b) {
  switch (b.kind) {
    case BoundKind::kTensor:
    case BoundKind::kShape:
      return b.value;
    case BoundKind::kInt:
    case BoundKind::kFloat:
    case BoundKind::kBool:
      return Constant(ScalarTensor(b));
    case BoundKind::kString:
      return Constant(Tensor::FromStrings({}, {b.s}));
    case BoundKind::kTuple: {
      if (std::all_of(b.members.begin(), b.members.end(),
                      [](const Binding& m) { return m->kind == BoundKind::kFloat; }) &&
          !b.members.empty()) {
        std::vector<float> values;
        for (const Binding& m : b.members) values.push_back(static_cast<float>(m->d));
        return Constant(Tensor::FromValues<float>({static_cast<int64_t>(values.size())}, values));
      }
      return AsInts(b);
    }
    default:
      return absl::InvalidArgumentError("expected a tensor");
  }
}

absl::StatusOr<ir::Value*> NodeBuilder::AsInts(const Bound& b) {
  std::vector<int64_t> ints;
  if (ToInts(b, &ints)) {
    const bool scalar =
        IsNumber(b) || (b.kind == BoundKind::kTensor && b.value->tensor().rank() == 0);
    return Constant(scalar ? Tensor::Scalar<int64_t>(ints.at(0)) : Tensor::Int64s(ints));
  }
  if (b.kind == BoundKind::kShape) return b.value;
  if (b.kind == BoundKind::kTensor) {
    if (b.value->is_constant()) return absl::InvalidArgumentError("expected integers");
    return b.value;  // computed; Infer checks the dtype
  }
  if (b.kind == BoundKind::kTuple) {
    std::vector<ir::Value*> scalars;
    for (const Binding& m : b.members) {
      MIRIN_ASSIGN_OR_RETURN(ir::Value * v, AsTensor(*m));
      scalars.push_back(v);
    }
    return graph_->AddNode("PackScalars", "PackScalars", scalars)->output();
  }
  return absl::InvalidArgumentError("expected integers");
}

absl::StatusOr<Binding> NodeBuilder::Emit(Call call) {
  const OpSchema* schema = ops::FindSchema(call.op);
  if (schema == nullptr)
    return absl::UnimplementedError(absl::StrCat("operator '", call.op, "' is not supported"));
  std::vector<ir::Value*> inputs;
  ir::Attributes attrs;
  size_t next = 0;
  for (const Parameter& p : schema->parameters()) {
    const bool given = next < call.operands.size();
    const auto in_parameter = [&](const absl::Status& s) {
      return Annotate(s, absl::StrCat("operand '", p.name, "'"));
    };
    switch (p.kind) {
      case ParameterKind::kVariadic: {
        if (!given)
          return absl::InvalidArgumentError(absl::StrCat("operand '", p.name, "' is missing"));
        std::vector<Binding> members;
        if (call.operands[next]->kind == BoundKind::kTuple) {
          members = call.operands[next++]->members;
        } else {
          while (next < call.operands.size()) members.push_back(call.operands[next++]);
        }
        for (const Binding& m : members) {
          auto value = AsTensor(*m);
          if (!value.ok()) return in_parameter(value.status());
          inputs.push_back(*value);
        }
        break;
      }
      case ParameterKind::kTensor:
      case ParameterKind::kOptionalTensor: {
        const Binding operand = given ? call.operands[next++] : nullptr;
        if (operand == nullptr || operand->kind == BoundKind::kNone) {
          if (p.kind == ParameterKind::kTensor) {
            return absl::InvalidArgumentError(absl::StrCat("operand '", p.name, "' is missing"));
          }
          inputs.push_back(nullptr);
          break;
        }
        auto value = AsTensor(*operand);
        if (!value.ok()) return in_parameter(value.status());
        inputs.push_back(*value);
        break;
      }
      case ParameterKind::kInts: {
        if (given && call.operands[next]->kind != BoundKind::kNone) {
          auto value = AsInts(*call.operands[next++]);
          if (!value.ok()) return in_parameter(value.status());
          inputs.push_back(*value);
          break;
        }
        if (given) ++next;
        const ir::Attribute* attribute = FindAttribute(call.attrs, p);
        std::vector<int64_t> ints;
        bool scalar = false;
        if (attribute != nullptr) {
          ir::Attributes one;
          one.Set("v", *attribute);
          ints = one.Ints("v");
          scalar = std::holds_alternative<int64_t>(*attribute);
        } else if (!p.required) {
          if (const auto* fallback = std::get_if<std::vector<int64_t>>(&p.fallback))
            ints = *fallback;
        } else {
          return absl::InvalidArgumentError(
              absl::StrCat("operand or attribute '", p.name, "' is missing"));
        }
        inputs.push_back(
            Constant(scalar ? Tensor::Scalar<int64_t>(ints.at(0)) : Tensor::Int64s(ints)));
        break;
      }
      case ParameterKind::kAttribute: {
        if (given) {
          const Binding operand = call.operands[next++];
          auto value = ToAttribute(*operand);
          if (!value.ok()) return in_parameter(value.status());
          MIRIN_ASSIGN_OR_RETURN(
              ir::Attribute meant,
              FromFunctionOperand(p.name, std::holds_alternative<std::string>(p.fallback), *value));
          attrs.Set(p.name, std::move(meant));
        } else if (const ir::Attribute* attribute = FindAttribute(call.attrs, p)) {
          MIRIN_ASSIGN_OR_RETURN(
              ir::Attribute meant,
              FromFunctionOperand(p.name, std::holds_alternative<std::string>(p.fallback),
                                  *attribute));
          attrs.Set(p.name, std::move(meant));
        } else if (p.required) {
          return absl::InvalidArgumentError(absl::StrCat("attribute '", p.name, "' is missing"));
        } else {
          attrs.Set(p.name, p.fallback);
        }
        break;
      }
    }
  }
  if (next < call.operands.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", call.operands.size(), " operands, the operator takes ", next));
  }
  while (!inputs.empty() && inputs.back() == nullptr) inputs.pop_back();
  MIRIN_ASSIGN_OR_RETURN(const int outputs, schema->NumOutputs(attrs));
  ir::Node* node = graph_->AddNode(call.op, call.name, inputs, outputs);
  node->attrs() = std::move(attrs);
  absl::Status normalised = ops::Normalize(node);
  if (!normalised.ok()) {
    graph_->EraseNode(node);
    return normalised;
  }
  if (outputs == 1 && schema->outputs_attr().empty()) {
    if (call.op == "Shape") {
      auto shape = std::make_shared<Bound>();
      shape->kind = BoundKind::kShape;
      shape->value = node->output();
      return Binding(shape);
    }
    return BindTensor(node->output());
  }
  std::vector<Binding> results;
  for (int i = 0; i < outputs; ++i) results.push_back(BindTensor(node->output(i)));
  return BindTuple(std::move(results));
}

}  // namespace mirin::mindir
