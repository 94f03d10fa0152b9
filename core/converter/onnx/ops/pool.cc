// Pools over windows and over whole planes.
#include <cmath>

#include "core/converter/onnx/ops/window.h"

namespace mirin::onnx {
namespace {

struct Pool {
  int axes = 0;
  ir::Value* x = nullptr;  // lifted to two axes at least
  Attrs attributes;
};

// Reads the window; the operator's own attributes are the caller's.
absl::StatusOr<Pool> ReadPool(OpContext& c) {
  Pool p;
  MIRIN_ASSIGN_OR_RETURN(p.axes, SpatialAxes(c));
  MIRIN_ASSIGN_OR_RETURN(Window window, ReadWindow(c, {}, p.axes));
  window.LiftToTwo();
  const bool ceil_mode = c.Bool("ceil_mode", false);
  p.x = Lift(c, c.input(0), p.axes);
  if (p.x == nullptr) return p;
  p.attributes = PadAttributes(window, absl::MakeConstSpan(p.x->type().shape.dims()).subspan(2));
  p.attributes.insert(p.attributes.end(), {{"kernel_size", window.kernel},
                                           {"strides", window.strides},
                                           {"round_mode", int64_t{ceil_mode ? 1 : 0}}});
  if (window.dilations != std::vector<int64_t>(window.axes(), 1))
    p.attributes.emplace_back("dilations", window.dilations);
  return p;
}

absl::Status RequirePlanes(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  return rank >= 3
             ? absl::OkStatus()
             : absl::InvalidArgumentError(absl::StrCat(
                   "input 0 has rank ", rank, ", it needs a batch, channels and spatial axes"));
}

// Reduces all spatial axes to one.
absl::Status Global(OpContext& c, absl::string_view op) {
  MIRIN_RETURN_IF_ERROR(RequirePlanes(c));
  std::vector<int64_t> axes;
  for (int i = 2; i < c.shape(0).rank(); ++i) axes.push_back(i);
  c.SetOutput(0, c.Op(op, {c.input(0), c.builder().Ints(axes)}, {{"keep_dims", true}}));
  return absl::OkStatus();
}

ir::Value* Power(OpContext& c, ir::Value* x, double exponent) {
  if (exponent == 1) return x;
  if (exponent == 2) return c.Op("Square", {x});
  if (exponent == 0.5) return c.Op("Sqrt", {x});
  return c.Op("Pow", {x, c.builder().ScalarLike(exponent, x)});
}

absl::StatusOr<double> ReadNorm(OpContext& c) {
  const int64_t p = c.Int("p", 2);
  if (p < 1) return absl::InvalidArgumentError(absl::StrCat("p is ", p));
  return static_cast<double>(p);
}

// Sums of powers leave the range of narrow floats: those are worked out in float32.
DType Wide(DType dtype) { return SizeOf(dtype) < 4 ? DType::kFloat32 : dtype; }

}  // namespace

namespace translate {

absl::Status AveragePool(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(Pool p, ReadPool(c));
  const bool count_pads = c.Bool("count_include_pad", false);
  p.attributes.insert(p.attributes.end(),
                      {{"count_include_pad", count_pads}, {"count_overhang", !count_pads}});
  c.SetOutput(0,
              Lower(c, c.Op(p.axes == 3 ? "AvgPool3D" : "AvgPool", {p.x}, p.attributes), p.axes));
  return absl::OkStatus();
}

absl::Status MaxPool(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(Pool p, ReadPool(c));
  const bool column_major = c.Bool("storage_order", false);
  if (!c.wants(1)) {
    c.SetOutput(0,
                Lower(c, c.Op(p.axes == 3 ? "MaxPool3D" : "MaxPool", {p.x}, p.attributes), p.axes));
    return absl::OkStatus();
  }
  p.attributes.emplace_back("column_major", column_major);
  const std::vector<ir::Value*> results = c.Ops("MaxPoolWithIndices", {p.x}, p.attributes);
  for (size_t i = 0; i < results.size(); ++i)
    c.SetOutput(static_cast<int>(i), Lower(c, results[i], p.axes));
  return absl::OkStatus();
}

// (sum of |x|^p over the window) ^ (1/p); padding adds nothing.
absl::Status LpPool(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(Pool p, ReadPool(c));
  MIRIN_ASSIGN_OR_RETURN(const double exponent, ReadNorm(c));
  if (p.x == nullptr) return absl::OkStatus();
  double taps = 1;
  for (const int64_t k : c.Ints("kernel_shape")) taps *= static_cast<double>(k);
  // The average over all taps, padding and overhang included, times their number.
  p.attributes.emplace_back("count_include_pad", true);
  GraphBuilder& b = c.builder();
  ir::Value* powers = Power(c, c.Op("Abs", {b.Cast(p.x, Wide(c.dtype(0)))}), exponent);
  ir::Value* mean = c.Op(p.axes == 3 ? "AvgPool3D" : "AvgPool", {powers}, p.attributes);
  ir::Value* norm = Power(c, b.Mul(mean, b.ScalarLike(taps, mean)), 1 / exponent);
  c.SetOutput(0, Lower(c, b.Cast(norm, c.dtype(0)), p.axes));
  return absl::OkStatus();
}

absl::Status GlobalAveragePool(OpContext& c) { return Global(c, "ReduceMean"); }
absl::Status GlobalMaxPool(OpContext& c) { return Global(c, "ReduceMax"); }

absl::Status GlobalLpPool(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequirePlanes(c));
  MIRIN_ASSIGN_OR_RETURN(const double exponent, ReadNorm(c));
  std::vector<int64_t> axes;
  for (int i = 2; i < c.shape(0).rank(); ++i) axes.push_back(i);
  GraphBuilder& b = c.builder();
  ir::Value* powers = Power(c, c.Op("Abs", {b.Cast(c.input(0), Wide(c.dtype(0)))}), exponent);
  ir::Value* sum = c.Op("ReduceSum", {powers, b.Ints(axes)}, {{"keep_dims", true}});
  c.SetOutput(0, b.Cast(Power(c, sum, 1 / exponent), c.dtype(0)));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
