#include "core/converter/onnx/ops/window.h"

#include <algorithm>

namespace mirin::onnx {
namespace {

absl::StatusOr<AutoPad> ReadAutoPad(OpContext& c) {
  const std::string text = c.String("auto_pad", "NOTSET");
  if (text.empty() || text == "NOTSET") return AutoPad::kNotSet;
  if (text == "VALID") return AutoPad::kValid;
  if (text == "SAME_UPPER") return AutoPad::kSameUpper;
  if (text == "SAME_LOWER") return AutoPad::kSameLower;
  return absl::InvalidArgumentError(absl::StrCat("auto_pad is '", text, "'"));
}

// One number per axis, `fallback` when the attribute is absent.
absl::StatusOr<std::vector<int64_t>> PerAxis(OpContext& c, absl::string_view name, size_t n,
                                             int64_t fallback, int64_t at_least) {
  std::vector<int64_t> values = c.Ints(name);
  if (values.empty()) return std::vector<int64_t>(n, fallback);
  if (values.size() != n)
    return absl::InvalidArgumentError(
        absl::StrCat(name, " has ", values.size(), " numbers, expected ", n));
  for (const int64_t v : values) {
    if (v < at_least) return absl::InvalidArgumentError(absl::StrCat(name, " holds ", v));
  }
  return values;
}

}  // namespace

bool Window::HasPads() const {
  const auto any = [](const std::vector<int64_t>& pads) {
    return std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; });
  };
  return same() || any(before) || any(after);
}

void Window::LiftToTwo() {
  if (axes() != 1) return;
  for (std::vector<int64_t>* v : {&kernel, &strides, &dilations}) v->insert(v->begin(), 1);
  for (std::vector<int64_t>* v : {&before, &after}) v->insert(v->begin(), 0);
}

absl::StatusOr<Window> ReadWindow(OpContext& c, std::vector<int64_t> kernel, int axes) {
  const auto n = static_cast<size_t>(axes);
  Window w;
  MIRIN_ASSIGN_OR_RETURN(w.auto_pad, ReadAutoPad(c));
  MIRIN_ASSIGN_OR_RETURN(w.strides, PerAxis(c, "strides", n, 1, 1));
  MIRIN_ASSIGN_OR_RETURN(w.dilations, PerAxis(c, "dilations", n, 1, 1));
  MIRIN_ASSIGN_OR_RETURN(w.kernel, PerAxis(c, "kernel_shape", n, -1, 1));
  for (size_t i = 0; i < kernel.size(); ++i) {
    if (w.kernel[i] >= 0 && kernel[i] >= 0 && kernel[i] != w.kernel[i]) {
      return absl::InvalidArgumentError(absl::StrCat("kernel_shape[", i, "] is ", w.kernel[i],
                                                     " but the weight has ", kernel[i]));
    }
    if (w.kernel[i] < 0) w.kernel[i] = kernel[i];
  }
  if (kernel.empty() && w.kernel[0] < 0)
    return absl::InvalidArgumentError("attribute 'kernel_shape' is missing");
  MIRIN_ASSIGN_OR_RETURN(std::vector<int64_t> pads, PerAxis(c, "pads", 2 * n, 0, 0));
  if (w.auto_pad != AutoPad::kNotSet) pads.assign(2 * n, 0);
  w.before.assign(pads.begin(), pads.begin() + axes);
  w.after.assign(pads.begin() + axes, pads.end());
  return w;
}

absl::StatusOr<int> SpatialAxes(OpContext& c, int weight) {
  // Behind a branch that may squeeze, only the weight tells.
  MIRIN_ASSIGN_OR_RETURN(const int rank,
                         c.Rank(weight >= 0 && !c.shape(0).rank_known() ? weight : 0));
  if (rank < 3)
    return absl::InvalidArgumentError(
        absl::StrCat("input 0 has rank ", rank, ", it needs a batch, channels and spatial axes"));
  if (rank > 5)
    return Refuse(absl::StrCat("input 0 has ", rank - 2, " spatial axes"),
                  "at most three are supported");
  return rank - 2;
}

ir::Value* Lift(OpContext& c, ir::Value* x, int axes) {
  return axes == 1 ? c.builder().Unsqueeze(x, {2}) : x;
}
ir::Value* Lower(OpContext& c, ir::Value* x, int axes) {
  return axes == 1 ? c.builder().Squeeze(x, {2}) : x;
}

std::vector<int64_t> PadList(const std::vector<int64_t>& before,
                             const std::vector<int64_t>& after) {
  std::vector<int64_t> list;
  for (size_t i = 0; i < before.size(); ++i) {
    list.push_back(before[i]);
    list.push_back(after[i]);
  }
  return list;
}

Attrs PadAttributes(const Window& w, absl::Span<const int64_t> input) {
  if (w.auto_pad == AutoPad::kSameUpper) return {{"pad_mode", std::string("same")}};
  std::vector<int64_t> before = w.before, after = w.after;
  for (size_t i = 0; w.auto_pad == AutoPad::kSameLower && i < w.axes(); ++i) {
    // With a stride of one the padding does not depend on the size.
    if (w.kernel[i] < 0 || (input[i] < 0 && w.strides[i] != 1))
      return {{"pad_mode", std::string("same_lower")}};
    const int64_t size = std::max<int64_t>(input[i], 1),
                  steps = (size + w.strides[i] - 1) / w.strides[i];
    const int64_t total = std::max<int64_t>(0, (steps - 1) * w.strides[i] + w.extent(i) - size);
    after[i] = total / 2;
    before[i] = total - after[i];
  }
  std::vector<int64_t> list = PadList(before, after);
  if (std::all_of(list.begin(), list.end(), [](int64_t p) { return p == 0; }))
    return {{"pad_mode", std::string("valid")}};
  return {{"pad_mode", std::string("pad")}, {"pad_list", std::move(list)}};
}

absl::StatusOr<Attrs> ConvolutionAttributes(OpContext& c, int weight, int axes) {
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(weight));
  if (rank != axes + 2)
    return absl::InvalidArgumentError(
        absl::StrCat("the weight has rank ", rank, ", expected ", axes + 2));
  const Dims& dims = c.shape(weight).dims();
  MIRIN_ASSIGN_OR_RETURN(Window window, ReadWindow(c, {dims.begin() + 2, dims.end()}, axes));
  window.LiftToTwo();
  std::vector<int64_t> input(static_cast<size_t>(axes), -1);
  if (c.shape(0).rank_known()) input.assign(c.shape(0).dims().begin() + 2, c.shape(0).dims().end());
  if (axes == 1) input.insert(input.begin(), 1);
  Attrs attributes = PadAttributes(window, input);
  attributes.insert(
      attributes.end(),
      {{"stride", window.strides}, {"dilation", window.dilations}, {"group", c.Int("group", 1)}});
  return attributes;
}

}  // namespace mirin::onnx
