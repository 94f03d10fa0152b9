#include "core/ops/fold.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"
#include "core/ops/window.h"

namespace mirin::ops {

absl::StatusOr<std::vector<WindowAxis>> PlanFold(const ir::Attributes& attrs,
                                                 absl::Span<const int64_t> image,
                                                 absl::Span<const int64_t> block) {
  if (image.size() != block.size() || image.empty() || image.size() > kMaxRank - 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("an image of ", image.size(), " axes with blocks of ", block.size()));
  }
  ir::Attributes window = attrs;
  window.Set("pad_mode", std::string("pad"));
  MIRIN_ASSIGN_OR_RETURN(std::vector<WindowAxis> axes, PlanWindow(window, image, block));
  for (const WindowAxis& a : axes) {
    if (a.output < 0)
      return absl::InvalidArgumentError(
          absl::StrCat("the image size ", a.input, " is out of range"));
  }
  return axes;
}

namespace {

absl::Status InferFold(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  const Shape x = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(3);
  std::vector<int64_t> image, block;
  MIRIN_ASSIGN_OR_RETURN(const bool image_known, c.IntsValue(1, &image));
  MIRIN_ASSIGN_OR_RETURN(const bool block_known, c.IntsValue(2, &block));
  if (!image_known || !block_known) {
    const Shape& length = c.shape(1);
    const bool rank_known = length.rank_known() && length.rank() == 1 && length.dim(0) >= 1 &&
                            length.dim(0) <= kMaxRank - 2;
    c.SetOutput(0, c.dtype(0),
                rank_known ? Shape::OfRank(static_cast<int>(length.dim(0)) + 2) : Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes, PlanFold(c.attrs(), image, block));
  MIRIN_ASSIGN_OR_RETURN(const int64_t taps, CheckedElements(block));
  Dims blocks, dims = {x.dim(0), x.dim(1) < 0 ? -1 : x.dim(1) / taps};
  for (const WindowAxis& a : axes) {
    blocks.push_back(a.output);
    dims.push_back(a.input);
  }
  MIRIN_ASSIGN_OR_RETURN(const int64_t columns, CheckedElements(blocks));
  if (x.dim(1) >= 0 && x.dim(1) % taps != 0)
    return absl::InvalidArgumentError(
        absl::StrCat(x.dim(1), " rows are no multiple of a block's ", taps, " elements"));
  if (x.dim(2) >= 0 && x.dim(2) != columns)
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", x.dim(2), " columns for ", columns, " blocks"));
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

// x [N, C, h, w], weight [O, C / group, kh, kw], offset [N, og * kh * kw * 2, oh, ow], bias [O], mask [N, og * kh * kw, oh, ow].
absl::Status InferDeformableConv(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  for (const int i : {0, 1, 2, 4}) {
    if (!c.has_input(i)) continue;
    MIRIN_RETURN_IF_ERROR(c.RequireRank(i, 4));
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
  }
  const Shape x = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4), &w = c.shape(1);
  if (!w.concrete()) {
    c.SetOutput(0, c.dtype(0), Shape::OfRank(4));
    return absl::OkStatus();
  }
  const int64_t group = c.attrs().Int("group"), offset_group = c.attrs().Int("offset_group");
  if (group < 1 || w.dim(0) % group != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("group ", group, " does not divide ", w.dim(0), " output channels"));
  if (x.dim(1) >= 0 && (w.dim(1) > x.dim(1) || x.dim(1) != w.dim(1) * group))
    return absl::InvalidArgumentError(
        absl::StrCat("weight ", ToString(w), " does not match ", x.dim(1), " input channels"));
  if (offset_group < 1 || (x.dim(1) >= 0 && (offset_group > std::max<int64_t>(1, x.dim(1)) ||
                                             x.dim(1) % offset_group != 0))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "offset_group ", offset_group, " does not divide ", x.dim(1), " input channels"));
  }
  const std::vector<int64_t> input = {x.dim(2), x.dim(3)}, kernel = {w.dim(2), w.dim(3)};
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes, PlanWindow(c.attrs(), input, kernel));
  const Shape out({x.dim(0), w.dim(0), axes[0].output, axes[1].output});
  if (out.concrete() && x.concrete()) {
    MIRIN_ASSIGN_OR_RETURN(const int64_t taps,
                           CheckedElements({offset_group, w.dim(2), w.dim(3), 2}));
    for (const int i : {2, 4}) {
      const Shape expected({out.dim(0), i == 2 ? taps : taps / 2, out.dim(2), out.dim(3)});
      if (c.has_input(i) && c.shape(i).concrete() && c.shape(i) != expected) {
        return absl::InvalidArgumentError(absl::StrCat(
            i == 2 ? "offset " : "mask ", ToString(c.shape(i)), ", expected ", ToString(expected)));
      }
    }
    MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), out.dims()).status());
  }
  if (c.has_input(3) && c.shape(3).concrete() && c.shape(3) != Shape({w.dim(0)}))
    return absl::InvalidArgumentError(absl::StrCat(
        "bias ", ToString(c.shape(3)), " does not match ", w.dim(0), " output channels"));
  c.SetOutput(0, c.dtype(0), out);
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema Fold() {
  return OpSchema("Fold",
                  "ONNX Col2Im: sums columns [N, C * block, blocks] where their blocks lie in an "
                  "image. (internal)")
      .Input("x")
      .Ints("image_shape")
      .Ints("block_shape")
      .Attr("strides", std::vector<int64_t>{})
      .Attr("dilations", std::vector<int64_t>{})
      .Attr("pad_list", std::vector<int64_t>{})
      .Output("y")
      .Infer(InferFold);
}
OpSchema DeformableConv() {
  return OpSchema("DeformableConv",
                  "ONNX DeformConv: a 2-D convolution whose taps are moved by (dy, dx) and weighed "
                  "by a mask. (internal)")
      .Input("x")
      .Input("weight")
      .Input("offset")
      .OptionalInput("bias")
      .OptionalInput("mask")
      .Attr("pad_mode", std::string("pad"))
      .Attr("pad_list", std::vector<int64_t>{})
      .Attr("stride", std::vector<int64_t>{})
      .Attr("dilation", std::vector<int64_t>{})
      .Attr("group", int64_t{1})
      .Attr("offset_group", int64_t{1})
      .Output("y")
      .Infer(InferDeformableConv);
}

}  // namespace schemas
}  // namespace mirin::ops
