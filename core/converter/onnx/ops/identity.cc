#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Identity(OpContext& c) {
  if (!c.has_input(0)) return absl::InvalidArgumentError("input 0 is missing");
  c.SetOutput(0, c.operand(0));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
