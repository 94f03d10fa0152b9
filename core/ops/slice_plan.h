// Slices in one form: per axis of the input a start, a step and a count.
#ifndef CORE_OPS_SLICE_PLAN_H_
#define CORE_OPS_SLICE_PLAN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/base/shape.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

struct SlicePlan {
  Dims start, step, count;  // one per input axis
  Dims output;              // with axes dropped and added
};

// TensorFlow's strided slice. Unknown input dims (-1) give unknown counts unless the axis is dropped. `partly`: so do bounds that
// are PartialValues::kUnknown.
absl::StatusOr<SlicePlan> PlanStridedSlice(const ir::Attributes& attrs,
                                           absl::Span<const int64_t> dims,
                                           absl::Span<const int64_t> begin,
                                           absl::Span<const int64_t> end,
                                           absl::Span<const int64_t> strides, bool partly = false);
// ONNX Slice; empty axes mean all in order, empty steps mean 1.
absl::StatusOr<SlicePlan> PlanSliceAxes(absl::Span<const int64_t> dims,
                                        absl::Span<const int64_t> begin,
                                        absl::Span<const int64_t> end,
                                        absl::Span<const int64_t> axes,
                                        absl::Span<const int64_t> steps, bool partly = false);

}  // namespace mirin::ops

#endif  // CORE_OPS_SLICE_PLAN_H_
