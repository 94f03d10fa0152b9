#include "core/ops/slice_plan.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/ops/partial_values.h"

namespace mirin::ops {
namespace {

// Python's slice of n elements. `open_begin`, `open_end`: not given. `partly`: kUnknown bounds are not known.
absl::Status Range(int64_t n, int64_t begin, int64_t end, int64_t step, bool open_begin,
                   bool open_end, bool partly, int64_t* start, int64_t* count) {
  const auto unknown = [&](int64_t v, bool open) {
    return partly && !open && v == PartialValues::kUnknown;
  };
  if (step == 0) return absl::InvalidArgumentError("a stride is 0");
  if (!unknown(step, false) && step == std::numeric_limits<int64_t>::min())
    return absl::InvalidArgumentError("a stride is out of range");
  if (n < 0 || unknown(begin, open_begin) || unknown(end, open_end) || unknown(step, false)) {
    *start = begin;
    *count = -1;
    return absl::OkStatus();
  }
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  const auto clamp = [&](int64_t v) {
    return std::clamp(v < 0 ? (v < -n ? low : v + n) : v, low, high);
  };
  const int64_t b = open_begin ? (step > 0 ? low : high) : clamp(begin);
  const int64_t e = open_end ? (step > 0 ? high : low) : clamp(end);
  *start = b;
  const int64_t span = step > 0 ? e - b : b - e;
  const int64_t stride = step > 0 ? step : -step;
  *count = span <= 0 ? 0 : (span + stride - 1) / stride;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SlicePlan> PlanStridedSlice(const ir::Attributes& attrs,
                                           absl::Span<const int64_t> dims,
                                           absl::Span<const int64_t> begin,
                                           absl::Span<const int64_t> end,
                                           absl::Span<const int64_t> strides, bool partly) {
  const int rank = static_cast<int>(dims.size());
  const int n = static_cast<int>(begin.size());
  if (end.size() != begin.size() || strides.size() != begin.size() || n > 32) {
    return absl::InvalidArgumentError("begin, end and strides have different lengths");
  }
  const auto bit = [&](absl::string_view mask, int i) { return (attrs.Int(mask) >> i & 1) != 0; };
  int given = 0;
  int ellipsis = -1;
  for (int i = 0; i < n; ++i) {
    if (bit("ellipsis_mask", i)) {
      if (ellipsis >= 0) return absl::InvalidArgumentError("more than one ellipsis");
      ellipsis = i;
    } else if (!bit("new_axis_mask", i)) {
      ++given;
    }
  }
  if (given > rank)
    return absl::InvalidArgumentError(absl::StrCat("slices ", given, " axes of ", ToString(dims)));
  SlicePlan plan;
  const auto keep_axis = [&](int axis) {
    plan.start.push_back(0);
    plan.step.push_back(1);
    plan.count.push_back(dims[axis]);
    plan.output.push_back(dims[axis]);
  };
  int axis = 0;
  for (int i = 0; i < n; ++i) {
    if (i == ellipsis) {
      for (int k = 0; k < rank - given; ++k) keep_axis(axis++);
      continue;
    }
    if (bit("new_axis_mask", i)) {
      plan.output.push_back(1);
      continue;
    }
    if (bit("shrink_axis_mask", i)) {
      const int64_t size = dims[axis];
      const int64_t at = begin[i] < 0 && size >= 0 ? begin[i] + size : begin[i];
      if (size >= 0 && (at < 0 || at >= size)) {
        return absl::InvalidArgumentError(
            absl::StrCat("index ", begin[i], " is outside axis ", axis, " of ", ToString(dims)));
      }
      plan.start.push_back(at);
      plan.step.push_back(1);
      plan.count.push_back(1);
      ++axis;
      continue;
    }
    int64_t start, count;
    MIRIN_RETURN_IF_ERROR(Range(dims[axis], begin[i], end[i], strides[i], bit("begin_mask", i),
                                bit("end_mask", i), partly, &start, &count));
    plan.start.push_back(start);
    plan.step.push_back(strides[i]);
    plan.count.push_back(count);
    plan.output.push_back(count);
    ++axis;
  }
  while (axis < rank) keep_axis(axis++);
  if (plan.output.size() > kMaxRank)
    return absl::InvalidArgumentError("the result has too many axes");
  return plan;
}

absl::StatusOr<SlicePlan> PlanSliceAxes(absl::Span<const int64_t> dims,
                                        absl::Span<const int64_t> begin,
                                        absl::Span<const int64_t> end,
                                        absl::Span<const int64_t> axes,
                                        absl::Span<const int64_t> steps, bool partly) {
  SlicePlan plan;
  plan.start.assign(dims.size(), 0);
  plan.step.assign(dims.size(), 1);
  plan.count.assign(dims.begin(), dims.end());
  if (begin.size() != end.size() || (!axes.empty() && axes.size() != begin.size()) ||
      (!steps.empty() && steps.size() != begin.size())) {
    return absl::InvalidArgumentError("begin, end, axes and steps have different lengths");
  }
  std::vector<bool> seen(dims.size(), false);
  for (size_t i = 0; i < begin.size(); ++i) {
    MIRIN_ASSIGN_OR_RETURN(const int axis,
                           NormalizeAxis(axes.empty() ? static_cast<int64_t>(i) : axes[i],
                                         static_cast<int>(dims.size())));
    if (seen[axis]) return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " is repeated"));
    seen[axis] = true;
    plan.step[axis] = steps.empty() ? 1 : steps[i];
    MIRIN_RETURN_IF_ERROR(Range(dims[axis], begin[i], end[i], plan.step[axis], false, false, partly,
                                &plan.start[axis], &plan.count[axis]));
  }
  plan.output = plan.count;
  return plan;
}

}  // namespace mirin::ops
