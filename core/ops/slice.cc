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
  if (static_cast<int>(begin.size()) != x.rank() || begin.size() != size.size())
    return absl::InvalidArgumentError("begin and size do not match the rank");
  Dims dims = x.dims();
  for (int i = 0; i < x.rank(); ++i) {
    if (dims[i] < 0) {
      dims[i] = size[i] >= 0 ? size[i] : -1;
      continue;
    }
    const int64_t n = size[i] == -1 ? dims[i] - begin[i] : size[i];
    if (begin[i] < 0 || n < 0 || begin[i] > dims[i] || n > dims[i] - begin[i]) {
      return absl::InvalidArgumentError(absl::StrCat("slice ", begin[i], " + ", size[i],
                                                     " is outside axis ", i, " of ", ToString(x)));
    }
    dims[i] = n;
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

// What is known of the bounds begin, end .. (inputs 1 and later). Lists of which nothing is known are as long as the others.
struct Bounds {
  std::vector<int64_t> v[4];
  bool known = true;  // every element
};
absl::Status ReadBounds(const InferContext& c, int lists, Bounds* bounds) {
  size_t length = 0;
  bool missing[4] = {};
  for (int i = 0; i < lists; ++i) {
    if (!c.has_input(i + 1)) continue;
    MIRIN_ASSIGN_OR_RETURN(const bool whole, c.IntsValue(i + 1, &bounds->v[i]));
    bounds->known &= whole;
    if (whole) {
      length = std::max(length, bounds->v[i].size());
      continue;
    }
    MIRIN_ASSIGN_OR_RETURN(const bool some, c.IntsPartly(i + 1, &bounds->v[i]));
    const Shape& s = c.shape(i + 1);
    missing[i] = !some;
    length = std::max(length, some ? bounds->v[i].size()
                              : s.rank_known() && s.rank() == 1 && s.dim(0) > 0
                                  ? static_cast<size_t>(std::min<int64_t>(s.dim(0), kMaxRank))
                                  : 0);
  }
  for (int i = 0; i < lists; ++i) {
    if (missing[i]) bounds->v[i].assign(length, PartialValues::kUnknown);
  }
  return absl::OkStatus();
}

// Where bounds are computed, axes that are not sliced, or by known ones, keep what is known of them.
absl::Status InferStridedSlice(InferContext& c) {
  Bounds bounds;
  MIRIN_RETURN_IF_ERROR(ReadBounds(c, 3, &bounds));
  const auto& v = bounds.v;
  const bool shrinks = c.attrs().Int("shrink_axis_mask") != 0;
  if (!c.shape(0).rank_known() || (!bounds.known && (shrinks || v[0].empty()))) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const SlicePlan plan, PlanStridedSlice(c.attrs(), c.shape(0).dims(), v[0],
                                                                v[1], v[2], !bounds.known));
  c.SetOutput(0, c.dtype(0), Shape(plan.output));
  return absl::OkStatus();
}

absl::Status InferSliceAxes(InferContext& c) {
  Bounds bounds;
  MIRIN_RETURN_IF_ERROR(ReadBounds(c, 4, &bounds));
  const auto& v = bounds.v;
  const bool axes_known = std::count(v[2].begin(), v[2].end(), PartialValues::kUnknown) == 0;
  if (!c.shape(0).rank_known() || (!bounds.known && (!axes_known || v[0].empty()))) {
    c.SetOutput(0, c.dtype(0),
                c.shape(0).rank_known() ? Shape::OfRank(c.shape(0).rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const SlicePlan plan,
                         PlanSliceAxes(c.shape(0).dims(), v[0], v[1], v[2], v[3], !bounds.known));
  c.SetOutput(0, c.dtype(0), Shape(plan.output));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema Slice() {
  return OpSchema("Slice", "begin .. begin + size per axis; size -1 is to the end.")
      .Input("x")
      .Ints("begin")
      .Ints("size")
      .Output("y")
      .Infer(InferSliceSizes);
}
OpSchema StridedSlice() {
  return OpSchema("StridedSlice", "begin:end:stride per axis with TensorFlow's masks.")
      .Input("x")
      .Ints("begin")
      .Ints("end")
      .Ints("strides")
      .Attr("begin_mask", int64_t{0})
      .Attr("end_mask", int64_t{0})
      .Attr("ellipsis_mask", int64_t{0})
      .Attr("new_axis_mask", int64_t{0})
      .Attr("shrink_axis_mask", int64_t{0})
      .Output("y")
      .Infer(InferStridedSlice);
}
OpSchema StridedSliceAxes() {
  return OpSchema("StridedSliceAxes", "ONNX Slice: begin:end:step along named axes. (internal)")
      .Input("x")
      .Ints("begin")
      .Ints("end")
      .Ints("axes")
      .Ints("steps", std::vector<int64_t>{})
      .Output("y")
      .Infer(InferSliceAxes);
}

}  // namespace schemas
}  // namespace mirin::ops
