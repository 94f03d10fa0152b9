// ONNX Resize, axis by axis: which input positions an output position reads, and with what weights. Resizing is separable,
// so kernels apply these one axis after the other.
#ifndef CORE_OPS_RESIZE_PLAN_H_
#define CORE_OPS_RESIZE_PLAN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/base/tensor.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

enum class ResizeMode { kNearest, kLinear, kCubic };
enum class ResizeCoordinates {
  kAsymmetric,
  kAlignCorners,
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kTfHalfPixelForNn,
  kTfCropAndResize
};
// kShrinkToCeil, of opset 10, is the ceiling where an axis shrinks and the floor elsewhere.
enum class NearestMode { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil, kShrinkToCeil };
enum class AspectPolicy { kStretch, kNotLarger, kNotSmaller };

// The attributes of ResizeAxes.
struct ResizeSpec {
  ResizeMode mode = ResizeMode::kNearest;
  ResizeCoordinates coordinates = ResizeCoordinates::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  AspectPolicy policy = AspectPolicy::kStretch;
  double cubic_a = -0.75, extrapolation = 0;
  bool antialias = false, exclude_outside = false;
  std::vector<int64_t> axes;  // what scales, sizes and roi speak of; empty: all
};
absl::StatusOr<ResizeSpec> ReadResize(const ir::Attributes& attrs);

struct ResizeAxis {
  int64_t input = 1, output = 1;
  double scale = 1;   // as coordinates see it
  bool exact = true;  // the scale is output / input
  double roi_begin = 0, roi_end = 1;

  bool identity() const { return input == output && scale == 1 && roi_begin == 0 && roi_end == 1; }
};

// All axes of x. Exactly one of scales and sizes is not empty; roi may be. Checks their number and range.
absl::StatusOr<std::vector<ResizeAxis>> PlanResize(const ResizeSpec& spec,
                                                   absl::Span<const int64_t> x,
                                                   absl::Span<const double> scales,
                                                   absl::Span<const int64_t> sizes,
                                                   absl::Span<const double> roi);

// Output i is the sum of weight[k] * input[index[k]] for k in begin[i] .. begin[i + 1].
struct ResizeTaps {
  std::vector<int64_t> begin = {0}, index;
  std::vector<double> weight;
  std::vector<bool> outside;  // takes the extrapolation value; empty: none does

  void Add(int64_t position, double w);
  bool IsOutside(int64_t i) const { return !outside.empty() && outside[static_cast<size_t>(i)]; }
};
ResizeTaps TapsOf(const ResizeSpec& spec, const ResizeAxis& axis);

}  // namespace mirin::ops

#endif  // CORE_OPS_RESIZE_PLAN_H_
