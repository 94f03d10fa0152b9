#include "core/converter/onnx/ops/ml_scores.h"

#include <cmath>

namespace mirin::onnx {

absl::StatusOr<ir::Value*> PostTransform(GraphBuilder& b, ir::Value* x,
                                         const std::string& transform) {
  if (transform == "NONE") return x;
  if (transform == "SOFTMAX") return b.Op("Softmax", {x}, {{"axis", -1}});
  if (transform == "LOGISTIC") return b.Op("Sigmoid", {x});
  if (transform == "PROBIT")
    return b.Mul(b.ScalarLike(std::sqrt(2.0), x),
                 b.Op("Erfinv", {b.Sub(b.Mul(x, b.ScalarLike(2, x)), b.ScalarLike(1, x))}));
  if (transform == "SOFTMAX_ZERO") return Refuse("post_transform SOFTMAX_ZERO", "use SOFTMAX");
  return absl::InvalidArgumentError(absl::StrCat("unknown post_transform '", transform, "'"));
}

Tensor FloatTensor(const std::vector<double>& values) {
  const std::vector<float> floats(values.begin(), values.end());
  return Tensor::FromValues<float>({static_cast<int64_t>(floats.size())}, floats);
}

absl::StatusOr<ir::Value*> TopLabel(OpContext& c, ir::Value* scores, const char* strings,
                                    const char* ints) {
  GraphBuilder& b = c.builder();
  const std::vector<std::string> texts = c.Strings(strings);
  const std::vector<int64_t> numbers = c.Ints(ints);
  if (texts.empty() == numbers.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("one of ", strings, " and ", ints, " is needed"));
  ir::Value* top = b.Op("Argmax", {scores}, {{"axis", -1}, {"output_type", DType::kInt64}});
  if (texts.empty()) return b.Op("Gather", {b.Ints(numbers), top});
  return b.Op("LookUp", {top, Counting(b, static_cast<int64_t>(texts.size()))},
              {{"value_texts", texts}});
}

}  // namespace mirin::onnx
