#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

using std::string;

absl::Status RequirePixels(const InferContext& c) {
  const Shape& x = c.shape(0);
  if (!x.rank_known() || x.rank() != 4 || (x.dim(2) != 0 && x.dim(3) != 0)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the images ", ToString(x), " are empty"));
}

absl::Status Resized(InferContext& c, const std::vector<int64_t>& size) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  MIRIN_RETURN_IF_ERROR(RequirePixels(c));
  if (size.size() != 2) return absl::InvalidArgumentError("size needs two numbers");
  if (size[0] < 1 || size[1] < 1 || size[0] > (1 << 20) || size[1] > (1 << 20))
    return absl::InvalidArgumentError(
        absl::StrCat("size (", size[0], ", ", size[1], ") is out of range"));
  Shape out = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4);
  out.set_dim(2, size[0]);
  out.set_dim(3, size[1]);
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

absl::Status InferResizeInts(InferContext& c) {
  std::vector<int64_t> size;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &size));
  if (known) return Resized(c, size);
  Shape out = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4);
  if (out.rank() == 4) {
    out.set_dim(2, -1);
    out.set_dim(3, -1);
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

// Lite: operand 1 is sizes (integers) or scales (floats) of height and width, or of all four axes.
absl::Status InferResizeLite(InferContext& c) {
  const Tensor* t = c.value(1);
  if (t == nullptr || !c.shape(0).rank_known() || c.shape(0).rank() != 4) {
    MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
    c.SetOutput(0, c.dtype(0), Shape::OfRank(4));
    return absl::OkStatus();
  }
  if (t->elements() != 2 && t->elements() != 4)
    return absl::InvalidArgumentError("sizes or scales must have two or four numbers");
  std::vector<int64_t> size(2, -1);
  const int64_t skip = t->elements() - 2;
  if (IsInt(t->dtype())) {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> v, t->ToInt64s());
    size = {v[skip], v[skip + 1]};
  } else if (t->dtype() == DType::kFloat32) {
    for (int i = 0; i < 2; ++i) {
      float scale;
      __builtin_memcpy(&scale, t->data_as<char>() + (skip + i) * 4, 4);
      const double v = static_cast<double>(c.shape(0).dim(2 + i)) * scale;
      if (c.shape(0).dim(2 + i) < 0) return InferSame(c);
      if (!(v >= 1 && v < 1e9))
        return absl::InvalidArgumentError(absl::StrCat("scale ", scale, " is out of range"));
      size[i] = static_cast<int64_t>(v);
    }
  } else {
    return absl::InvalidArgumentError(absl::StrCat("sizes or scales are ", Name(t->dtype())));
  }
  return Resized(c, size);
}

}  // namespace

namespace schemas {

OpSchema ResizeBilinear() {
  return OpSchema("ResizeBilinear", "Bilinear resize to size.")
      .Input("x")
      .Ints("size")
      .Attr("align_corners", false)
      .Attr("half_pixel_centers", false)
      .Output("y")
      .Infer(InferResizeInts);
}
OpSchema ResizeBilinearV2() {
  return OpSchema("ResizeBilinearV2", "Bilinear resize to size.")
      .Input("x")
      .Ints("size")
      .Attr("align_corners", false)
      .Attr("half_pixel_centers", false)
      .Output("y")
      .Infer(InferResizeInts);
}
OpSchema ResizeNearestNeighbor() {
  return OpSchema("ResizeNearestNeighbor", "Nearest-neighbour resize to size.")
      .Input("x")
      .Ints("size")
      .Attr("align_corners", false)
      .Attr("half_pixel_centers", false)
      .Output("y")
      .Infer(InferResizeInts);
}
OpSchema ResizeNearestNeighborV2() {
  return OpSchema("ResizeNearestNeighborV2", "Nearest-neighbour resize to size.")
      .Input("x")
      .Ints("size")
      .Attr("align_corners", false)
      .Attr("half_pixel_centers", false)
      .Output("y")
      .Infer(InferResizeInts);
}
OpSchema Resize() {
  return OpSchema("Resize",
                  "Resize by sizes or scales; method 0 linear, 1 nearest, 2 cubic; coordinates 0 "
                  "asymmetric, 1 align corners, 2 half pixel.")
      .Input("x")
      .Input("size_or_scale")
      .Attr("method", int64_t{0})
      .Attr("coordinate_transform_mode", int64_t{0})
      .Attr("nearest_mode", int64_t{0})
      .Output("y")
      .Infer(InferResizeLite)
      .ShapeFromValue("size_or_scale");
}
OpSchema ResizeBicubic() {
  return OpSchema("ResizeBicubic", "Bicubic resize (a = -0.75) to size.")
      .Input("x")
      .Ints("size")
      .Attr("align_corners", false)
      .Attr("half_pixel_centers", false)
      .Output("y")
      .Infer(InferResizeInts);
}

}  // namespace schemas
}  // namespace mirin::ops
