#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Concat(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int64_t axis, c.RequiredInt("axis"));
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  c.SetOutput(0, c.builder().Concat(c.inputs(), axis));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
