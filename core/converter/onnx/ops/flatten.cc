#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Axes before `axis` as one, the others as one. It may be the rank; negative ones (opset 11) count from the rank.
absl::Status Flatten(OpContext& c) {
  int64_t axis = c.Int("axis", 1);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (axis < -rank || axis > rank)
    return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of a tensor of rank ", rank));
  if (axis < 0) axis += rank;
  const auto product = [&](int64_t begin, int64_t end) {  // -1 when not known
    int64_t all = 1;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t dim = c.input(0)->type().shape.dim(static_cast<int>(i));
      all = dim < 0 || all < 0 ? -1 : all * dim;
    }
    return all;
  };
  // MindSpore's Flatten keeps the first axis, and that alone.
  const int64_t rows = product(0, axis), columns = product(axis, rank);
  if (rank > 0 && (axis == 1 || (rows < 0 && columns < 0) || rows == 0 || columns == 0)) {
    c.SetOutput(0, c.Op("Flatten", {c.input(0)}, {{"axis", axis}}));
  } else {
    c.SetOutput(0, c.builder().Reshape(c.input(0), {rows, columns}));
  }
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
