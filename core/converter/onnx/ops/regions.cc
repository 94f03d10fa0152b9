// Pools over regions of interest.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Opset 10 did not shift by half a pixel; opset 16 does unless told otherwise.
absl::Status RoiAlign(OpContext& c) {
  const std::string mode = c.version() < 16
                               ? "output_half_pixel"
                               : c.String("coordinate_transformation_mode", "half_pixel");
  if (mode != "half_pixel" && mode != "output_half_pixel")
    return absl::InvalidArgumentError(
        absl::StrCat("coordinate_transformation_mode is '", mode, "'"));
  const Attrs attributes = {{"mode", c.String("mode", "avg")},
                            {"output_height", c.Int("output_height", 1)},
                            {"output_width", c.Int("output_width", 1)},
                            {"sampling_ratio", c.Int("sampling_ratio", 0)},
                            {"spatial_scale", c.Float("spatial_scale", 1)},
                            {"half_pixel", mode == "half_pixel"}};
  c.SetOutput(0, c.Op("RoiAlign", {c.input(0), c.input(1), c.input(2)}, attributes));
  return absl::OkStatus();
}

absl::Status MaxRoiPool(OpContext& c) {
  c.SetOutput(0, c.Op("RoiMaxPool", {c.input(0), c.input(1)},
                      {{"pooled_shape", c.Ints("pooled_shape")},
                       {"spatial_scale", c.Float("spatial_scale", 1)}}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
