#include "core/ops/schema.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/ops/partial_values.h"
#include "core/ops/registry.h"

namespace mirin::ops {

OpSchema& OpSchema::Input(absl::string_view name) {
  parameters_.push_back({std::string(name), ParameterKind::kTensor, true, {}, {}});
  return *this;
}

OpSchema& OpSchema::OptionalInput(absl::string_view name) {
  parameters_.push_back({std::string(name), ParameterKind::kOptionalTensor, false, {}, {}});
  return *this;
}

OpSchema& OpSchema::VariadicInput(absl::string_view name) {
  parameters_.push_back({std::string(name), ParameterKind::kVariadic, true, {}, {}});
  return *this;
}

OpSchema& OpSchema::Ints(absl::string_view name, std::vector<std::string> aliases) {
  parameters_.push_back({std::string(name), ParameterKind::kInts, true, {}, std::move(aliases)});
  return *this;
}

OpSchema& OpSchema::Ints(absl::string_view name, std::vector<int64_t> fallback,
                         std::vector<std::string> aliases) {
  parameters_.push_back(
      {std::string(name), ParameterKind::kInts, false, std::move(fallback), std::move(aliases)});
  return *this;
}

OpSchema& OpSchema::Attr(absl::string_view name, ir::Attribute fallback,
                         std::vector<std::string> aliases) {
  parameters_.push_back({std::string(name), ParameterKind::kAttribute, false, std::move(fallback),
                         std::move(aliases)});
  return *this;
}

OpSchema& OpSchema::RequiredAttr(absl::string_view name, std::vector<std::string> aliases) {
  parameters_.push_back(
      {std::string(name), ParameterKind::kAttribute, true, {}, std::move(aliases)});
  return *this;
}

OpSchema& OpSchema::Output(absl::string_view name) {
  outputs_.emplace_back(name);
  return *this;
}

OpSchema& OpSchema::OutputsFromAttr(absl::string_view attribute) {
  outputs_attr_ = std::string(attribute);
  return *this;
}

OpSchema& OpSchema::Infer(InferFn fn) {
  infer_ = fn;
  return *this;
}

OpSchema& OpSchema::ShapeFromValue(absl::string_view input) {
  value_inputs_.emplace_back(input);
  return *this;
}

OpSchema& OpSchema::Elementwise() {
  elementwise_ = true;
  return *this;
}

OpSchema& OpSchema::ReadsShape() {
  reads_shape_ = true;
  return *this;
}

OpSchema& OpSchema::View() {
  view_ = true;
  return *this;
}

OpSchema& OpSchema::WritesVariable() {
  writes_variable_ = true;
  return *this;
}

OpSchema& OpSchema::Nondeterministic() {
  nondeterministic_ = true;
  return *this;
}

int OpSchema::num_input_parameters() const {
  return static_cast<int>(
      std::count_if(parameters_.begin(), parameters_.end(),
                    [](const Parameter& p) { return p.kind != ParameterKind::kAttribute; }));
}

const Parameter* OpSchema::InputParameter(const ir::Node& node, int i) const {
  const int variadic_members = node.num_inputs() - (num_input_parameters() - 1);
  int at = 0;
  for (const Parameter& p : parameters_) {
    if (p.kind == ParameterKind::kAttribute) continue;
    at += p.kind == ParameterKind::kVariadic ? std::max(0, variadic_members) : 1;
    if (i < at) return &p;
  }
  return nullptr;
}

bool OpSchema::internal() const { return absl::EndsWith(summary_, "(internal)"); }

int OpSchema::InputIndex(absl::string_view parameter) const {
  int at = 0;
  for (const Parameter& p : parameters_) {
    if (p.kind == ParameterKind::kAttribute) continue;
    if (p.kind == ParameterKind::kVariadic) return -1;
    if (p.name == parameter) return at;
    ++at;
  }
  return -1;
}

bool OpSchema::ShapeNeedsValue(const ir::Node& node, int i) const {
  const Parameter* p = InputParameter(node, i);
  if (p == nullptr) return false;
  return p->kind == ParameterKind::kInts ||
         std::find(value_inputs_.begin(), value_inputs_.end(), p->name) != value_inputs_.end();
}

absl::StatusOr<int> OpSchema::NumOutputs(const ir::Attributes& attrs) const {
  if (outputs_attr_.empty()) return static_cast<int>(outputs_.size());
  const ir::Attribute* a = attrs.Find(outputs_attr_);
  int64_t n = -1;
  if (a != nullptr) {
    if (const auto* i = std::get_if<int64_t>(a)) n = *i;
    if (const auto* v = std::get_if<std::vector<int64_t>>(a)) n = static_cast<int64_t>(v->size());
  }
  if (n < 1 || n > 65536) {
    return absl::InvalidArgumentError(absl::StrCat(
        "attribute '", outputs_attr_, "' must say how many outputs there are (1 to 65536)"));
  }
  return static_cast<int>(n);
}

const OpSchema* FindSchema(absl::string_view op) {
  static const auto* const kIndex = [] {
    auto* index = new std::map<std::string, const OpSchema*, std::less<>>();
    for (const OpSchema& schema : SchemaTable()) index->emplace(schema.name(), &schema);
    return index;
  }();
  auto it = kIndex->find(std::string(op));
  return it == kIndex->end() ? nullptr : it->second;
}

bool ReadsShapeOnly(const ir::Node& node) {
  const OpSchema* schema = FindSchema(node.op());
  return schema != nullptr && schema->reads_shape();
}

bool IsPure(const ir::Node& node) {
  const OpSchema* schema = FindSchema(node.op());
  return schema != nullptr && node.branches().empty() && !schema->nondeterministic() &&
         !schema->writes_variable();
}

std::vector<const OpSchema*> AllSchemas() {
  std::vector<const OpSchema*> all;
  for (const OpSchema& schema : SchemaTable()) all.push_back(&schema);
  std::sort(all.begin(), all.end(),
            [](const OpSchema* a, const OpSchema* b) { return a->name() < b->name(); });
  return all;
}

absl::StatusOr<bool> InferContext::IntsValue(int i, std::vector<int64_t>* out) const {
  const Tensor* t = value(i);
  if (t == nullptr) return false;
  MIRIN_ASSIGN_OR_RETURN(*out, t->ToInt64s());
  return true;
}

absl::StatusOr<bool> InferContext::IntsPartly(int i, std::vector<int64_t>* out) const {
  MIRIN_ASSIGN_OR_RETURN(const bool known, IntsValue(i, out));
  if (known || partial_ == nullptr || !has_input(i)) return known;
  auto elements = partial_->Of(node_.input(i));
  if (!elements) return false;
  *out = *std::move(elements);
  return true;
}

namespace {

std::string InputLabel(const ir::Node& node, int i) {
  const OpSchema* schema = FindSchema(node.op());
  const Parameter* p = schema == nullptr ? nullptr : schema->InputParameter(node, i);
  return p == nullptr ? absl::StrCat("input ", i) : absl::StrCat("input '", p->name, "'");
}

}  // namespace

absl::Status InferContext::RequireRank(int i, int rank) const {
  if (!shape(i).rank_known() || shape(i).rank() == rank) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(InputLabel(node_, i), " has shape ",
                                                 ToString(shape(i)), ", expected rank ", rank));
}

absl::Status InferContext::RequireMinRank(int i, int rank) const {
  if (!shape(i).rank_known() || shape(i).rank() >= rank) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(InputLabel(node_, i), " has shape ",
                                                 ToString(shape(i)), ", expected rank ", rank,
                                                 " or more"));
}

absl::Status InferContext::RequireFloat(int i) const {
  if (IsFloat(dtype(i))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(InputLabel(node_, i), " is ", Name(dtype(i)),
                                                 ", expected a floating-point dtype"));
}

absl::Status InferContext::RequireInt(int i) const {
  if (IsInt(dtype(i))) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(InputLabel(node_, i), " is ", Name(dtype(i)), ", expected an integer dtype"));
}

absl::Status InferContext::RequireNumber(int i) const {
  if (dtype(i) != DType::kString && dtype(i) != DType::kUnknown) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(InputLabel(node_, i), " is ", Name(dtype(i)), ", expected numbers"));
}

absl::Status InferContext::RequireSameDType(int a, int b) const {
  if (dtype(a) == dtype(b)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(InputLabel(node_, a), " is ", Name(dtype(a)),
                                                 " but ", InputLabel(node_, b), " is ",
                                                 Name(dtype(b))));
}

absl::Status InferContext::RequireOneElement(int i) const {
  if (!shape(i).concrete() || NumElements(shape(i).dims()) == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(InputLabel(node_, i), " has shape ",
                                                 ToString(shape(i)), ", expected one element"));
}

absl::Status Normalize(ir::Node* node) {
  const OpSchema* schema = FindSchema(node->op());
  if (schema == nullptr)
    return absl::NotFoundError(absl::StrCat("unknown operator '", node->op(), "'"));
  int fixed = 0;
  int required = 0;
  bool variadic = false;
  for (const Parameter& p : schema->parameters()) {
    switch (p.kind) {
      case ParameterKind::kVariadic:
        variadic = true;
        break;
      case ParameterKind::kAttribute: {
        if (node->attrs().Has(p.name)) break;
        const ir::Attribute* other = nullptr;
        for (const std::string& alias : p.aliases) {
          if (other == nullptr) other = node->attrs().Find(alias);
        }
        if (other != nullptr) {
          const ir::Attribute value = *other;
          node->attrs().Set(p.name, value);
        } else if (p.required) {
          return absl::InvalidArgumentError(absl::StrCat("attribute '", p.name, "' is missing"));
        } else {
          node->attrs().Set(p.name, p.fallback);
        }
        break;
      }
      default:
        ++fixed;
        if (p.kind == ParameterKind::kTensor || (p.kind == ParameterKind::kInts && p.required))
          required = fixed;
    }
  }
  if (node->num_inputs() < required || (!variadic && node->num_inputs() > fixed)) {
    return absl::InvalidArgumentError(absl::StrCat("takes ", required,
                                                   required == fixed && !variadic ? "" : " or more",
                                                   " inputs, got ", node->num_inputs()));
  }
  for (int i = 0; i < node->num_inputs(); ++i) {
    const Parameter* p = schema->InputParameter(*node, i);
    if (node->input(i) == nullptr && p != nullptr && p->kind != ParameterKind::kOptionalTensor &&
        p->required) {
      return absl::InvalidArgumentError(absl::StrCat("input '", p->name, "' is missing"));
    }
  }
  MIRIN_ASSIGN_OR_RETURN(const int outputs, schema->NumOutputs(node->attrs()));
  if (outputs != node->num_outputs()) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", outputs, " outputs, the node names ", node->num_outputs()));
  }
  return absl::OkStatus();
}

absl::Status InferNode(ir::Node* node, PartialValues* partial) {
  const OpSchema* schema = FindSchema(node->op());
  if (schema == nullptr) {
    return absl::NotFoundError(
        absl::StrCat(ir::Describe(*node), ": unknown operator '", node->op(), "'"));
  }
  std::vector<ir::TensorType> types(node->num_inputs());
  std::vector<const Tensor*> values(node->num_inputs(), nullptr);
  for (int i = 0; i < node->num_inputs(); ++i) {
    const ir::Value* v = node->input(i);
    if (v == nullptr) continue;
    types[i] = v->type();
    if (v->is_constant()) values[i] = &v->tensor();
  }
  InferContext context(*node, types, values, partial);
  MIRIN_RETURN_IF_ERROR(Annotate(schema->infer()(context), ir::Describe(*node)));
  for (int i = 0; i < node->num_outputs(); ++i) node->output(i)->set_type(context.outputs()[i]);
  if (partial != nullptr) partial->Follow(*node);
  return absl::OkStatus();
}

}  // namespace mirin::ops
