// Small operators of ai.onnx.ml on features.
#include <cmath>

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Columns of the last axis; a vector gives one row.
absl::Status ArrayFeatureExtractor(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank == 0) return absl::InvalidArgumentError("X has no axis");
  ir::Value* x = rank == 1 ? b.Unsqueeze(c.input(0), {0}) : c.input(0);
  c.SetOutput(0, c.Op("Gather", {x, b.Reshape(c.input(1), {-1})}, {{"axis", -1}}));
  return absl::OkStatus();
}

absl::Status Binarizer(OpContext& c) {
  GraphBuilder& b = c.builder();
  const DType dtype = c.dtype(0);
  double threshold = c.Float("threshold", 0);
  if (IsInt(dtype)) threshold = std::floor(threshold);
  c.SetOutput(0, b.Cast(c.Op("Greater", {c.input(0), b.Scalar(threshold, dtype)}), dtype));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
