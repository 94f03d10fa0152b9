// Normalisation over the trailing axes of a tensor.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// Scale and shift may be anything that broadcasts to x; the IR's operators want exactly the axes from `axis` on.
bool CoversExactly(const Shape& x, const Shape& parameter, int axis) {
  if (!parameter.rank_known() || parameter.rank() != x.rank() - axis) return false;
  for (int i = 0; i < parameter.rank(); ++i) {
    const int64_t size = x.dim(axis + i), own = parameter.dim(i);
    if (own < 0 || (size < 0 ? own == 1 : own != size)) return false;
  }
  return true;
}

// A tensor of the normalised axes' shape.
ir::Value* Filled(OpContext& c, ir::Value* x, int axis, double value) {
  if (x == nullptr) return nullptr;
  GraphBuilder& b = c.builder();
  return c.Op("FillV2",
              {b.SliceAxis(b.ShapeOf(x), 0, axis, x->type().shape.rank()), b.ScalarLike(value, x)});
}

absl::StatusOr<DType> StashType(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const DType dtype, DTypeAttribute(c, "stash_type", DType::kFloat32));
  if (!IsFloat(dtype))
    return absl::InvalidArgumentError(absl::StrCat("stash_type is ", Name(dtype)));
  return dtype;
}

absl::StatusOr<int> Axis(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  return NormalizeAxis(c.Int("axis", -1), rank);
}

// Outputs 1 and 2 of LayerNormalization.
void SetStatistics(OpContext& c, const std::vector<ir::Value*>& normalized, double epsilon,
                   DType dtype) {
  if (normalized.size() < 3) return;
  GraphBuilder& b = c.builder();
  if (c.wants(1)) c.SetOutput(1, b.Cast(normalized[1], dtype));
  if (c.wants(2))
    c.SetOutput(
        2,
        b.Cast(c.Op("Rsqrt", {b.Add(normalized[2], b.ScalarLike(epsilon, normalized[2]))}), dtype));
}

}  // namespace

namespace translate {

absl::Status LayerNormalization(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  MIRIN_ASSIGN_OR_RETURN(const int axis, Axis(c));
  MIRIN_ASSIGN_OR_RETURN(const DType stash, StashType(c));
  const double epsilon = c.Float("epsilon", 1e-5f);
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  ir::Value* scale = c.input(1);
  ir::Value* shift = c.has_input(2) ? c.input(2) : nullptr;
  if (x == nullptr || scale == nullptr) return absl::OkStatus();
  const Attrs attributes = {{"begin_norm_axis", int64_t{axis}},
                            {"begin_params_axis", int64_t{axis}},
                            {"epsilon", epsilon}};
  const bool scale_fits = CoversExactly(x->type().shape, scale->type().shape, axis);
  const bool shift_fits =
      shift != nullptr && CoversExactly(x->type().shape, shift->type().shape, axis);
  ir::Value* gamma = scale_fits ? scale : Filled(c, x, axis, 1);
  ir::Value* beta = scale_fits && shift_fits ? shift : Filled(c, x, axis, 0);
  const std::vector<ir::Value*> normalized = c.Ops("LayerNorm", {x, gamma, beta}, attributes);
  ir::Value* y = normalized.empty() ? nullptr : normalized[0];
  if (!scale_fits) y = b.Mul(y, scale);
  if (shift != nullptr && !(scale_fits && shift_fits)) y = b.Add(y, shift);
  c.SetOutput(0, y);
  if (!c.wants(1) && !c.wants(2)) return absl::OkStatus();
  if (SizeOf(x->type().dtype) >= 4) {
    SetStatistics(c, normalized, epsilon, stash);
    return absl::OkStatus();
  }
  // Narrow inputs have statistics of a wider type.
  ir::Value* wide = b.Cast(x, DType::kFloat32);
  SetStatistics(
      c, c.Ops("LayerNorm", {wide, Filled(c, wide, axis, 1), Filled(c, wide, axis, 0)}, attributes),
      epsilon, stash);
  return absl::OkStatus();
}

// The result has the scale's dtype.
absl::Status RMSNormalization(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int axis, Axis(c));
  MIRIN_RETURN_IF_ERROR(StashType(c).status());
  const double epsilon = c.Float("epsilon", 1e-5f);
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  ir::Value* scale = c.input(1);
  if (x == nullptr || scale == nullptr) return absl::OkStatus();
  if (x->type().dtype == scale->type().dtype &&
      CoversExactly(x->type().shape, scale->type().shape, axis)) {
    c.SetOutput(0, c.Op("RmsNorm", {x, scale}, {{"epsilon", epsilon}}));
    return absl::OkStatus();
  }
  ir::Value* normalized = c.Op("RmsNorm", {x, Filled(c, x, axis, 1)}, {{"epsilon", epsilon}});
  c.SetOutput(0, b.Mul(b.Cast(normalized, scale->type().dtype), scale));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
