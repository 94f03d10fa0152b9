#include "core/ops/resize_plan.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/shape.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 31;

template <typename Enum>
absl::Status Choose(const ir::Attributes& attrs, const char* name,
                    std::initializer_list<std::pair<const char*, Enum>> choices, Enum* chosen) {
  const std::string text = attrs.String(name);
  for (const auto& [choice, value] : choices) {
    if (text != choice) continue;
    *chosen = value;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown ", name, " '", text, "'"));
}

// The place in the input that output i stands for.
double Source(const ResizeSpec& spec, const ResizeAxis& a, int64_t i) {
  const auto in = static_cast<double>(a.input), out = static_cast<double>(a.output),
             at = static_cast<double>(i);
  const double width = a.exact ? out : a.scale * in;  // may be a fraction
  // Sizes divide exactly, so that whole results stay whole.
  const auto scaled = [&](double p) { return a.exact ? p * in / out : p / a.scale; };
  switch (spec.coordinates) {
    case ResizeCoordinates::kAsymmetric:
      return scaled(at);
    case ResizeCoordinates::kAlignCorners:
      return width == 1 ? 0 : at * (in - 1) / (width - 1);
    case ResizeCoordinates::kHalfPixel:
      return scaled(at + 0.5) - 0.5;
    case ResizeCoordinates::kHalfPixelSymmetric:
      return in / 2 * (1 - out / width) + scaled(at + 0.5) - 0.5;
    case ResizeCoordinates::kPytorchHalfPixel:
      return a.output > 1 ? scaled(at + 0.5) - 0.5 : 0;
    case ResizeCoordinates::kTfHalfPixelForNn:
      return scaled(at + 0.5);
    case ResizeCoordinates::kTfCropAndResize:
      if (width == 1) return (a.roi_begin + a.roi_end) / 2 * (in - 1);
      return a.roi_begin * (in - 1) + at * (a.roi_end - a.roi_begin) * (in - 1) / (width - 1);
  }
  return at;
}

double Nearest(NearestMode mode, double scale, double x) {
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return std::ceil(x - 0.5);
    case NearestMode::kRoundPreferCeil:
      return std::floor(x + 0.5);
    case NearestMode::kFloor:
      return std::floor(x);
    case NearestMode::kCeil:
      return std::ceil(x);
    case NearestMode::kShrinkToCeil:
      return scale < 1 ? std::ceil(x) : std::floor(x);
  }
  return x;
}

// Weight of an element at a distance: a triangle, or Keys' cubic.
double Filter(const ResizeSpec& spec, double distance) {
  const double d = std::abs(distance), a = spec.cubic_a;
  if (spec.mode == ResizeMode::kLinear) return std::max(0.0, 1 - d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

void AddWindow(const ResizeSpec& spec, const ResizeAxis& axis, double x, ResizeTaps* taps) {
  // Antialiasing stretches the filter when the image shrinks.
  const double stretch = spec.antialias ? std::min(axis.scale, 1.0) : 1.0;
  const double reach = (spec.mode == ResizeMode::kLinear ? 1 : 2) / stretch;
  const auto first = static_cast<int64_t>(std::floor(x - reach)) + 1,
             last = static_cast<int64_t>(std::ceil(x + reach)) - 1;
  const size_t begin = taps->weight.size();
  double sum = 0;
  for (int64_t k = first; k <= last; ++k) {
    if (spec.exclude_outside && (k < 0 || k >= axis.input)) continue;
    const double w = Filter(spec, (static_cast<double>(k) - x) * stretch);
    taps->Add(std::clamp(k, int64_t{0}, axis.input - 1), w);
    sum += w;
  }
  if ((!spec.antialias && !spec.exclude_outside) || sum == 0) return;
  for (size_t k = begin; k < taps->weight.size(); ++k) taps->weight[k] /= sum;
}

absl::Status CheckCount(const char* what, size_t given, size_t expected) {
  if (given == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has ", given, " numbers, expected ", expected));
}

absl::StatusOr<std::vector<int>> AxesOf(const ResizeSpec& spec, int rank) {
  std::vector<int> axes;
  for (const int64_t a : spec.axes) {
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(a, rank));
    if (std::find(axes.begin(), axes.end(), axis) != axes.end())
      return absl::InvalidArgumentError("an axis is repeated");
    axes.push_back(axis);
  }
  for (int i = 0; spec.axes.empty() && i < rank; ++i) axes.push_back(i);
  return axes;
}

absl::Status SetScales(const std::vector<int>& axes, absl::Span<const double> scales,
                       std::vector<ResizeAxis>* all) {
  for (size_t k = 0; k < axes.size(); ++k) {
    ResizeAxis& a = (*all)[static_cast<size_t>(axes[k])];
    if (!(scales[k] > 0 && scales[k] < 1e9))
      return absl::InvalidArgumentError(absl::StrCat("scale ", scales[k], " is out of range"));
    a.scale = scales[k];
    a.exact = false;
    // In float32, as the scales are: 10 * 0.7f is 7.
    const float size = std::floor(static_cast<float>(a.input) * static_cast<float>(scales[k]));
    if (!(size < static_cast<float>(kMaxSize)))
      return absl::ResourceExhaustedError(
          absl::StrCat("the scale ", scales[k], " makes ", size, " of ", a.input));
    a.output = static_cast<int64_t>(size);
  }
  return absl::OkStatus();
}

absl::Status SetSizes(const ResizeSpec& spec, const std::vector<int>& axes,
                      absl::Span<const int64_t> sizes, std::vector<ResizeAxis>* all) {
  double common = -1;
  for (size_t k = 0; k < axes.size(); ++k) {
    ResizeAxis& a = (*all)[static_cast<size_t>(axes[k])];
    if (sizes[k] < 0 || sizes[k] > kMaxSize)
      return absl::InvalidArgumentError(absl::StrCat("size ", sizes[k], " is out of range"));
    a.output = sizes[k];
    a.scale = a.input == 0 ? 1 : static_cast<double>(a.output) / static_cast<double>(a.input);
    if (common < 0 ||
        (spec.policy == AspectPolicy::kNotLarger ? a.scale < common : a.scale > common))
      common = a.scale;
  }
  if (spec.policy == AspectPolicy::kStretch) return absl::OkStatus();
  for (const int axis : axes) {
    ResizeAxis& a = (*all)[static_cast<size_t>(axis)];
    a.scale = common;
    a.exact = false;
    const double size = std::floor(common * static_cast<double>(a.input) + 0.5);
    if (!(size <= static_cast<double>(kMaxSize)))
      return absl::ResourceExhaustedError(
          absl::StrCat("the scale ", common, " makes ", size, " of ", a.input));
    a.output = static_cast<int64_t>(size);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ResizeSpec> ReadResize(const ir::Attributes& attrs) {
  ResizeSpec spec;
  MIRIN_RETURN_IF_ERROR(Choose(attrs, "mode",
                               {{"nearest", ResizeMode::kNearest},
                                {"linear", ResizeMode::kLinear},
                                {"cubic", ResizeMode::kCubic}},
                               &spec.mode));
  MIRIN_RETURN_IF_ERROR(Choose(attrs, "coordinate_transformation_mode",
                               {{"asymmetric", ResizeCoordinates::kAsymmetric},
                                {"align_corners", ResizeCoordinates::kAlignCorners},
                                {"half_pixel", ResizeCoordinates::kHalfPixel},
                                {"half_pixel_symmetric", ResizeCoordinates::kHalfPixelSymmetric},
                                {"pytorch_half_pixel", ResizeCoordinates::kPytorchHalfPixel},
                                {"tf_half_pixel_for_nn", ResizeCoordinates::kTfHalfPixelForNn},
                                {"tf_crop_and_resize", ResizeCoordinates::kTfCropAndResize}},
                               &spec.coordinates));
  MIRIN_RETURN_IF_ERROR(Choose(attrs, "nearest_mode",
                               {{"round_prefer_floor", NearestMode::kRoundPreferFloor},
                                {"round_prefer_ceil", NearestMode::kRoundPreferCeil},
                                {"floor", NearestMode::kFloor},
                                {"ceil", NearestMode::kCeil},
                                {"shrink_to_ceil", NearestMode::kShrinkToCeil}},
                               &spec.nearest));
  MIRIN_RETURN_IF_ERROR(Choose(attrs, "keep_aspect_ratio_policy",
                               {{"stretch", AspectPolicy::kStretch},
                                {"not_larger", AspectPolicy::kNotLarger},
                                {"not_smaller", AspectPolicy::kNotSmaller}},
                               &spec.policy));
  spec.cubic_a = attrs.Float("cubic_coeff_a");
  spec.extrapolation = attrs.Float("extrapolation_value");
  spec.antialias = attrs.Bool("antialias");
  spec.exclude_outside = attrs.Bool("exclude_outside");
  spec.axes = attrs.Ints("axes");
  if (spec.antialias && spec.mode == ResizeMode::kNearest)
    return absl::InvalidArgumentError("antialias with mode 'nearest'");
  return spec;
}

absl::StatusOr<std::vector<ResizeAxis>> PlanResize(const ResizeSpec& spec,
                                                   absl::Span<const int64_t> x,
                                                   absl::Span<const double> scales,
                                                   absl::Span<const int64_t> sizes,
                                                   absl::Span<const double> roi) {
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int> axes, AxesOf(spec, static_cast<int>(x.size())));
  if (scales.empty() == sizes.empty() && !axes.empty())
    return absl::InvalidArgumentError("one of scales and sizes must be given");
  std::vector<ResizeAxis> all(x.size());
  for (size_t i = 0; i < x.size(); ++i) all[i].input = all[i].output = x[i];
  if (sizes.empty()) {
    MIRIN_RETURN_IF_ERROR(CheckCount("scales", scales.size(), axes.size()));
    MIRIN_RETURN_IF_ERROR(SetScales(axes, scales, &all));
  } else {
    MIRIN_RETURN_IF_ERROR(CheckCount("sizes", sizes.size(), axes.size()));
    MIRIN_RETURN_IF_ERROR(SetSizes(spec, axes, sizes, &all));
  }
  for (const ResizeAxis& a : all) {
    if (a.input == 0 && a.output > 0)
      return absl::InvalidArgumentError(
          absl::StrCat("an empty axis cannot be resized to ", a.output));
  }
  if (spec.coordinates != ResizeCoordinates::kTfCropAndResize || roi.empty()) return all;
  MIRIN_RETURN_IF_ERROR(CheckCount("roi", roi.size(), 2 * axes.size()));
  for (size_t k = 0; k < axes.size(); ++k) {
    all[static_cast<size_t>(axes[k])].roi_begin = roi[k];
    all[static_cast<size_t>(axes[k])].roi_end = roi[axes.size() + k];
  }
  return all;
}

void ResizeTaps::Add(int64_t position, double w) {
  if (static_cast<int64_t>(index.size()) > begin.back() && index.back() == position) {
    weight.back() += w;
    return;
  }
  if (w == 0) return;
  index.push_back(position);
  weight.push_back(w);
}

ResizeTaps TapsOf(const ResizeSpec& spec, const ResizeAxis& axis) {
  ResizeTaps taps;
  const bool crop = spec.coordinates == ResizeCoordinates::kTfCropAndResize;
  for (int64_t i = 0; i < axis.output; ++i) {
    const double x = axis.identity() ? static_cast<double>(i) : Source(spec, axis, i);
    const bool outside = crop && !(x >= 0 && x <= static_cast<double>(axis.input - 1));
    if (crop) taps.outside.push_back(outside);
    if (outside) {
      // no taps
    } else if (spec.mode == ResizeMode::kNearest) {
      taps.Add(std::clamp(static_cast<int64_t>(Nearest(spec.nearest, axis.scale, x)), int64_t{0},
                          axis.input - 1),
               1);
    } else {
      AddWindow(spec, axis, x, &taps);
    }
    taps.begin.push_back(static_cast<int64_t>(taps.index.size()));
  }
  return taps;
}

namespace {

absl::Status InferResizeAxes(InferContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const ResizeSpec spec, ReadResize(c.attrs()));
  if (spec.mode != ResizeMode::kNearest || spec.coordinates == ResizeCoordinates::kTfCropAndResize)
    MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  for (int i = 1; i < 3; ++i) {
    if (c.has_input(i)) MIRIN_RETURN_IF_ERROR(c.RequireFloat(i));
  }
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int> axes, AxesOf(spec, x.rank()));
  std::vector<double> scales;
  std::vector<int64_t> sizes;
  bool known = x.concrete();
  if (c.has_input(2) && c.value(2) != nullptr) scales = NumbersOf(*c.value(2));
  if (c.has_input(2) && c.shape(2) != Shape({0})) known &= c.value(2) != nullptr;
  if (c.has_input(3)) {
    MIRIN_ASSIGN_OR_RETURN(const bool have, c.IntsValue(3, &sizes));
    known &= have;
  }
  Shape out = x;
  for (const int a : axes) out.set_dim(a, -1);
  if (known) {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<ResizeAxis> plan,
                           PlanResize(spec, x.dims(), scales, sizes, {}));
    for (size_t i = 0; i < plan.size(); ++i) out.set_dim(static_cast<int>(i), plan[i].output);
    MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), out.dims()).status());
  } else if (spec.policy == AspectPolicy::kStretch && sizes.size() == axes.size()) {
    for (size_t k = 0; k < axes.size(); ++k) out.set_dim(axes[k], std::max<int64_t>(sizes[k], 0));
  } else if (scales.size() == axes.size()) {
    for (size_t k = 0; k < axes.size(); ++k) {
      if (scales[k] == 1) out.set_dim(axes[k], x.dim(axes[k]));
    }
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema ResizeAxes() {
  return OpSchema("ResizeAxes",
                  "ONNX Resize: any axes by scales or sizes; nearest, linear or cubic. (internal)")
      .Input("x")
      .OptionalInput("roi")
      .OptionalInput("scales")
      .Ints("sizes", std::vector<int64_t>{})
      .Attr("mode", std::string("nearest"))
      .Attr("coordinate_transformation_mode", std::string("half_pixel"))
      .Attr("nearest_mode", std::string("round_prefer_floor"))
      .Attr("cubic_coeff_a", -0.75)
      .Attr("exclude_outside", false)
      .Attr("extrapolation_value", 0.0)
      .Attr("antialias", false)
      .Attr("axes", std::vector<int64_t>{})
      .Attr("keep_aspect_ratio_policy", std::string("stretch"))
      .Output("y")
      .Infer(InferResizeAxes)
      .ShapeFromValue("scales");
}

}  // namespace schemas
}  // namespace mirin::ops
