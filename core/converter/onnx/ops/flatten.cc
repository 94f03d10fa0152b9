#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Axes before `axis` as one, the others as one. It may be the rank; negative ones (opset 11) count from the rank.
absl::Status Flatten(OpContext& c) {
  int64_t axis = c.Int("axis", 1);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (axis < -rank || axis > rank) return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of a tensor of rank ", rank));
  if (axis < 0) axis += rank;
  c.SetOutput(0, rank == 0 ? c.builder().Reshape(c.input(0), {1, 1}) : c.Op("Flatten", {c.input(0)}, {{"axis", axis}}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
