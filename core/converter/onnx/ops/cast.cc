#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Cast(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequiredInt("to").status());
  MIRIN_ASSIGN_OR_RETURN(const DType to, DTypeAttribute(c, "to", DType::kUnknown));
  // Opsets 19 and 24 added these for 8-bit floats, which DTypeAttribute refuses.
  c.Ignore("saturate");
  c.Ignore("round_mode");
  c.SetOutput(0, c.builder().Cast(c.input(0), to));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
