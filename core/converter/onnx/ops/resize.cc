// Resize and its predecessor Upsample.
#include <algorithm>
#include <cmath>

#include "core/converter/onnx/ops/common.h"
#include "core/ops/infer.h"
#include "core/ops/resize_plan.h"

namespace mirin::onnx {
namespace {

using ops::ResizeAxis;
using ops::ResizeMode;
using ops::ResizeSpec;
using ops::ResizeTaps;

// What MindSpore's resizing of two axes computes.
struct Flags {
  bool align_corners, half_pixel_centers;
};

ResizeTaps MindSporeTaps(ResizeMode mode, Flags flags, const ResizeAxis& axis) {
  ResizeTaps taps;
  const auto in = static_cast<double>(axis.input), out = static_cast<double>(axis.output);
  for (int64_t i = 0; i < axis.output; ++i) {
    const auto at = static_cast<double>(i);
    double x = at * (in / out);
    if (flags.half_pixel_centers) x = (at + 0.5) * (in / out) - 0.5;
    if (flags.align_corners) x = axis.output == 1 ? 0 : at * (in - 1) / (out - 1);
    if (mode == ResizeMode::kNearest) {
      const double nearest =
          flags.align_corners || flags.half_pixel_centers ? std::floor(x + 0.5) : std::floor(x);
      taps.Add(std::clamp(static_cast<int64_t>(nearest), int64_t{0}, axis.input - 1), 1);
    } else {
      x = std::max(0.0, x);
      const int64_t low = std::min(static_cast<int64_t>(x), axis.input - 1);
      taps.Add(low, 1 - (x - static_cast<double>(low)));
      taps.Add(std::min(low + 1, axis.input - 1), x - static_cast<double>(low));
    }
    taps.begin.push_back(static_cast<int64_t>(taps.index.size()));
  }
  return taps;
}

bool SameTaps(const ResizeTaps& a, const ResizeTaps& b) {
  return a.begin == b.begin && a.index == b.index &&
         std::equal(a.weight.begin(), a.weight.end(), b.weight.begin(), b.weight.end(),
                    [](double u, double v) { return std::abs(u - v) < 1e-6; });
}

// MindSpore's own operator where it computes the same; null where there is none.
ir::Value* Standard(OpContext& c, const ResizeSpec& spec, ir::Value* x,
                    const std::vector<ResizeAxis>& plan) {
  if (plan.size() != 4 || !plan[0].identity() || !plan[1].identity() ||
      spec.mode == ResizeMode::kCubic || !IsFloat(x->type().dtype))
    return nullptr;
  if (spec.coordinates == ops::ResizeCoordinates::kTfCropAndResize) return nullptr;
  for (size_t a = 2; a < 4; ++a) {
    // Beyond this the operators refuse, and comparing the positions is no longer cheap.
    if (plan[a].input < 1 || plan[a].input > (1 << 16) || plan[a].output < 1 ||
        plan[a].output > (1 << 16))
      return nullptr;
  }
  const char* op =
      spec.mode == ResizeMode::kNearest ? "ResizeNearestNeighborV2" : "ResizeBilinearV2";
  for (const Flags flags : {Flags{false, false}, Flags{true, false}, Flags{false, true}}) {
    bool same = true;
    for (size_t a = 2; same && a < 4; ++a)
      same = SameTaps(MindSporeTaps(spec.mode, flags, plan[a]), ops::TapsOf(spec, plan[a]));
    if (!same) continue;
    return c.Op(
        op, {x, c.builder().Ints({plan[2].output, plan[3].output})},
        {{"align_corners", flags.align_corners}, {"half_pixel_centers", flags.half_pixel_centers}});
  }
  return nullptr;
}

bool IsEmpty(const ir::Value* v) {
  return v == GraphBuilder::Absent() || (v != nullptr && v->type().shape == Shape({0}));
}

// Operands may be GraphBuilder::Absent().
absl::Status Resized(OpContext& c, ir::Value* roi, ir::Value* scales, ir::Value* sizes,
                     const Attrs& attributes) {
  ir::Value* x = c.input(0);
  if (x == nullptr || scales == nullptr || sizes == nullptr || roi == nullptr)
    return absl::OkStatus();
  ir::Attributes named;
  for (const auto& [name, value] : attributes) named.Set(name, value);
  MIRIN_ASSIGN_OR_RETURN(const ResizeSpec spec, ops::ReadResize(named));
  if (IsEmpty(scales)) scales = GraphBuilder::Absent();
  if (IsEmpty(sizes)) sizes = GraphBuilder::Absent();
  if (spec.coordinates != ops::ResizeCoordinates::kTfCropAndResize) {
    roi = GraphBuilder::Absent();
  } else if (IsEmpty(roi)) {
    return absl::InvalidArgumentError("tf_crop_and_resize without a roi");
  }
  if ((scales == GraphBuilder::Absent()) == (sizes == GraphBuilder::Absent()))
    return absl::InvalidArgumentError("one of scales and sizes must be given");
  ir::Value* y = nullptr;
  const Tensor* factors =
      scales == GraphBuilder::Absent() ? nullptr : GraphBuilder::ValueOf(scales);
  const auto given = sizes == GraphBuilder::Absent() ? std::nullopt : GraphBuilder::IntsOf(sizes);
  if (x->type().shape.concrete() && (factors != nullptr || given.has_value())) {
    const std::vector<double> numbers =
        factors == nullptr ? std::vector<double>() : ops::NumbersOf(*factors);
    MIRIN_ASSIGN_OR_RETURN(const std::vector<ResizeAxis> plan,
                           ops::PlanResize(spec, x->type().shape.dims(), numbers,
                                           given.value_or(std::vector<int64_t>()), {}));
    const bool nothing =
        std::all_of(plan.begin(), plan.end(), [](const ResizeAxis& a) { return a.identity(); });
    y = nothing && roi == GraphBuilder::Absent() ? x : Standard(c, spec, x, plan);
  }
  c.SetOutput(0, y != nullptr ? y : c.Op("ResizeAxes", {x, roi, scales, sizes}, attributes));
  return absl::OkStatus();
}

// Before opset 11 there was one way to read positions; the standard's examples of then round up where an axis shrinks.
absl::Status Early(OpContext& c, ir::Value* scales) {
  std::string mode = c.String("mode", "nearest");
  if (mode == "bilinear") mode = "linear";  // Upsample of older exporters
  return Resized(c, GraphBuilder::Absent(), scales, GraphBuilder::Absent(),
                 {{"mode", mode},
                  {"coordinate_transformation_mode", std::string("asymmetric")},
                  {"nearest_mode", std::string("shrink_to_ceil")},
                  {"cubic_coeff_a", -0.75},
                  {"exclude_outside", false},
                  {"extrapolation_value", 0.0},
                  {"antialias", false},
                  {"axes", std::vector<int64_t>{}},
                  {"keep_aspect_ratio_policy", std::string("stretch")}});
}

}  // namespace

namespace translate {

absl::Status Resize(OpContext& c) {
  if (c.version() < 11) return Early(c, c.input(1));
  Attrs attributes = {
      {"mode", c.String("mode", "nearest")},
      {"coordinate_transformation_mode", c.String("coordinate_transformation_mode", "half_pixel")},
      {"nearest_mode", c.String("nearest_mode", "round_prefer_floor")},
      {"cubic_coeff_a", c.Float("cubic_coeff_a", -0.75)},
      {"exclude_outside", c.Bool("exclude_outside", false)},
      {"extrapolation_value", c.Float("extrapolation_value", 0)}};
  const bool newer = c.version() >= 18;
  attributes.insert(attributes.end(), {{"antialias", newer && c.Bool("antialias", false)},
                                       {"axes", newer ? c.Ints("axes") : std::vector<int64_t>()},
                                       {"keep_aspect_ratio_policy",
                                        newer ? c.String("keep_aspect_ratio_policy", "stretch")
                                              : std::string("stretch")}});
  return Resized(c, c.OptionalInput(1), c.OptionalInput(2), c.OptionalInput(3), attributes);
}

// The scales are an attribute before opset 9.
absl::Status Upsample(OpContext& c) {
  if (c.version() >= 9) return Early(c, c.input(1));
  const std::vector<double> scales = c.Floats("scales");
  const std::vector<float> floats(scales.begin(), scales.end());
  return Early(c, c.builder().Constant(
                      Tensor::FromValues<float>({static_cast<int64_t>(floats.size())}, floats)));
}

}  // namespace translate
}  // namespace mirin::onnx
