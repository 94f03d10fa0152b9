#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"
#include "core/ops/window.h"

namespace mirin::ops {
namespace {

using std::string;

std::vector<int64_t> SpatialDims(const Shape& x) {
  return std::vector<int64_t>(x.dims().begin() + 2, x.dims().end());
}

absl::Status InferWindows(InferContext& c, int spatial) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, spatial + 2));
  if (IsChannelsLast(c.attrs())) return absl::UnimplementedError("pooling of NHWC data");
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::OfRank(spatial + 2));
    return absl::OkStatus();
  }
  const Shape& x = c.shape(0);
  if (c.attrs().Bool("global")) {
    Shape ones = x;
    for (int i = 0; i < spatial; ++i) ones.set_dim(2 + i, 1);
    c.SetOutput(0, c.dtype(0), std::move(ones));
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel,
                         SpatialAttribute(c.attrs(), "kernel_size", spatial, 1, 1));
  WindowOptions options;
  options.ceil_mode = c.attrs().Int("round_mode") == 1;
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes,
                         PlanWindow(c.attrs(), SpatialDims(x), kernel, options));
  Dims dims = {x.dim(0), x.dim(1)};
  for (const WindowAxis& a : axes) dims.push_back(a.output);
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferPool(InferContext& c) { return InferWindows(c, 2); }
absl::Status InferPool3D(InferContext& c) { return InferWindows(c, 3); }

absl::Status InferPoolWithIndices(InferContext& c) {
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    c.SetOutput(1, DType::kInt64, Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(InferWindows(c, c.shape(0).rank() == 5 ? 3 : 2));
  c.SetOutput(1, DType::kInt64, c.outputs()[0].shape);
  return absl::OkStatus();
}

absl::Status InferAdaptivePool(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  const std::vector<int64_t> size = c.attrs().Ints("output_size");
  if (size.empty() || size.size() > 2)
    return absl::InvalidArgumentError("output_size needs one or two numbers");
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 3));
  Shape out = c.shape(0);
  if (out.dim(out.rank() - 2) == 0 || out.dim(out.rank() - 1) == 0)
    return absl::InvalidArgumentError(absl::StrCat("the planes of ", ToString(out), " are empty"));
  for (int i = 0; i < 2; ++i) {
    const int64_t s = size.size() == 1 ? size[0] : size[i];
    if (s == 0 || s < -1) return absl::InvalidArgumentError("output_size must be positive");
    if (s > 0) out.set_dim(out.rank() - 2 + i, s);
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

OpSchema Pooling(const char* name, InferFn infer) {
  return OpSchema(
             name,
             "Window maximum or average over the spatial axes. count_include_pad: padding counts "
             "in the average, and what ceil_mode adds behind it unless count_overhang is false.")
      .Input("x")
      .Attr("kernel_size", std::vector<int64_t>{})
      .Attr("strides", std::vector<int64_t>{})
      .Attr("pad_mode", string("valid"))
      .Attr("data_format", string("NCHW"), {"format"})
      .Attr("pad_list", std::vector<int64_t>{})
      .Attr("global", false)
      .Attr("round_mode", int64_t{0}, {"ceil_mode"})
      .Attr("count_include_pad", false)
      .Attr("divisor_override", int64_t{0})
      .Attr("dilations", std::vector<int64_t>{})
      .Attr("count_overhang", true)
      .Output("y")
      .Infer(infer);
}

}  // namespace

namespace schemas {

OpSchema MaxPool() { return Pooling("MaxPool", InferPool); }
OpSchema AvgPool() { return Pooling("AvgPool", InferPool); }
OpSchema MaxPool3D() { return Pooling("MaxPool3D", InferPool3D); }
OpSchema AvgPool3D() { return Pooling("AvgPool3D", InferPool3D); }
OpSchema MaxPoolWithIndices() {
  return OpSchema("MaxPoolWithIndices",
                  "Window maximum of NCHW or NCDHW data, and where it stands in the whole tensor; "
                  "column_major counts the spatial axes first axis fastest. (internal)")
      .Input("x")
      .Attr("kernel_size", std::vector<int64_t>{})
      .Attr("strides", std::vector<int64_t>{})
      .Attr("pad_mode", string("valid"))
      .Attr("pad_list", std::vector<int64_t>{})
      .Attr("round_mode", int64_t{0})
      .Attr("dilations", std::vector<int64_t>{})
      .Attr("column_major", false)
      .Output("y")
      .Output("indices")
      .Infer(InferPoolWithIndices);
}
OpSchema AdaptiveAvgPool2D() {
  return OpSchema("AdaptiveAvgPool2D", "Averages over windows floor(i*H/o) .. ceil((i+1)*H/o).")
      .Input("x")
      .RequiredAttr("output_size")
      .Output("y")
      .Infer(InferAdaptivePool);
}

}  // namespace schemas
}  // namespace mirin::ops
