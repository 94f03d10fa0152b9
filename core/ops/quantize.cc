#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

using std::string;

// One scale and zero point for all, or one of each per slice of the axis.
absl::Status CheckScales(const InferContext& c) {
  const Shape &x = c.shape(0), &scale = c.shape(1);
  if (!scale.concrete()) return absl::OkStatus();
  const int64_t count = NumElements(scale.dims());
  if (c.has_input(2) && c.shape(2).concrete() && NumElements(c.shape(2).dims()) != count) {
    return absl::InvalidArgumentError(absl::StrCat("zero_point ", ToString(c.shape(2)), " does not match scale ", ToString(scale)));
  }
  if (count == 1 || !x.rank_known()) return absl::OkStatus();
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), x.rank()));
  if (count > 0 && (x.dim(axis) < 0 || x.dim(axis) == count)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("scale ", ToString(scale), " does not match axis ", axis, " of ", ToString(x)));
}

absl::Status InferQuantize(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(CheckScales(c));
  const DType to = c.has_input(2) ? c.dtype(2) : DType::kUInt8;
  if (!IsInt(to)) return absl::InvalidArgumentError("the zero point must be an integer");
  c.SetOutput(0, to, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferDequantize(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(0));
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(1));
  MIRIN_RETURN_IF_ERROR(CheckScales(c));
  c.SetOutput(0, c.dtype(1), c.shape(0));
  return absl::OkStatus();
}

absl::Status InferDropout(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(InferSameFloat(c));
  if (c.num_outputs() > 1) c.SetOutput(1, c.dtype(0), c.shape(0));
  return absl::OkStatus();
}

absl::Status InferDepthToSpace(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  const int64_t b = c.attrs().Int("block_size");
  if (b < 1 || b > 4096) return absl::InvalidArgumentError("block_size is out of range");
  const bool to_space = c.node().op() == "DepthToSpace";
  Shape s = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4);
  const auto scale = [&](int axis, int64_t factor, bool up) -> absl::Status {
    if (s.dim(axis) < 0) return absl::OkStatus();
    if (!up && s.dim(axis) % factor != 0) return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of ", ToString(s), " is no multiple of ", factor));
    s.set_dim(axis, up ? s.dim(axis) * factor : s.dim(axis) / factor);
    return absl::OkStatus();
  };
  MIRIN_RETURN_IF_ERROR(scale(1, b * b, !to_space));
  MIRIN_RETURN_IF_ERROR(scale(2, b, to_space));
  MIRIN_RETURN_IF_ERROR(scale(3, b, to_space));
  c.SetOutput(0, c.dtype(0), std::move(s));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema QuantizeLinear() { return OpSchema("QuantizeLinear", "round(x / scale) + zero_point, saturated. (internal)").Input("x").Input("scale").OptionalInput("zero_point").Attr("axis", int64_t{1}).Output("y").Infer(InferQuantize); }
OpSchema DequantizeLinear() { return OpSchema("DequantizeLinear", "(x - zero_point) * scale. (internal)").Input("x").Input("scale").OptionalInput("zero_point").Attr("axis", int64_t{1}).Output("y").Infer(InferDequantize); }
OpSchema Dropout() { return OpSchema("Dropout", "Identity at inference.").Input("x").Attr("keep_prob", 0.5).Output("y").Output("mask").Infer(InferDropout); }
OpSchema DepthToSpace() { return OpSchema("DepthToSpace", "Blocks of channels become blocks of pixels.").Input("x").RequiredAttr("block_size").Output("y").Infer(InferDepthToSpace); }
OpSchema SpaceToDepth() { return OpSchema("SpaceToDepth", "Blocks of pixels become channels.").Input("x").RequiredAttr("block_size").Output("y").Infer(InferDepthToSpace); }

}  // namespace schemas
}  // namespace mirin::ops
