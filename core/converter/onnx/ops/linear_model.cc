// Linear models of ai.onnx.ml; results are float32.
#include "core/converter/onnx/ops/ml_scores.h"

namespace mirin::onnx {
namespace {

// X [samples, features] (or one sample) by rows of the attribute coefficients, plus intercepts.
absl::StatusOr<ir::Value*> Rows(OpContext& c, int64_t rows) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank != 1 && rank != 2)
    return absl::InvalidArgumentError(absl::StrCat("X has rank ", rank, ", expected 2"));
  const std::vector<double> coefficients = c.Floats("coefficients"),
                            intercepts = c.Floats("intercepts");
  const auto count = static_cast<int64_t>(coefficients.size());
  if (rows < 1 || count == 0 || count % rows != 0)
    return absl::InvalidArgumentError(absl::StrCat(count, " coefficients for ", rows, " rows"));
  if (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != rows)
    return absl::InvalidArgumentError(
        absl::StrCat(intercepts.size(), " intercepts for ", rows, " rows"));
  ir::Value* x = b.Cast(c.input(0), DType::kFloat32);
  if (rank == 1) x = b.Unsqueeze(x, {0});
  ir::Value* y =
      b.Op("MatMul", {x, b.Constant(FloatTensor(coefficients).Reshaped({rows, count / rows}))},
           {{"transpose_b", true}});
  return intercepts.empty() ? y : b.Add(y, b.Constant(FloatTensor(intercepts)));
}

}  // namespace

namespace translate {

absl::Status LinearRegressor(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, Rows(c, c.Int("targets", 1)));
  MIRIN_ASSIGN_OR_RETURN(y, PostTransform(c.builder(), y, c.String("post_transform", "NONE")));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

// One row for two classes scores the second; the first has what it lacks of 1.
absl::Status LinearClassifier(OpContext& c) {
  GraphBuilder& b = c.builder();
  c.Ignore("multi_class");  // tells how the model was trained
  const auto classes = static_cast<int64_t>(
      std::max(c.Strings("classlabels_strings").size(), c.Ints("classlabels_ints").size()));
  const auto rows = static_cast<int64_t>(c.Floats("intercepts").size());
  if (classes < 2)
    return Refuse(absl::StrCat(classes, " class labels"), "give a label for each class");
  if (rows != classes && rows != 1)
    return Refuse(absl::StrCat(rows, " intercepts for ", classes, " classes"),
                  "give one for each class");
  if (rows == 1 && classes != 2)
    return absl::InvalidArgumentError(
        absl::StrCat("one row of coefficients for ", classes, " classes"));
  const std::string transform = c.String("post_transform", "NONE");
  if (rows == 1 && transform != "LOGISTIC")
    return Refuse(absl::StrCat("post_transform ", transform, " of one row for two classes"),
                  "use LOGISTIC: runtimes differ in the others");
  MIRIN_ASSIGN_OR_RETURN(ir::Value * scores, Rows(c, rows));
  if (rows == 1) scores = b.Concat({b.Op("Neg", {scores}), scores}, -1);
  MIRIN_ASSIGN_OR_RETURN(ir::Value * label,
                         TopLabel(c, scores, "classlabels_strings", "classlabels_ints"));
  c.SetOutput(0, label);
  MIRIN_ASSIGN_OR_RETURN(scores, PostTransform(b, scores, transform));
  c.SetOutput(1, scores);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
