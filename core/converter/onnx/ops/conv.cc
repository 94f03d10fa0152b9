#include "core/converter/onnx/ops/window.h"

namespace mirin::onnx::translate {

absl::Status Conv(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  MIRIN_ASSIGN_OR_RETURN(const int axes, SpatialAxes(c));
  MIRIN_ASSIGN_OR_RETURN(const int weight_rank, c.Rank(1));
  if (weight_rank != axes + 2) return absl::InvalidArgumentError(absl::StrCat("the weight has rank ", weight_rank, ", expected ", axes + 2));
  const Dims& weight = c.shape(1).dims();
  MIRIN_ASSIGN_OR_RETURN(Window window, ReadWindow(c, {weight.begin() + 2, weight.end()}, axes));
  window.LiftToTwo();
  ir::Value* x = Lift(c, c.input(0), axes);
  ir::Value* w = Lift(c, c.input(1), axes);
  if (x == nullptr || w == nullptr) return absl::OkStatus();
  Attrs attributes = PadAttributes(window, absl::MakeConstSpan(x->type().shape.dims()).subspan(2));
  attributes.insert(attributes.end(), {{"stride", window.strides}, {"dilation", window.dilations}, {"group", c.Int("group", 1)}});
  ir::Value* y = c.Op(axes == 3 ? "Conv3D" : "Conv2D", {x, w}, attributes);
  if (c.has_input(2)) y = c.Op("BiasAdd", {y, c.input(2)});
  c.SetOutput(0, Lower(c, y, axes));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
