#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

using std::string;

// A scale for every block of `size` elements along the axis.
absl::Status CheckBlocks(const Shape& x, const Shape& scale, int axis, int64_t size) {
  bool fits = scale.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) {
    const int64_t wanted =
        i != axis || x.dim(i) < 0 ? x.dim(i) : x.dim(i) / size + (x.dim(i) % size != 0);
    fits = wanted < 0 || scale.dim(i) == wanted;
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("scale ", ToString(scale),
                                                 " does not match blocks of ", size, " along axis ",
                                                 axis, " of ", ToString(x)));
}

// One scale and zero point for all, or one of each per slice of the axis, or per block of it.
absl::Status CheckScales(const InferContext& c) {
  const Shape &x = c.shape(0), &scale = c.shape(1);
  const int64_t block = c.attrs().Int("block_size");
  if (block < 0) return absl::InvalidArgumentError(absl::StrCat("block_size is ", block));
  if (!scale.concrete()) return absl::OkStatus();
  const int64_t count = NumElements(scale.dims());
  if (c.has_input(2) && c.shape(2).concrete() &&
      (block > 0 ? c.shape(2) != scale : NumElements(c.shape(2).dims()) != count)) {
    return absl::InvalidArgumentError(absl::StrCat("zero_point ", ToString(c.shape(2)),
                                                   " does not match scale ", ToString(scale)));
  }
  if (count == 1 || !x.rank_known()) return absl::OkStatus();
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), x.rank()));
  if (block > 0) return CheckBlocks(x, scale, axis, block);
  if (count > 0 && (x.dim(axis) < 0 || x.dim(axis) == count)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("scale ", ToString(scale), " does not match axis ", axis, " of ", ToString(x)));
}

absl::Status InferQuantize(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(1));
  MIRIN_RETURN_IF_ERROR(CheckScales(c));
  const DType wanted = c.attrs().Type("dtype"), precision = c.attrs().Type("precision");
  const DType to = c.has_input(2) ? c.dtype(2) : wanted != DType::kUnknown ? wanted : DType::kUInt8;
  if (!IsInt(to)) return absl::InvalidArgumentError("the zero point must be an integer");
  if (wanted != DType::kUnknown && wanted != to)
    return absl::InvalidArgumentError(
        absl::StrCat("the zero point is ", Name(to), " but the result ", Name(wanted)));
  if (precision != DType::kUnknown && !IsFloat(precision))
    return absl::InvalidArgumentError(absl::StrCat("precision is ", Name(precision)));
  c.SetOutput(0, to, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferDequantize(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(0));
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(1));
  MIRIN_RETURN_IF_ERROR(CheckScales(c));
  const DType wanted = c.attrs().Type("dtype");
  if (wanted != DType::kUnknown && !IsFloat(wanted))
    return absl::InvalidArgumentError(
        absl::StrCat("the result is ", Name(wanted), ", expected a floating-point dtype"));
  c.SetOutput(0, wanted != DType::kUnknown ? wanted : c.dtype(1), c.shape(0));
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
    if (!up && s.dim(axis) % factor != 0)
      return absl::InvalidArgumentError(
          absl::StrCat("axis ", axis, " of ", ToString(s), " is no multiple of ", factor));
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

OpSchema QuantizeLinear() {
  return OpSchema("QuantizeLinear",
                  "round(x / scale) + zero_point, saturated; divides in `precision`, by default "
                  "the scale's dtype. (internal)")
      .Input("x")
      .Input("scale")
      .OptionalInput("zero_point")
      .Attr("axis", int64_t{1})
      .Attr("block_size", int64_t{0})
      .Attr("dtype", std::monostate())
      .Attr("precision", std::monostate())
      .Output("y")
      .Infer(InferQuantize);
}
OpSchema DequantizeLinear() {
  return OpSchema("DequantizeLinear", "(x - zero_point) * scale. (internal)")
      .Input("x")
      .Input("scale")
      .OptionalInput("zero_point")
      .Attr("axis", int64_t{1})
      .Attr("block_size", int64_t{0})
      .Attr("dtype", std::monostate())
      .Output("y")
      .Infer(InferDequantize);
}
OpSchema Dropout() {
  return OpSchema("Dropout", "Identity at inference.")
      .Input("x")
      .Attr("keep_prob", 0.5)
      .Output("y")
      .Output("mask")
      .Infer(InferDropout);
}
OpSchema DepthToSpace() {
  return OpSchema("DepthToSpace", "Blocks of channels become blocks of pixels.")
      .Input("x")
      .RequiredAttr("block_size")
      .Output("y")
      .Infer(InferDepthToSpace);
}
OpSchema SpaceToDepth() {
  return OpSchema("SpaceToDepth", "Blocks of pixels become channels.")
      .Input("x")
      .RequiredAttr("block_size")
      .Output("y")
      .Infer(InferDepthToSpace);
}

}  // namespace schemas
}  // namespace mirin::ops
