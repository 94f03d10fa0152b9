// Pools over regions of interest.
#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

absl::Status Pooled(InferContext& c, int64_t height, int64_t width, int64_t columns) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(1));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 2));
  if (height < 1 || width < 1 || height > (1 << 16) || width > (1 << 16))
    return absl::InvalidArgumentError(
        absl::StrCat("the pooled size ", height, " x ", width, " is out of range"));
  const Shape x = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4),
              rois = c.shape(1).rank_known() ? c.shape(1) : Shape::OfRank(2);
  if (rois.dim(1) >= 0 && rois.dim(1) != columns)
    return absl::InvalidArgumentError(
        absl::StrCat("rois ", ToString(rois), " are not [n, ", columns, "]"));
  const Shape out({rois.dim(0), x.dim(1), height, width});
  if (out.concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), out.dims()).status());
  c.SetOutput(0, c.dtype(0), out);
  return absl::OkStatus();
}

absl::Status InferRoiAlign(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(2));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(2, 1));
  const std::string mode = c.attrs().String("mode");
  if (mode != "avg" && mode != "max")
    return absl::InvalidArgumentError(absl::StrCat("unknown mode '", mode, "'"));
  const int64_t samples = c.attrs().Int("sampling_ratio");
  if (samples < 0 || samples > 4096)
    return absl::InvalidArgumentError(absl::StrCat("sampling_ratio ", samples, " is out of range"));
  if (c.shape(1).concrete() && c.shape(2).concrete() && c.shape(1).rank() == 2 &&
      c.shape(1).dim(0) != c.shape(2).dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat(c.shape(2).dim(0), " batch indices for ", c.shape(1).dim(0), " regions"));
  }
  return Pooled(c, c.attrs().Int("output_height"), c.attrs().Int("output_width"), 4);
}

absl::Status InferRoiMaxPool(InferContext& c) {
  const std::vector<int64_t> size = c.attrs().Ints("pooled_shape");
  if (size.size() != 2) return absl::InvalidArgumentError("pooled_shape needs two numbers");
  return Pooled(c, size[0], size[1], 5);
}

}  // namespace

namespace schemas {

OpSchema RoiAlign() {
  return OpSchema("RoiAlign",
                  "ONNX RoiAlign: bilinear samples of regions (x1, y1, x2, y2), averaged or "
                  "maximised bin by bin. (internal)")
      .Input("x")
      .Input("rois")
      .Input("batch_indices")
      .Attr("mode", std::string("avg"))
      .Attr("output_height", int64_t{1})
      .Attr("output_width", int64_t{1})
      .Attr("sampling_ratio", int64_t{0})
      .Attr("spatial_scale", 1.0)
      .Attr("half_pixel", true)
      .Output("y")
      .Infer(InferRoiAlign);
}
OpSchema RoiMaxPool() {
  return OpSchema("RoiMaxPool",
                  "ONNX MaxRoiPool: maxima of bins of regions (image, x1, y1, x2, y2). (internal)")
      .Input("x")
      .Input("rois")
      .RequiredAttr("pooled_shape")
      .Attr("spatial_scale", 1.0)
      .Output("y")
      .Infer(InferRoiMaxPool);
}

}  // namespace schemas
}  // namespace mirin::ops
