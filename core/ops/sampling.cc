#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

// Text of the attribute, or of MindSpore's number for it.
absl::Status CheckChoice(const InferContext& c, absl::string_view name, int64_t count,
                         std::initializer_list<absl::string_view> texts) {
  const std::string text = c.attrs().String(name);
  const int64_t number = c.attrs().Int(name, -1);
  if (number >= 0 && number < count) return absl::OkStatus();
  for (absl::string_view t : texts) {
    if (t == text) return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat(name, " '", text.empty() ? absl::StrCat(number) : text, "'"));
}

absl::Status InferGridSampler(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 4));
  MIRIN_RETURN_IF_ERROR(CheckChoice(c, "interpolation_mode", 2, {"bilinear", "nearest"}));
  MIRIN_RETURN_IF_ERROR(CheckChoice(c, "padding_mode", 2, {"zeros", "border"}));
  const Shape x = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4),
              grid = c.shape(1).rank_known() ? c.shape(1) : Shape::OfRank(4);
  if (grid.dim(3) >= 0 && grid.dim(3) != 2)
    return absl::InvalidArgumentError(
        absl::StrCat("grid ", ToString(grid), " has no pairs of coordinates"));
  if (x.dim(0) >= 0 && grid.dim(0) >= 0 && x.dim(0) != grid.dim(0))
    return absl::InvalidArgumentError("x and grid differ in their batch");
  if (x.dim(2) == 0 || x.dim(3) == 0)
    return absl::InvalidArgumentError("an empty image cannot be sampled");
  c.SetOutput(0, c.dtype(0), Shape({x.dim(0), x.dim(1), grid.dim(1), grid.dim(2)}));
  return absl::OkStatus();
}

absl::Status InferGridSample(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(1));
  MIRIN_RETURN_IF_ERROR(CheckChoice(c, "mode", 0, {"nearest", "linear", "cubic"}));
  MIRIN_RETURN_IF_ERROR(CheckChoice(c, "padding_mode", 0, {"zeros", "border", "reflection"}));
  const Shape &x = c.shape(0), &grid = c.shape(1);
  if (!x.rank_known() || !grid.rank_known()) {
    c.SetOutput(0, c.dtype(0), x.rank_known() ? Shape::OfRank(x.rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 3));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, x.rank()));
  const int axes = x.rank() - 2;
  if (grid.dim(axes + 1) >= 0 && grid.dim(axes + 1) != axes)
    return absl::InvalidArgumentError(
        absl::StrCat("grid ", ToString(grid), " does not hold ", axes, " coordinates"));
  if (x.dim(0) >= 0 && grid.dim(0) >= 0 && x.dim(0) != grid.dim(0))
    return absl::InvalidArgumentError("x and grid differ in their batch");
  Dims dims = {x.dim(0), x.dim(1)};
  for (int i = 0; i < axes; ++i) {
    if (x.dim(2 + i) == 0) return absl::InvalidArgumentError("an empty image cannot be sampled");
    dims.push_back(grid.dim(1 + i));
  }
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

// theta [N, r, r + 1] and the size [N, C, d1 .. dr] give a grid [N, d1 .. dr, r].
absl::Status InferAffineGrid(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  const Shape theta = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(3);
  std::vector<int64_t> size;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &size));
  if (!known) {
    c.SetOutput(0, c.dtype(0),
                theta.dim(1) == 2 || theta.dim(1) == 3
                    ? Shape::OfRank(static_cast<int>(theta.dim(1)) + 2)
                    : Shape::Unknown());
    return absl::OkStatus();
  }
  const auto axes = static_cast<int64_t>(size.size()) - 2;
  if (axes != 2 && axes != 3)
    return absl::InvalidArgumentError(
        absl::StrCat("the output size has ", size.size(), " numbers, expected four or five"));
  const Shape expected({size[0], axes, axes + 1});
  if (theta.concrete() && theta != expected)
    return absl::InvalidArgumentError(
        absl::StrCat("theta is ", ToString(theta), ", expected ", ToString(expected)));
  Dims dims = {size[0]};
  dims.insert(dims.end(), size.begin() + 2, size.end());
  dims.push_back(axes);
  MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema AffineGrid() {
  return OpSchema("AffineGrid",
                  "Where affine matrices put the positions of an image, as coordinates in [-1, 1].")
      .Input("theta")
      .Ints("output_size")
      .Attr("align_corners", false)
      .Output("grid")
      .Infer(InferAffineGrid);
}
OpSchema GridSample() {
  return OpSchema("GridSample",
                  "ONNX GridSample: data of any number of spatial axes at grid positions in [-1, "
                  "1], last axis first. (internal)")
      .Input("x")
      .Input("grid")
      .Attr("mode", std::string("linear"))
      .Attr("padding_mode", std::string("zeros"))
      .Attr("align_corners", false)
      .Output("y")
      .Infer(InferGridSample);
}

OpSchema GridSampler2D() {
  return OpSchema("GridSampler2D", "Samples images at grid positions in [-1, 1] as (x, y).")
      .Input("x")
      .Input("grid")
      .Attr("interpolation_mode", std::string("bilinear"))
      .Attr("padding_mode", std::string("zeros"))
      .Attr("align_corners", false)
      .Output("y")
      .Infer(InferGridSampler);
}

}  // namespace schemas
}  // namespace mirin::ops
