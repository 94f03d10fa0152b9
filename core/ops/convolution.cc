#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/activation_kind.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"
#include "core/ops/window.h"

namespace mirin::ops {
namespace {

using std::string;

std::vector<int64_t> SpatialDims(const Shape& x) {
  return std::vector<int64_t>(x.dims().begin() + 2, x.dims().end());
}

absl::Status CheckBias(const InferContext& c, int i, int64_t channels) {
  if (!c.has_input(i)) return absl::OkStatus();
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
  const Shape& bias = c.shape(i);
  if (!bias.concrete() || bias == Shape({channels})) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("bias ", ToString(bias), " does not match ", channels, " output channels"));
}

absl::Status InferConv(InferContext& c, int spatial) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  if (c.has_input(3)) MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 3));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, spatial + 2));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, spatial + 2));
  MIRIN_RETURN_IF_ERROR(ParseActivation(c.attrs().String("activation")).status());
  if (IsChannelsLast(c.attrs())) return absl::UnimplementedError("convolutions on NHWC data");
  if (!c.shape(0).rank_known() || !c.shape(1).concrete()) {
    c.SetOutput(0, c.dtype(0), Shape::OfRank(spatial + 2));
    return absl::OkStatus();
  }
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
  const int64_t group = c.attrs().Int("group", 1);
  if (group < 1 || w.dim(0) % group != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("group ", group, " does not divide ", w.dim(0), " output channels"));
  if (x.dim(1) >= 0 && x.dim(1) != w.dim(1) * group) {
    return absl::InvalidArgumentError(absl::StrCat(
        "weight ", ToString(w), " needs ", w.dim(1) * group, " input channels, got ", x.dim(1)));
  }
  MIRIN_RETURN_IF_ERROR(CheckBias(c, 2, w.dim(0)));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes,
                         PlanWindow(c.attrs(), SpatialDims(x), SpatialDims(w)));
  Dims dims = {x.dim(0), w.dim(0)};
  for (const WindowAxis& a : axes) dims.push_back(a.output);
  if (c.has_input(3) && c.shape(3).concrete() && Shape(dims).concrete() &&
      c.shape(3).dims() != dims) {
    return absl::InvalidArgumentError(absl::StrCat("residual ", ToString(c.shape(3)),
                                                   " does not match the output ", ToString(dims)));
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferConv2D(InferContext& c) { return InferConv(c, 2); }
absl::Status InferConv3D(InferContext& c) { return InferConv(c, 3); }

absl::Status InferTransposed(InferContext& c, int spatial, bool takes_size) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, spatial + 2));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, spatial + 2));
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
  if (!x.rank_known() || !w.concrete()) {
    c.SetOutput(0, c.dtype(0), Shape::OfRank(spatial + 2));
    return absl::OkStatus();
  }
  const int64_t group = c.attrs().Int("group", 1);
  if (group < 1 || w.dim(0) % group != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("group ", group, " does not divide ", w.dim(0), " input channels"));
  if (x.dim(1) >= 0 && x.dim(1) != w.dim(0)) {
    return absl::InvalidArgumentError(absl::StrCat("weight ", ToString(w), " needs ", w.dim(0),
                                                   " input channels, got ", x.dim(1)));
  }
  MIRIN_RETURN_IF_ERROR(CheckBias(c, takes_size ? 3 : 2, w.dim(1) * group));
  std::vector<int64_t> wanted;
  if (takes_size && c.has_input(2)) {
    std::vector<int64_t> size;
    MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(2, &size));
    if (known && static_cast<int>(size.size()) == spatial + 2)
      wanted.assign(size.begin() + 2, size.end());
  }
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes,
                         PlanTransposedWindow(c.attrs(), SpatialDims(x), SpatialDims(w), wanted));
  Dims dims = {x.dim(0), w.dim(1) * group};
  for (const WindowAxis& a : axes) dims.push_back(a.output);
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferConv2DTranspose(InferContext& c) { return InferTransposed(c, 2, true); }
absl::Status InferConv3DTranspose(InferContext& c) { return InferTransposed(c, 3, false); }

OpSchema Convolution(const char* name, InferFn infer) {
  return OpSchema(name,
                  "Convolution of NC.. data; weight [O, I/group, ..]. y = activation(conv(x, w) + "
                  "bias + residual).")
      .Input("x")
      .Input("weight")
      .Attr("pad_mode", string("pad"))
      .Attr("pad_list", std::vector<int64_t>{})
      .Attr("pad", std::vector<int64_t>{})
      .Attr("stride", std::vector<int64_t>{}, {"strides"})
      .Attr("dilation", std::vector<int64_t>{}, {"dilations"})
      .Attr("group", int64_t{1}, {"groups"})
      .Attr("format", string("NCHW"), {"data_format"})
      .Attr("activation", string())
      .OptionalInput("bias")
      .OptionalInput("residual")
      .Output("y")
      .Infer(infer);
}

}  // namespace

namespace schemas {

OpSchema Conv2D() { return Convolution("Conv2D", InferConv2D); }
OpSchema Conv3D() { return Convolution("Conv3D", InferConv3D); }
OpSchema Conv2DTranspose() {
  return OpSchema("Conv2DTranspose", "The gradient of a convolution; weight [I, O/group, kh, kw].")
      .Input("x")
      .Input("weight")
      .Ints("input_size", std::vector<int64_t>{})
      .Attr("pad_mode", string("pad"))
      .Attr("pad_list", std::vector<int64_t>{})
      .Attr("pad", std::vector<int64_t>{})
      .Attr("stride", std::vector<int64_t>{}, {"strides"})
      .Attr("dilation", std::vector<int64_t>{}, {"dilations"})
      .Attr("group", int64_t{1}, {"groups"})
      .Attr("format", string("NCHW"), {"data_format"})
      .Attr("output_paddings", std::vector<int64_t>{})
      .OptionalInput("bias")
      .Output("y")
      .Infer(InferConv2DTranspose);
}
OpSchema Conv3DTranspose() {
  return OpSchema("Conv3DTranspose",
                  "The gradient of a convolution; weight [I, O/group, kd, kh, kw].")
      .Input("x")
      .Input("weight")
      .Attr("pad_mode", string("pad"))
      .Attr("pad_list", std::vector<int64_t>{})
      .Attr("pad", std::vector<int64_t>{})
      .Attr("stride", std::vector<int64_t>{}, {"strides"})
      .Attr("dilation", std::vector<int64_t>{}, {"dilations"})
      .Attr("group", int64_t{1}, {"groups"})
      .Attr("format", string("NCDHW"), {"data_format"})
      .Attr("output_paddings", std::vector<int64_t>{}, {"output_padding"})
      .OptionalInput("bias")
      .Output("y")
      .Infer(InferConv3DTranspose);
}

}  // namespace schemas
}  // namespace mirin::ops
