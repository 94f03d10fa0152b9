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

absl::Status InferSliceAxes(InferContext& c) {
  std::vector<int64_t> v[4];
  bool known = c.shape(0).rank_known();
  for (int i = 0; i < 4; ++i) {
    if (i == 3 && !c.has_input(4)) continue;
    MIRIN_ASSIGN_OR_RETURN(const bool have, c.IntsValue(i + 1, &v[i]));
    known &= have;
  }
  if (!known) {
    c.SetOutput(0, c.dtype(0), c.shape(0).rank_known() ? Shape::OfRank(c.shape(0).rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
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
