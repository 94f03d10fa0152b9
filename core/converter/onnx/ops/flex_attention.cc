#include <cmath>

#include "core/converter/onnx/ops/attend.h"

namespace mirin::onnx {
namespace {

// The body's result for one tensor, which keeps its type.
absl::StatusOr<ir::Value*> Modified(OpContext& c, absl::string_view body, ir::Value* x) {
  if (x == nullptr || !c.bodies().Has(body)) return x;
  MIRIN_ASSIGN_OR_RETURN(const std::vector<Operand> results,
                         c.bodies().Inline(body, {Operand::Tensor(x)}, &c.builder()));
  if (results.size() != 1 || results[0].tensor == nullptr)
    return absl::InvalidArgumentError(
        absl::StrCat("the body '", body, "' does not give one tensor"));
  ir::Value* y = results[0].tensor;
  if (y->type().dtype != x->type().dtype)
    return absl::InvalidArgumentError(absl::StrCat(
        "the body '", body, "' makes ", Name(y->type().dtype), " of ", Name(x->type().dtype)));
  const Shape &from = x->type().shape, &to = y->type().shape;
  bool same = !to.rank_known() || to.rank() == from.rank();
  for (int i = 0; same && to.rank_known() && i < to.rank(); ++i)
    same = to.dim(i) < 0 || from.dim(i) < 0 || to.dim(i) == from.dim(i);
  if (!same)
    return absl::InvalidArgumentError(
        absl::StrCat("the body '", body, "' makes ", ToString(to), " of ", ToString(from)));
  return y;
}

}  // namespace

namespace translate {

// Scores and weights pass through a body each, in softmax_precision.
absl::Status FlexAttention(OpContext& c) {
  GraphBuilder& b = c.builder();
  for (int i = 0; i < 3; ++i) {
    MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(i));
    if (rank != 4)
      return absl::InvalidArgumentError(
          absl::StrCat("input ", i, " has rank ", rank, ", expected 4"));
  }
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  const DType given = c.dtype(0), wide = given == DType::kFloat64 ? given : DType::kFloat32;
  MIRIN_ASSIGN_OR_RETURN(const DType precision, DTypeAttribute(c, "softmax_precision", wide));
  if (!IsFloat(precision))
    return absl::InvalidArgumentError(absl::StrCat("softmax_precision is ", Name(precision)));
  AttendSpec spec;
  spec.query = c.input(0);
  spec.key = c.input(1);
  spec.value = c.input(2);
  const int64_t depth = c.shape(0).dim(3);
  if (!c.Has("scale") && depth < 0)
    return Refuse("the size of a head is not known at conversion", "give the attribute scale");
  spec.scale = c.Float("scale", 1 / std::sqrt(static_cast<double>(depth)));
  if (!c.bodies().Has("score_mod") && !c.bodies().Has("prob_mod")) {
    spec.softmax_dtype = precision;
    MIRIN_ASSIGN_OR_RETURN(const Attended a, Attend(b, spec));
    c.SetOutput(0, a.result);
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int64_t key_sharers, HeadSharers(spec.query, spec.key));
  MIRIN_ASSIGN_OR_RETURN(const int64_t value_sharers, HeadSharers(spec.query, spec.value));
  ir::Value* scores = Scores(b, b.Cast(spec.query, wide),
                             b.Cast(RepeatHeads(b, spec.key, key_sharers), wide), spec.scale);
  MIRIN_ASSIGN_OR_RETURN(scores, Modified(c, "score_mod", b.Cast(scores, precision)));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * weights,
                         Modified(c, "prob_mod", c.Op("Softmax", {scores}, {{"axis", -1}})));
  ir::Value* values = b.Cast(RepeatHeads(b, spec.value, value_sharers), precision);
  c.SetOutput(0, b.Cast(c.Op("BatchMatMul", {weights, values}), given));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
