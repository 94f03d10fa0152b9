#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status NonMaxSuppression(OpContext& c) {
  const Attrs attributes = {{"center_point_box", c.Bool("center_point_box", false)}};
  c.SetOutput(
      0, c.Op("NonMaxSuppression",
              {c.input(0), c.input(1), c.OptionalInput(2), c.OptionalInput(3), c.OptionalInput(4)},
              attributes));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
