#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Where(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c, 1));
  c.SetOutput(0, c.Op("Select", {c.input(0), c.input(1), c.input(2)}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
