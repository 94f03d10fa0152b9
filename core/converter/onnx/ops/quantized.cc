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

ir::Value* SymmetricWeight(GraphBuilder& b, const ir::Value* weight, const ir::Value* zero) {
  const Tensor* q = GraphBuilder::ValueOf(weight);
  if (q == nullptr || (q->dtype() != DType::kInt8 && q->dtype() != DType::kUInt8)) return nullptr;
  const std::optional<std::vector<int64_t>> zeros =
      zero == nullptr ? std::vector<int64_t>{0} : GraphBuilder::IntsOf(zero);
  const int64_t middle = q->dtype() == DType::kInt8 ? 0 : 128;
  if (!zeros.has_value() ||
      std::any_of(zeros->begin(), zeros->end(), [&](int64_t z) { return z != middle; }))
    return nullptr;
  if (middle == 0) return const_cast<ir::Value*>(weight);
  absl::StatusOr<Tensor> made = Tensor::Allocate(DType::kInt8, q->dims());
  if (!made.ok()) return nullptr;
  for (int64_t i = 0; i < q->elements(); ++i)
    made->mutable_data_as<int8_t>()[i] = static_cast<int8_t>(q->data_as<uint8_t>()[i] ^ 0x80);
  return b.Constant(*std::move(made), weight->name());
}

ir::Value* ByteProduct(GraphBuilder& b, ir::Value* x, ir::Value* x_zero, ir::Value* w,
                       ir::Value* w_zero) {
  if (x == nullptr || w == nullptr || w->type().shape.rank() != 2) return nullptr;
  if (!x->type().shape.rank_known() || x->type().shape.rank() < 1) return nullptr;
  if (x_zero != nullptr &&
      (!x_zero->type().shape.concrete() || NumElements(x_zero->type().shape.dims()) != 1))
    return nullptr;
  ir::Value* weight = SymmetricWeight(b, w, w_zero);
  if (weight == nullptr) return nullptr;
  return b.Op("MatMulInteger", {x, weight, x_zero == nullptr ? GraphBuilder::Absent() : x_zero});
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

QuantizedOperands DequantizedOperands(OpContext& c, int weight, int axis) {
  GraphBuilder& b = c.builder();
  const auto elements = [&](int i) { return NumElements(c.shape(i).dims()); };
  for (const int i : {1, 2, weight, weight + 1, weight + 2, weight + 3, weight + 4}) {
    if (!c.has_input(i)) return {};
    if (GraphBuilder::ValueOf(c.input(i)) == nullptr) return {};
    if (i < weight && elements(i) != 1) return {};
    if (i > weight + 2 && elements(i) != 1) return {};
  }
  const Shape &shape = c.shape(weight), &scales = c.shape(weight + 1);
  if (c.dtype(1) != DType::kFloat32 || c.dtype(weight + 1) != DType::kFloat32 ||
      c.dtype(weight + 3) != DType::kFloat32 || shape.rank() <= axis || c.shape(0).rank() < 2)
    return {};
  const bool one_scale = elements(weight + 1) == 1;
  if (!one_scale && (scales.rank() != 1 || scales.dim(0) != shape.dim(axis))) return {};
  ir::Value* q = SymmetricWeight(b, c.input(weight), c.input(weight + 2));
  if (q == nullptr) return {};
  ir::Value* scale = one_scale ? AsScalar(b, c.input(weight + 1)) : c.input(weight + 1);
  return {b.Op("DequantizeLinear", {c.input(0), AsScalar(b, c.input(1)), AsScalar(b, c.input(2))}),
          b.Op("DequantizeLinear", {q, scale}, {{"axis", int64_t{axis}}})};
}

absl::Status SetQuantizedOutput(OpContext& c, ir::Value* y, int scale) {
  GraphBuilder& b = c.builder();
  c.SetOutput(
      0, b.Op("QuantizeLinear", {y, AsScalar(b, c.input(scale)), AsScalar(b, c.input(scale + 1))}));
  return absl::OkStatus();
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
