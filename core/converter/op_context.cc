#include "core/converter/op_context.h"

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::converter {

ir::Value* OpContext::input(int i) {
  if (!has_input(i)) {
    builder_->Fail(absl::InvalidArgumentError(absl::StrCat("input ", i, " is missing")));
    return nullptr;
  }
  const Operand& given = operand(i);
  if (given.tensor == nullptr) {
    builder_->Fail(absl::InvalidArgumentError(
        absl::StrCat("input ", i, given.none ? " is an empty optional" : " is a sequence",
                     ", a tensor is needed")));
  }
  return given.tensor;
}

ir::Value* OpContext::OptionalInput(int i) {
  if (!has_input(i) || operand(i).none) return GraphBuilder::Absent();
  return input(i);
}

std::vector<ir::Value*> OpContext::inputs() {
  std::vector<ir::Value*> all;
  for (int i = 0; i < num_inputs(); ++i) all.push_back(input(i));
  return all;
}

const ir::TensorType& OpContext::TypeOf(const ir::Value* value) {
  static const auto* const kUnknown = new ir::TensorType();
  return value == nullptr ? *kUnknown : value->type();
}

absl::StatusOr<int> OpContext::Rank(int i) {
  const Shape& s = shape(i);
  if (s.rank_known()) return s.rank();
  if (!builder_->status().ok()) return builder_->status();
  return Refuse(absl::StrCat("the rank of input ", i, " is not known at conversion"),
                "give the model's inputs a shape");
}

absl::StatusOr<std::vector<int64_t>> OpContext::ConstantInts(int i, absl::string_view what) {
  const ir::Value* v = input(i);
  if (v == nullptr) return builder_->status();
  if (auto ints = GraphBuilder::IntsOf(v)) return *std::move(ints);
  return Refuse(absl::StrCat(what, " is computed at run time"),
                absl::StrCat("make ", what, " a constant"));
}

absl::StatusOr<double> OpContext::ConstantNumber(int i, absl::string_view what) {
  const ir::Value* v = input(i);
  if (v == nullptr) return builder_->status();
  if (const auto number = GraphBuilder::NumberOf(v)) return *number;
  return Refuse(absl::StrCat(what, " is computed at run time"),
                absl::StrCat("make ", what, " a constant"));
}

void OpContext::SetOutput(int i, Operand operand) {
  if (i < num_outputs()) outputs_[static_cast<size_t>(i)] = std::move(operand);
}

const Tensor* OpContext::TensorAttribute(absl::string_view name) {
  const ir::Attribute* a = Read(name).Find(name);
  return a == nullptr ? nullptr : std::get_if<Tensor>(a);
}

absl::StatusOr<int64_t> OpContext::RequiredInt(absl::string_view name) {
  const ir::Attribute* a = Read(name).Find(name);
  if (a == nullptr || !std::holds_alternative<int64_t>(*a))
    return absl::InvalidArgumentError(absl::StrCat("attribute '", name, "' is missing"));
  return std::get<int64_t>(*a);
}

int OpContext::SurplusOperand() const {
  for (int i = 0; i < num_inputs(); ++i) {
    if (!asked_[static_cast<size_t>(i)] && !inputs_[static_cast<size_t>(i)].missing()) return i;
  }
  return -1;
}

std::vector<std::string> OpContext::Unread() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : node_->attributes.map()) {
    if (read_.count(name) == 0) names.push_back(name);
  }
  return names;
}

}  // namespace mirin::converter
