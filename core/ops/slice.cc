#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"
#include "core/ops/slice_plan.h"

namespace mirin::ops {
namespace {

absl::Status InferSliceSizes(InferContext& c) {
  std::vector<int64_t> begin, size;
  MIRIN_ASSIGN_OR_RETURN(const bool b, c.IntsValue(1, &begin));
  MIRIN_ASSIGN_OR_RETURN(const bool s, c.IntsValue(2, &size));
  const Shape& x = c.shape(0);
  if (!b || !s || !x.rank_known()) {
    c.SetOutput(0, c.dtype(0), x.rank_known() ? Shape::OfRank(x.rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
  if (static_cast<int>(begin.size()) != x.rank() || begin.size() != size.size()) return absl::InvalidArgumentError("begin and size do not match the rank");
  Dims dims = x.dims();
  for (int i = 0; i < x.rank(); ++i) {
    if (dims[i] < 0) {
      dims[i] = size[i] >= 0 ? size[i] : -1;
      continue;
    }
    const int64_t n = size[i] == -1 ? dims[i] - begin[i] : size[i];
    if (begin[i] < 0 || n < 0 || begin[i] > dims[i] || n > dims[i] - begin[i]) {
      return absl::InvalidArgumentError(absl::StrCat("slice ", begin[i], " + ", size[i], " is outside axis ", i, " of ", ToString(x)));
    }
    dims[i] = n;
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferStridedSlice(InferContext& c) {
  std::vector<int64_t> v[3];
  bool known = c.shape(0).rank_known();
  for (int i = 0; i < 3; ++i) {
    MIRIN_ASSIGN_OR_RETURN(const bool have, c.IntsValue(i + 1, &v[i]));
    known &= have;
  }
  if (!known) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const SlicePlan plan, PlanStridedSlice(c.attrs(), c.shape(0).dims(), v[0], v[1], v[2]));
  c.SetOutput(0, c.dtype(0), Shape(plan.output));
  return absl::OkStatus();
}

// Bounds are computed: the axes that are not sliced keep their sizes.
absl::Status SliceByComputed(InferContext& c) {
  std::vector<int64_t> v[4];
  for (int i = 0; i < 4; ++i) {
    if (i == 3 && !c.has_input(4)) continue;
    MIRIN_ASSIGN_OR_RETURN(const bool some, c.IntsPartly(i + 1, &v[i]));
    if (!some && i == 2) {
      c.SetOutput(0, c.dtype(0), Shape::OfRank(c.shape(0).rank()));
      return absl::OkStatus();
    }
  }
  Shape shape = c.shape(0);
  // No axes means the first ones, as many as there are bounds.
  std::vector<int64_t> axes = v[2];
  if (axes.empty()) {
    for (int i = 0; i < shape.rank(); ++i) axes.push_back(i);
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] == PartialValues::kUnknown) {
      c.SetOutput(0, c.dtype(0), Shape::OfRank(shape.rank()));
      return absl::OkStatus();
    }
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(axes[i], shape.rank()));
    const auto bound = [&](int k) { return i < v[k].size() ? v[k][i] : PartialValues::kUnknown; };
    const int64_t step = c.has_input(4) && !v[3].empty() ? bound(3) : 1;
    const bool known = shape.dim(axis) >= 0 && bound(0) != PartialValues::kUnknown && bound(1) != PartialValues::kUnknown && step != PartialValues::kUnknown;
    if (!known) {
      shape.set_dim(axis, -1);
      continue;
    }
    MIRIN_ASSIGN_OR_RETURN(const SlicePlan plan, PlanSliceAxes({shape.dim(axis)}, {bound(0)}, {bound(1)}, {}, {step}));
    shape.set_dim(axis, plan.output[0]);
  }
  c.SetOutput(0, c.dtype(0), std::move(shape));
  return absl::OkStatus();
}

absl::Status InferSliceAxes(InferContext& c) {
  std::vector<int64_t> v[4];
  bool known = c.shape(0).rank_known();
  for (int i = 0; i < 4; ++i) {
    if (i == 3 && !c.has_input(4)) continue;
    MIRIN_ASSIGN_OR_RETURN(const bool have, c.IntsValue(i + 1, &v[i]));
    known &= have;
  }
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  if (!known) return SliceByComputed(c);
  MIRIN_ASSIGN_OR_RETURN(const SlicePlan plan, PlanSliceAxes(c.shape(0).dims(), v[0], v[1], v[2], v[3]));
  c.SetOutput(0, c.dtype(0), Shape(plan.output));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema Slice() { return OpSchema("Slice", "begin .. begin + size per axis; size -1 is to the end.").Input("x").Ints("begin").Ints("size").Output("y").Infer(InferSliceSizes); }
OpSchema StridedSlice() {
  return OpSchema("StridedSlice", "begin:end:stride per axis with TensorFlow's masks.")
      .Input("x").Ints("begin").Ints("end").Ints("strides").Attr("begin_mask", int64_t{0}).Attr("end_mask", int64_t{0})
      .Attr("ellipsis_mask", int64_t{0}).Attr("new_axis_mask", int64_t{0}).Attr("shrink_axis_mask", int64_t{0}).Output("y").Infer(InferStridedSlice);
}
OpSchema StridedSliceAxes() {
  return OpSchema("StridedSliceAxes", "ONNX Slice: begin:end:step along named axes. (internal)")
      .Input("x").Ints("begin").Ints("end").Ints("axes").Ints("steps", std::vector<int64_t>{}).Output("y").Infer(InferSliceAxes);
}

}  // namespace schemas
}  // namespace mirin::ops
