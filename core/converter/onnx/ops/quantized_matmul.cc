// Matrix products of 8-bit operands.
#include <algorithm>

#include "core/converter/onnx/ops/quantized.h"

namespace mirin::onnx {
namespace {

// More pieces than this cost more than they gain.
constexpr int64_t kMostPieces = 64;

// A scale or zero point of a matrix: one for all, one per row (which gets an axis for the columns), or ready to broadcast.
ir::Value* PerRow(OpContext& c, int i) {
  if (!c.has_input(i)) return nullptr;
  const Shape& shape = c.shape(i);
  if (!shape.rank_known() || shape.rank() != 1) return c.input(i);
  return shape.dim(0) == 1 ? AsScalar(c.builder(), c.input(i))
                           : c.builder().Unsqueeze(c.input(i), {1});
}

// The same per column, where one axis is enough.
ir::Value* PerColumn(OpContext& c, int i) { return c.has_input(i) ? c.input(i) : nullptr; }

// (x - x_zero)(y - y_zero) in int32, as numpy.matmul. Exact: in float32 by pieces of the inner axis that cannot round.
absl::StatusOr<ir::Value*> IntegerProduct(GraphBuilder& b, ir::Value* x, ir::Value* x_zero,
                                          ir::Value* y, ir::Value* y_zero) {
  if (x == nullptr || y == nullptr) return b.status();
  if (ir::Value* product = ByteProduct(b, x, x_zero, y, y_zero)) return product;
  const Shape& shape = x->type().shape;
  const int64_t depth = shape.rank_known() && shape.rank() > 0 ? shape.dim(shape.rank() - 1) : -1;
  const int64_t terms = ExactTerms(x, x_zero, y, y_zero);
  if (depth < 0 || depth > terms * kMostPieces) {
    return MatrixProduct(b, Centred(b, x, x_zero, DType::kInt32),
                         Centred(b, y, y_zero, DType::kInt32));
  }
  ir::Value* left = Centred(b, x, x_zero, DType::kFloat32);
  ir::Value* right = Centred(b, y, y_zero, DType::kFloat32);
  if (right == nullptr) return b.status();
  const int64_t inner =
      right->type().shape.rank_known() && right->type().shape.rank() == 1 ? -1 : -2;
  ir::Value* sum = nullptr;
  for (int64_t at = 0; at < depth || sum == nullptr; at += terms) {
    const bool whole = depth <= terms;
    ir::Value* part_left = whole ? left : b.SliceAxis(left, -1, at, std::min(depth, at + terms));
    ir::Value* part_right =
        whole ? right : b.SliceAxis(right, inner, at, std::min(depth, at + terms));
    MIRIN_ASSIGN_OR_RETURN(ir::Value * part, MatrixProduct(b, part_left, part_right));
    part = b.Cast(part, DType::kInt32);
    sum = sum == nullptr ? part : b.Add(sum, part);
    if (!b.status().ok()) return b.status();
  }
  return sum;
}

}  // namespace

namespace translate {

absl::Status MatMulInteger(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, IntegerProduct(c.builder(), c.input(0), PerRow(c, 2),
                                                       c.input(1), PerColumn(c, 3)));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

// Operands: a, its scale and zero point, b, its, the scale and zero point of the result.
absl::Status QLinearMatMul(OpContext& c) {
  GraphBuilder& b = c.builder();
  if (c.shape(3).rank() == 2) {
    if (const QuantizedOperands q = DequantizedOperands(c, 3, 1); q.weight != nullptr) {
      MIRIN_ASSIGN_OR_RETURN(ir::Value * y, MatrixProduct(b, q.x, q.weight));
      return SetQuantizedOutput(c, y, 6);
    }
  }
  MIRIN_ASSIGN_OR_RETURN(ir::Value * sum,
                         IntegerProduct(b, c.input(0), PerRow(c, 2), c.input(3), PerColumn(c, 5)));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y_scale, OneNumber(c, 6, "the scale of the result"));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y_zero, OneNumber(c, 7, "the zero point of the result"));
  ir::Value* scale =
      b.Mul(b.Cast(PerRow(c, 1), DType::kFloat32), b.Cast(c.input(4), DType::kFloat32));
  scale = b.Op("RealDiv", {scale, b.Cast(y_scale, DType::kFloat32)});
  c.SetOutput(0, Requantized(b, sum, scale, y_zero));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
