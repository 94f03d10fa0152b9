#include "core/converter/onnx/ops/common.h"

#include <algorithm>
#include <numeric>

namespace mirin::onnx {

absl::Status RequireSameDTypes(OpContext& c, int from) {
  const DType first = c.dtype(from);
  for (int i = from + 1; i < c.num_inputs(); ++i) {
    const DType other = c.peek_dtype(i);
    if (other == DType::kUnknown || other == first) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("input ", from, " is ", Name(first), " but input ", i, " is ", Name(other)));
  }
  return absl::OkStatus();
}

absl::StatusOr<DType> DTypeAttribute(OpContext& c, absl::string_view name, DType fallback) {
  const int64_t number = c.Int(name, 0);
  return number == 0 ? absl::StatusOr<DType>(fallback) : DTypeFromOnnx(number);
}

ir::Value* IntsOperand(OpContext& c, int i) {
  GraphBuilder& b = c.builder();
  ir::Value* ints = b.Cast(c.input(i), DType::kInt64);
  if (ints == nullptr || (ints->type().shape.rank_known() && ints->type().shape.rank() == 1))
    return ints;
  return b.Reshape(ints, {-1});
}

absl::StatusOr<int64_t> LengthOf(OpContext& c, int i, absl::string_view what) {
  const Shape& s = c.shape(i);
  if (s.rank_known() && s.rank() == 0) return 1;
  if (s.rank_known() && s.rank() == 1 && s.dim(0) >= 0) return s.dim(0);
  if (!c.builder().status().ok()) return c.builder().status();
  if (s.rank_known() && s.rank() > 1)
    return absl::InvalidArgumentError(
        absl::StrCat("the ", what, " have shape ", ToString(s), ", expected rank 1"));
  return Refuse(absl::StrCat("how many ", what, " there are is not known at conversion"),
                "make them a constant, or a Concat of scalars");
}

absl::StatusOr<std::vector<int64_t>> AxesFromStart(absl::Span<const int64_t> axes, int rank) {
  std::vector<int64_t> out;
  for (const int64_t a : axes) {
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(a, rank));
    if (std::find(out.begin(), out.end(), axis) != out.end())
      return absl::InvalidArgumentError(absl::StrCat("axis ", a, " is repeated"));
    out.push_back(axis);
  }
  return out;
}

ir::Value* AxesFromStart(GraphBuilder& b, ir::Value* axes, int64_t rank) {
  return b.Op("Select", {b.Op("Less", {axes, b.Int(0)}), b.Add(axes, b.Int(rank)), axes});
}

ir::Value* MaskOf(GraphBuilder& b, ir::Value* axes, int64_t n) {
  ir::Value* hits = b.Op("Equal", {b.Unsqueeze(Counting(b, n), {1}), b.Unsqueeze(axes, {0})});
  return b.Op("ReduceAny", {hits, b.Ints({1})}, {{"keep_dims", false}});
}

ir::Value* Counting(GraphBuilder& b, int64_t n) {
  std::vector<int64_t> numbers(static_cast<size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  return b.Ints(numbers);
}

ir::Value* AsScalar(GraphBuilder& b, ir::Value* x) {
  if (x == nullptr || (x->type().shape.rank_known() && x->type().shape.rank() == 0)) return x;
  return b.Reshape(x, {});
}

absl::Status Unary(OpContext& c, absl::string_view op, const Attrs& attributes) {
  c.SetOutput(0, c.Op(op, {c.input(0)}, attributes));
  return absl::OkStatus();
}

absl::Status Binary(OpContext& c, absl::string_view op) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  c.SetOutput(0, c.Op(op, {c.input(0), c.input(1)}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx
