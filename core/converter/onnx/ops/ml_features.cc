// Small operators of ai.onnx.ml on features.
#include <cmath>

#include "core/converter/onnx/ops/ml_scores.h"

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

// Rows by their greatest number, or by the length of the row; rows of zeros stay.
absl::Status Normalizer(OpContext& c) {
  GraphBuilder& b = c.builder();
  const std::string norm = c.String("norm", "MAX");
  ir::Value* x = b.Cast(c.input(0), DType::kFloat32);
  const auto reduce = [&](absl::string_view op, ir::Value* v) {
    return b.Op(op, {v, b.Ints({-1})}, {{"keep_dims", true}});
  };
  ir::Value* length = nullptr;
  if (norm == "MAX") {
    length = reduce("ReduceMax", x);
  } else if (norm == "L1") {
    length = reduce("ReduceSum", c.Op("Abs", {x}));
  } else if (norm == "L2") {
    length = c.Op("Sqrt", {reduce("ReduceSum", c.Op("Square", {x}))});
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown norm '", norm, "'"));
  }
  ir::Value* divisor =
      c.Op("Select", {c.Op("Equal", {length, b.ScalarLike(0, x)}), b.ScalarLike(1, x), length});
  c.SetOutput(0, c.Op("RealDiv", {x, divisor}));
  return absl::OkStatus();
}

// (x - offset) * scale, one of each or one a feature.
absl::Status Scaler(OpContext& c) {
  GraphBuilder& b = c.builder();
  const std::vector<double> scale = c.Floats("scale"), offset = c.Floats("offset");
  if (scale.empty() || offset.empty())
    return absl::InvalidArgumentError("scale and offset are needed");
  ir::Value* x = b.Cast(c.input(0), DType::kFloat32);
  c.SetOutput(0, b.Mul(b.Sub(x, b.Constant(FloatTensor(offset))), b.Constant(FloatTensor(scale))));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
