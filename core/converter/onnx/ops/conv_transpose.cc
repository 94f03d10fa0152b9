#include <algorithm>

#include "core/converter/onnx/ops/window.h"

namespace mirin::onnx {
namespace {

// What the IR needs to know of one transposed convolution: out = (in - 1) * stride + extent - before - after + extra.
struct Plan {
  std::vector<int64_t> before, after, extra;
};

absl::StatusOr<Plan> WithoutOutputShape(const Window& w,
                                        const std::vector<int64_t>& output_padding) {
  Plan plan{w.before, w.after, output_padding};
  for (size_t i = 0; w.same() && i < w.axes(); ++i) {
    // Padded such that out = in * stride, whatever the input's size.
    const int64_t total = w.extent(i) - w.strides[i] + output_padding[i];
    if (w.kernel[i] < 0)
      return Refuse("auto_pad SAME with a kernel size that is not known at conversion",
                    "give kernel_shape");
    if (total < 0)
      return Refuse("auto_pad SAME with a stride larger than the window",
                    "give pads and output_padding");
    plan.before[i] = w.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    plan.after[i] = total - plan.before[i];
  }
  return plan;
}

// The padding that cuts the whole result to `output`.
absl::StatusOr<Plan> ForOutputShape(const Window& w, const std::vector<int64_t>& output_padding,
                                    const std::vector<int64_t>& output,
                                    absl::Span<const int64_t> input) {
  Plan plan{w.before, w.after, output_padding};
  for (size_t i = 0; i < w.axes(); ++i) {
    if (input[i] < 0 || w.kernel[i] < 0)
      return Refuse("output_shape with an input or kernel size that is not known at conversion",
                    "give the model's inputs a shape, or export with pads");
    const int64_t total =
        (input[i] - 1) * w.strides[i] + output_padding[i] + w.extent(i) - output[i];
    // One more than the window covers is a row of zeros behind; where more than one would go is not agreed on.
    if (total < -1 || (total == -1 && w.strides[i] == 1))
      return Refuse(
          absl::StrCat("output_shape[", i, "] is ", output[i], ", more than the window covers"),
          "give output_padding");
    plan.before[i] = total < 0                           ? 0
                     : w.auto_pad == AutoPad::kSameUpper ? total / 2
                                                         : total - total / 2;
    plan.after[i] = std::max<int64_t>(total, 0) - plan.before[i];
    if (total < 0) ++plan.extra[i];
  }
  return plan;
}

absl::StatusOr<Plan> MakePlan(OpContext& c, const Window& w, absl::Span<const int64_t> input) {
  std::vector<int64_t> output_padding = c.Ints("output_padding"), output = c.Ints("output_shape");
  if (output_padding.empty()) output_padding.assign(w.axes(), 0);
  if (output_padding.size() != w.axes())
    return absl::InvalidArgumentError(absl::StrCat("output_padding has ", output_padding.size(),
                                                   " numbers, expected ", w.axes()));
  for (const int64_t p : output_padding) {
    if (p < 0) return absl::InvalidArgumentError(absl::StrCat("output_padding holds ", p));
  }
  if (output.empty()) return WithoutOutputShape(w, output_padding);
  // Some exporters put the batch and the channels in front.
  if (output.size() == w.axes() + 2) output.erase(output.begin(), output.begin() + 2);
  if (output.size() != w.axes())
    return absl::InvalidArgumentError(
        absl::StrCat("output_shape has ", output.size(), " numbers, expected ", w.axes()));
  return ForOutputShape(w, output_padding, output, input);
}

// The shape of the result, which MindSpore's primitive wants; Absent() while a size is open.
ir::Value* OutputSize(OpContext& c, const Window& w, const Plan& plan, const Shape& x,
                      const Shape& weight, int64_t group) {
  if (!x.concrete() || !weight.concrete()) return GraphBuilder::Absent();
  std::vector<int64_t> size = {x.dim(0), weight.dim(1) * group};
  for (size_t i = 0; i < w.axes(); ++i) {
    const int64_t in = x.dim(static_cast<int>(i) + 2);
    size.push_back((in == 0 ? 0 : (in - 1) * w.strides[i] + w.extent(i)) - plan.before[i] -
                   plan.after[i] + plan.extra[i]);
  }
  return c.builder().Ints(size);
}

}  // namespace

namespace translate {

absl::Status ConvTranspose(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  MIRIN_ASSIGN_OR_RETURN(const int axes, SpatialAxes(c));
  MIRIN_ASSIGN_OR_RETURN(const int weight_rank, c.Rank(1));
  if (weight_rank != axes + 2)
    return absl::InvalidArgumentError(
        absl::StrCat("the weight has rank ", weight_rank, ", expected ", axes + 2));
  const Dims& weight = c.shape(1).dims();
  MIRIN_ASSIGN_OR_RETURN(Window window, ReadWindow(c, {weight.begin() + 2, weight.end()}, axes));
  MIRIN_ASSIGN_OR_RETURN(Plan plan,
                         MakePlan(c, window, absl::MakeConstSpan(c.shape(0).dims()).subspan(2)));
  window.LiftToTwo();
  if (axes == 1) {
    for (std::vector<int64_t>* v : {&plan.before, &plan.after, &plan.extra})
      v->insert(v->begin(), 0);
  }
  const int64_t group = c.Int("group", 1);
  const Attrs attributes = {{"pad_mode", std::string("pad")},
                            {"pad_list", PadList(plan.before, plan.after)},
                            {"stride", window.strides},
                            {"dilation", window.dilations},
                            {"group", group},
                            {"output_paddings", plan.extra}};
  ir::Value* x = Lift(c, c.input(0), axes);
  ir::Value* w = Lift(c, c.input(1), axes);
  if (x == nullptr || w == nullptr) return absl::OkStatus();
  ir::Value* y =
      axes == 3 ? c.Op("Conv3DTranspose", {x, w}, attributes)
                : c.Op("Conv2DTranspose",
                       {x, w, OutputSize(c, window, plan, x->type().shape, w->type().shape, group)},
                       attributes);
  if (c.has_input(2)) y = c.Op("BiasAdd", {y, c.input(2)});
  c.SetOutput(0, Lower(c, y, axes));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
