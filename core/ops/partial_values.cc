#include "core/ops/partial_values.h"

#include <algorithm>

#include "core/ops/slice_plan.h"

namespace mirin::ops {
namespace {

using Numbers = std::vector<int64_t>;

constexpr int64_t kMostElements = 64;
constexpr int64_t kUnknown = PartialValues::kUnknown;

// Whole numbers that int64 holds.
bool IsWhole(DType dtype) {
  return (IsInt(dtype) && dtype != DType::kUInt64) || dtype == DType::kBool;
}

// A value that the dtype holds, or unknown.
int64_t Fit(int64_t v, DType dtype) {
  switch (dtype) {
    case DType::kInt64:
      return v;
    case DType::kInt32:
      return v >= INT32_MIN && v <= INT32_MAX ? v : kUnknown;
    case DType::kBool:
      return v == kUnknown ? v : v != 0;
    default:
      return kUnknown;  // no shape arithmetic is done in the others
  }
}

int64_t Arithmetic(const std::string& op, int64_t a, int64_t b) {
  int64_t r;
  if (op == "Mul" && (a == 0 || b == 0)) return 0;
  if (a == kUnknown || b == kUnknown) return kUnknown;
  if (op == "Add") return __builtin_add_overflow(a, b, &r) ? kUnknown : r;
  if (op == "Sub") return __builtin_sub_overflow(a, b, &r) ? kUnknown : r;
  if (op == "Mul") return __builtin_mul_overflow(a, b, &r) ? kUnknown : r;
  if (op == "Maximum") return std::max(a, b);
  if (op == "Minimum") return std::min(a, b);
  if (op == "Equal") return a == b;
  if (op == "NotEqual") return a != b;
  if (op == "Less") return a < b;
  if (op == "Greater") return a > b;
  if (b <= 0) return kUnknown;  // divisions of sizes
  if (op == "TruncateDiv") return a / b;
  return a / b - (a % b < 0 ? 1 : 0);  // FloorDiv
}

bool IsArithmetic(const std::string& op) {
  static constexpr absl::string_view kOps[] = {"Add",      "Equal",   "FloorDiv",   "Greater",
                                               "Less",     "Maximum", "Minimum",    "Mul",
                                               "NotEqual", "Sub",     "TruncateDiv"};
  return std::binary_search(std::begin(kOps), std::end(kOps), op);
}

bool KeepsElements(const std::string& op) {
  static constexpr absl::string_view kOps[] = {"Cast",    "ExpandDims", "Flatten",   "Identity",
                                               "Reshape", "Squeeze",    "Unsqueeze", "View"};
  return std::binary_search(std::begin(kOps), std::end(kOps), op);
}

bool IsVector(const ir::Value* v) {
  return v != nullptr && v->type().shape.rank_known() && v->type().shape.rank() == 1;
}

}  // namespace

std::optional<std::vector<int64_t>> PartialValues::Of(const ir::Value* value) const {
  if (value == nullptr) return std::nullopt;
  if (value->is_constant()) {
    if (!IsWhole(value->type().dtype) || value->tensor().elements() > kMostElements)
      return std::nullopt;
    auto elements = value->tensor().ToInt64s();
    if (!elements.ok()) return std::nullopt;
    return *std::move(elements);
  }
  const auto it = known_.find(value);
  if (it == known_.end()) return std::nullopt;
  return it->second;
}

std::optional<std::vector<int64_t>> PartialValues::Elements(const ir::Value* value) const {
  if (auto known = Of(value)) return known;
  if (value == nullptr || !IsWhole(value->type().dtype) || !value->type().shape.concrete())
    return std::nullopt;
  const absl::StatusOr<int64_t> n = CheckedElements(value->type().shape.dims());
  if (!n.ok() || *n > kMostElements) return std::nullopt;
  return Numbers(static_cast<size_t>(*n), kUnknown);
}

std::optional<std::vector<int64_t>> PartialValues::Complete(const ir::Value* value) const {
  auto known = Of(value);
  if (known && std::count(known->begin(), known->end(), kUnknown) > 0) return std::nullopt;
  return known;
}

void PartialValues::Follow(const ir::Node& node) {
  for (const auto& v : node.outputs()) known_.erase(v.get());
  if (node.num_outputs() != 1 || !node.branches().empty()) return;
  const ir::TensorType& type = node.output()->type();
  if (!IsWhole(type.dtype)) return;
  auto elements = Result(node);
  if (!elements || static_cast<int64_t>(elements->size()) > kMostElements) return;
  // Inference may know the shape better or worse; it must not contradict.
  if (type.shape.concrete() &&
      NumElements(type.shape.dims()) != static_cast<int64_t>(elements->size()))
    return;
  for (int64_t& v : *elements) v = Fit(v, type.dtype);
  if (std::any_of(elements->begin(), elements->end(), [](int64_t v) { return v != kUnknown; }))
    known_[node.output()] = *std::move(elements);
}

void PartialValues::Copy(const ir::Value* from, const ir::Value* to) {
  auto known = Of(from);
  if (known) {
    known_[to] = *std::move(known);
  } else {
    known_.erase(to);
  }
}

std::optional<std::vector<int64_t>> PartialValues::Result(const ir::Node& node) const {
  const std::string& op = node.op();
  const ir::Value* x = node.input(0);
  if (x == nullptr) return std::nullopt;
  const Shape& shape = x->type().shape;
  if (op == "Shape" || op == "TensorShape" || op == "DynamicShape") {
    if (!shape.rank_known()) return std::nullopt;
    Numbers dims(shape.dims().begin(), shape.dims().end());
    std::replace(dims.begin(), dims.end(), int64_t{-1}, kUnknown);
    return dims;
  }
  if (KeepsElements(op)) return IsWhole(x->type().dtype) ? Of(x) : std::nullopt;
  if (op == "Gather") {
    const auto from = Of(x), at = Elements(node.input(1));
    if (!from || !at || !IsVector(x) || node.attrs().Int("batch_dims") != 0) return std::nullopt;
    const int64_t n = static_cast<int64_t>(from->size());
    Numbers out;
    for (const int64_t i : *at)
      out.push_back(i == kUnknown || i < -n || i >= n
                        ? kUnknown
                        : (*from)[static_cast<size_t>(i < 0 ? i + n : i)]);
    return out;
  }
  if (op == "ScalarAt") {
    const auto from = Of(x);
    const int64_t i = node.attrs().Int("index"), n = from ? static_cast<int64_t>(from->size()) : 0;
    if (!from || i < -n || i >= n) return std::nullopt;
    return Numbers{(*from)[static_cast<size_t>(i < 0 ? i + n : i)]};
  }
  if (op == "StridedSliceAxes" || op == "StridedSlice") return Slice(node);
  if (op == "Concat" || op == "Stack" || op == "PackScalars") return Join(node);
  return Combine(node);
}

std::optional<std::vector<int64_t>> PartialValues::Slice(const ir::Node& node) const {
  const ir::Value* x = node.input(0);
  const auto from = Of(x);
  if (!from || !IsVector(x)) return std::nullopt;
  Numbers bounds[4];
  for (int i = 1; i < node.num_inputs(); ++i) {
    if (node.input(i) == nullptr) continue;
    auto known = Complete(node.input(i));
    if (!known) return std::nullopt;
    bounds[i - 1] = *std::move(known);
  }
  const Dims dims = {static_cast<int64_t>(from->size())};
  const absl::StatusOr<SlicePlan> plan =
      node.op() == "StridedSlice"
          ? PlanStridedSlice(node.attrs(), dims, bounds[0], bounds[1], bounds[2])
          : PlanSliceAxes(dims, bounds[0], bounds[1], bounds[2], bounds[3]);
  if (!plan.ok() || plan->count.size() != 1) return std::nullopt;
  Numbers out;
  for (int64_t k = 0; k < plan->count[0]; ++k)
    out.push_back((*from)[static_cast<size_t>(plan->start[0] + k * plan->step[0])]);
  return out;
}

// Vectors behind one another, or scalars side by side.
std::optional<std::vector<int64_t>> PartialValues::Join(const ir::Node& node) const {
  Numbers out;
  for (const ir::Value* v : node.inputs()) {
    const auto part = Elements(v);
    if (!part || !v->type().shape.rank_known() || v->type().shape.rank() > 1) return std::nullopt;
    if (node.op() != "Concat" && part->size() != 1) return std::nullopt;
    out.insert(out.end(), part->begin(), part->end());
    if (static_cast<int64_t>(out.size()) > kMostElements) return std::nullopt;
  }
  return out;
}

// Element by element, of equal sizes or against single elements.
std::optional<std::vector<int64_t>> PartialValues::Combine(const ir::Node& node) const {
  const bool select = node.op() == "Select" || node.op() == "SelectV2";
  if (!select && !IsArithmetic(node.op())) return std::nullopt;
  const int operands = select ? 3 : 2;
  Numbers in[3];
  size_t n = 1;
  for (int i = 0; i < operands; ++i) {
    const ir::Value* v = node.input(i);
    auto elements = Elements(v);
    if (!elements || !v->type().shape.rank_known() || v->type().shape.rank() > 1)
      return std::nullopt;
    if (elements->size() != 1) {
      if (n != 1 && n != elements->size()) return std::nullopt;
      n = elements->size();
    }
    in[i] = *std::move(elements);
  }
  const auto at = [&](int i, size_t k) { return in[i].size() == 1 ? in[i][0] : in[i][k]; };
  Numbers out;
  for (size_t k = 0; k < n; ++k) {
    if (!select) {
      out.push_back(Arithmetic(node.op(), at(0, k), at(1, k)));
    } else if (at(0, k) != kUnknown) {
      out.push_back(at(at(0, k) != 0 ? 1 : 2, k));
    } else {
      out.push_back(at(1, k) == at(2, k) ? at(1, k) : kUnknown);
    }
  }
  return out;
}

}  // namespace mirin::ops
