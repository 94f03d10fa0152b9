#include "core/converter/onnx/ops/window.h"

namespace mirin::onnx::translate {

absl::Status Conv(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  MIRIN_ASSIGN_OR_RETURN(const int axes, SpatialAxes(c, 1));
  MIRIN_ASSIGN_OR_RETURN(const Attrs attributes, ConvolutionAttributes(c, 1, axes));
  ir::Value* y = c.Op(axes == 3 ? "Conv3D" : "Conv2D",
                      {Lift(c, c.input(0), axes), Lift(c, c.input(1), axes)}, attributes);
  if (c.has_input(2)) y = c.Op("BiasAdd", {y, c.input(2)});
  c.SetOutput(0, Lower(c, y, axes));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
