#include "core/converter/builder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/saturate.h"
#include "core/base/status.h"
#include "core/ops/schema.h"
#include "core/passes/quantised.h"

namespace mirin::converter {
namespace {

// What folding may make, or as many bytes as went in: shape arithmetic and small tables, not weights.
constexpr size_t kMaxFoldedBytes = size_t{64} << 10;

}  // namespace

ir::Value* GraphBuilder::Absent() {
  static ir::Module* const kModule = new ir::Module();
  static ir::Value* const kAbsent = kModule->AddConstant("absent", Tensor());
  return kAbsent;
}

std::vector<ir::Value*> GraphBuilder::Ops(absl::string_view op,
                                          const std::vector<ir::Value*>& inputs,
                                          const Attrs& attributes) {
  if (!status_.ok()) return {};
  std::vector<ir::Value*> given(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) {
      Fail(absl::InternalError(absl::StrCat("input ", i, " of ", op, " was not made")));
      return {};
    }
    given[i] = inputs[i] == Absent() ? nullptr : inputs[i];
  }
  while (!given.empty() && given.back() == nullptr) given.pop_back();
  const ops::OpSchema* schema = ops::FindSchema(op);
  if (schema == nullptr) {
    Fail(absl::InternalError(absl::StrCat("there is no operator ", op)));
    return {};
  }
  ir::Attributes attrs;
  for (const auto& [name, value] : attributes) attrs.Set(name, value);
  const absl::StatusOr<int> outputs = schema->NumOutputs(attrs);
  if (!outputs.ok()) {
    Fail(outputs.status());
    return {};
  }
  ir::Node* node = graph_->AddNode(op, scope_, given, *outputs);
  node->attrs() = std::move(attrs);
  absl::Status status = ops::Normalize(node);
  if (status.ok()) status = ops::InferNode(node, partial_.get());
  if (!status.ok()) {
    Erase(node);
    Fail(std::move(status));
    return {};
  }
  std::vector<ir::Value*> results;
  if (ir::Value* known = KnownResult(*node)) {
    Erase(node);
    results.push_back(known);
  } else if (!TryFold(node, &results)) {
    for (const auto& v : node->outputs()) results.push_back(v.get());
  }
  return results;
}

ir::Value* GraphBuilder::Op(absl::string_view op, const std::vector<ir::Value*>& inputs,
                            const Attrs& attributes) {
  const std::vector<ir::Value*> results = Ops(op, inputs, attributes);
  return results.empty() ? nullptr : results[0];
}

bool GraphBuilder::TryFold(ir::Node* node, std::vector<ir::Value*>* results) {
  if (evaluate_ == nullptr || passes::IsStoredWeight(*node)) return false;
  auto made = passes::EvaluateConstant(*node, *evaluate_, {kMaxFoldedBytes, 1});
  if (!made) return false;
  for (size_t i = 0; i < made->size(); ++i)
    results->push_back(
        module()->AddConstant(node->output(static_cast<int>(i))->name(), std::move((*made)[i])));
  Erase(node);
  return true;
}

ir::Value* GraphBuilder::KnownResult(const ir::Node& node) {
  if (node.num_outputs() != 1 || !ops::IsPure(node)) return nullptr;
  const ir::TensorType& type = node.output()->type();
  const auto elements = partial_->Of(node.output());
  if (!elements || !type.shape.concrete() ||
      std::count(elements->begin(), elements->end(), ops::PartialValues::kUnknown) > 0)
    return nullptr;
  const Tensor none;
  Tensor tensor = VisitDType(
      type.dtype,
      [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>) {
          absl::InlinedVector<T, 8> values;
          for (const int64_t v : *elements) values.push_back(static_cast<T>(v));
          return Tensor::FromValues<T>(type.shape.dims(), values);
        } else {
          return none;
        }
      },
      none);
  return tensor.valid() ? module()->AddConstant(node.output()->name(), std::move(tensor)) : nullptr;
}

void GraphBuilder::Erase(ir::Node* node) {
  for (const auto& v : node->outputs()) partial_->Forget(v.get());
  graph_->EraseNode(node);
}

std::vector<ir::Value*> GraphBuilder::Invoke(const std::vector<ir::Value*>& inputs,
                                             std::vector<ir::Branch> branches,
                                             const std::vector<ir::TensorType>& results) {
  if (!status_.ok()) return {};
  for (const ir::Value* v : inputs) {
    if (v == nullptr) {
      Fail(absl::InternalError("an argument of a call was not made"));
      return {};
    }
  }
  ir::Node* node = graph_->AddNode("Invoke", scope_, inputs, static_cast<int>(results.size()));
  node->branches() = std::move(branches);
  std::vector<ir::Value*> values;
  for (size_t i = 0; i < results.size(); ++i) {
    node->output(static_cast<int>(i))->set_type(results[i]);
    values.push_back(node->output(static_cast<int>(i)));
  }
  return values;
}

ir::Value* GraphBuilder::Constant(Tensor tensor, absl::string_view name) {
  return module()->AddConstant(name.empty() ? scope_ : std::string(name), std::move(tensor));
}

ir::Value* GraphBuilder::Ints(absl::Span<const int64_t> values) {
  return Constant(Tensor::Int64s(values));
}

ir::Value* GraphBuilder::Int(int64_t value) { return Constant(Tensor::Scalar<int64_t>(value)); }

ir::Value* GraphBuilder::Scalar(double value, DType dtype) {
  const Tensor none;
  Tensor tensor = VisitDType(
      dtype,
      [&](auto tag) {
        using T = typename decltype(tag)::type;
        return Tensor::Scalar<T>(FromDouble<T>(value));
      },
      none);
  if (!tensor.valid()) {
    Fail(absl::InvalidArgumentError(absl::StrCat("a number of dtype ", Name(dtype))));
    return nullptr;
  }
  return Constant(std::move(tensor));
}

ir::Value* GraphBuilder::Cast(ir::Value* x, DType dtype) {
  if (x == nullptr || x->type().dtype == dtype) return x;
  return Op("Cast", {x}, {{"dst_type", dtype}});
}

ir::Value* GraphBuilder::Unsqueeze(ir::Value* x, absl::Span<const int64_t> axes) {
  // One at a time: MindSpore knows ExpandDims only.
  const bool ascending =
      std::is_sorted(axes.begin(), axes.end()) && (axes.empty() || axes.front() >= 0);
  if (!ascending)
    return Op("Unsqueeze", {x}, {{"axis", std::vector<int64_t>(axes.begin(), axes.end())}});
  for (const int64_t axis : axes) x = Op("ExpandDims", {x}, {{"axis", std::vector<int64_t>{axis}}});
  return x;
}

ir::Value* GraphBuilder::Squeeze(ir::Value* x, absl::Span<const int64_t> axes) {
  if (axes.empty()) return x;
  return Op("Squeeze", {x}, {{"axis", std::vector<int64_t>(axes.begin(), axes.end())}});
}

ir::Value* GraphBuilder::DimOf(ir::Value* x, int64_t axis) {
  if (x == nullptr) return nullptr;
  const Shape& shape = x->type().shape;
  if (shape.rank_known() && axis >= -shape.rank() && axis < shape.rank()) {
    const int64_t dim = shape.dim(static_cast<int>(axis < 0 ? axis + shape.rank() : axis));
    if (dim >= 0) return Int(dim);
  }
  return Op("Gather", {ShapeOf(x), Int(axis)}, {{"axis", 0}});
}

ir::Value* GraphBuilder::SliceAxis(ir::Value* x, int64_t axis, int64_t begin, int64_t end) {
  if (x == nullptr) return nullptr;
  const Shape& shape = x->type().shape;
  if (!shape.rank_known() || axis < -shape.rank() || axis >= shape.rank())
    return Op("StridedSliceAxes", {x, Ints({begin}), Ints({end}), Ints({axis})});
  // MindSpore slices the first axes: those before this one stay open, and so does an end that lies beyond.
  const size_t at = static_cast<size_t>(axis < 0 ? axis + shape.rank() : axis);
  std::vector<int64_t> begins(at + 1, 0), ends(at + 1, 0);
  begins[at] = begin;
  ends[at] = end == INT64_MAX ? 0 : end;
  const int64_t before = (int64_t{1} << at) - 1;
  return Op(
      "StridedSlice", {x, Ints(begins), Ints(ends), Ints(std::vector<int64_t>(at + 1, 1))},
      {{"begin_mask", before}, {"end_mask", before | (end == INT64_MAX ? int64_t{1} << at : 0)}});
}

std::optional<std::vector<int64_t>> GraphBuilder::IntsOf(const ir::Value* value) {
  const Tensor* tensor = ValueOf(value);
  if (tensor == nullptr) return std::nullopt;
  auto ints = tensor->ToInt64s();
  if (!ints.ok()) return std::nullopt;
  return *std::move(ints);
}

std::optional<double> GraphBuilder::NumberOf(const ir::Value* value) {
  const Tensor* tensor = ValueOf(value);
  if (tensor == nullptr || tensor->elements() != 1) return std::nullopt;
  const absl::StatusOr<Tensor> aligned = tensor->Aligned();
  if (!aligned.ok()) return std::nullopt;
  return VisitDType(
      aligned->dtype(),
      [&](auto tag) -> std::optional<double> {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_arithmetic_v<T>) {
          return static_cast<double>(*aligned->data_as<T>());
        } else {
          return static_cast<double>(static_cast<float>(*aligned->data_as<T>()));
        }
      },
      std::optional<double>());
}

bool GraphBuilder::Owns(const ir::Value* value) const {
  if (value->kind() == ir::ValueKind::kResult) return value->producer()->graph() == graph_;
  return std::any_of(graph_->inputs().begin(), graph_->inputs().end(),
                     [&](const std::unique_ptr<ir::Value>& v) { return v.get() == value; });
}

ir::Value* GraphBuilder::Capture(ir::Value* outer) {
  if (outer == nullptr || outer->is_constant() || outer->kind() == ir::ValueKind::kVariable)
    return outer;
  auto it = inputs_of_.find(outer);
  if (it != inputs_of_.end()) return it->second;
  if (Owns(outer)) return outer;
  if (parent_ == nullptr) {
    Fail(absl::InternalError(absl::StrCat("'", outer->name(), "' is no value of an outer graph")));
    return nullptr;
  }
  ir::Value* seen_by_parent = parent_->Capture(outer);
  if (seen_by_parent == nullptr) {
    Fail(parent_->status());
    return nullptr;
  }
  ir::Value* input = graph_->AddInput(outer->name(), outer->type());
  inputs_of_[outer] = input;
  captured_.push_back(seen_by_parent);
  partial_->Copy(outer, input);
  return input;
}

ir::Value* GraphBuilder::AddFormal(const std::string& name, const ir::TensorType& type) {
  return graph_->AddInput(name, type);
}

}  // namespace mirin::converter
