#include "core/converter/onnx/ops/quantized.h"

#include <algorithm>
#include <limits>

namespace mirin::onnx {
namespace {

struct Range {
  int64_t low = 0, high = 0;
};

Range RangeOf(DType dtype) {
  return VisitDType(
      dtype,
      [](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T> && sizeof(T) < sizeof(int64_t)) {
          return Range{std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
        } else {
          return Range{-(int64_t{1} << 31), int64_t{1} << 31};
        }
      },
      Range());
}

// The most that |x - zero| can be.
int64_t LargestDistance(const ir::Value* x, const ir::Value* zero) {
  const Range range = RangeOf(x->type().dtype);
  std::vector<int64_t> zeros = {0};
  if (zero != nullptr)
    zeros = GraphBuilder::IntsOf(zero).value_or(std::vector<int64_t>{range.low, range.high});
  int64_t most = 1;
  for (const int64_t z : zeros) most = std::max({most, z - range.low, range.high - z});
  return most;
}

}  // namespace

ir::Value* Centred(GraphBuilder& b, ir::Value* x, ir::Value* zero, DType dtype) {
  ir::Value* wide = b.Cast(x, dtype);
  return zero == nullptr ? wide : b.Sub(wide, b.Cast(zero, dtype));
}

int64_t ExactTerms(const ir::Value* x, const ir::Value* x_zero, const ir::Value* y,
                   const ir::Value* y_zero) {
  return (int64_t{1} << 24) / (LargestDistance(x, x_zero) * LargestDistance(y, y_zero));
}

ir::Value* Requantized(GraphBuilder& b, ir::Value* sum, ir::Value* scale, ir::Value* zero) {
  if (sum == nullptr || zero == nullptr) return nullptr;
  const Range range = RangeOf(zero->type().dtype);
  const auto number = [&](int64_t v) { return b.Scalar(static_cast<double>(v), DType::kFloat32); };
  ir::Value* y = b.Op("Rint", {b.Mul(b.Cast(sum, DType::kFloat32), scale)});
  y = b.Add(y, b.Cast(zero, DType::kFloat32));
  y = b.Op("Minimum", {b.Op("Maximum", {y, number(range.low)}), number(range.high)});
  return b.Cast(y, zero->type().dtype);
}

absl::StatusOr<ir::Value*> OneNumber(OpContext& c, int i, absl::string_view what) {
  const Shape& shape = c.shape(i);
  if (shape.concrete() && NumElements(shape.dims()) != 1) {
    return Refuse(absl::StrCat(what, " has shape ", ToString(shape)),
                  absl::StrCat("make ", what, " one number"));
  }
  return AsScalar(c.builder(), c.input(i));
}

}  // namespace mirin::onnx
