#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

absl::StatusOr<ir::Value*> MatrixProduct(GraphBuilder& b, ir::Value* x, ir::Value* y) {
  if (x == nullptr || y == nullptr) return nullptr;
  const Shape &left = x->type().shape, &right = y->type().shape;
  if (!left.rank_known() || !right.rank_known())
    return Refuse("the ranks of the matrices are not known at conversion",
                  "give the model's inputs a shape");
  if (left.rank() == 0 || right.rank() == 0)
    return absl::InvalidArgumentError("a product of matrices takes no scalars");
  std::vector<int64_t> axes;  // that the result loses
  if (left.rank() == 1) axes.push_back(-2);
  if (right.rank() == 1) axes.push_back(-1);
  const bool batched = left.rank() > 2 || right.rank() > 2;
  if (left.rank() == 1) x = b.Unsqueeze(x, {0});
  if (right.rank() == 1) y = b.Unsqueeze(y, {1});
  return b.Squeeze(b.Op(batched ? "BatchMatMul" : "MatMul", {x, y}), axes);
}

namespace translate {

absl::Status Det(OpContext& c) { return Unary(c, "MatrixDeterminant"); }

absl::Status MatMul(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * product, MatrixProduct(c.builder(), c.input(0), c.input(1)));
  c.SetOutput(0, product);
  return absl::OkStatus();
}

// alpha * A B + beta * C, of matrices that may be transposed; C broadcasts to the product.
absl::Status Gemm(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  GraphBuilder& b = c.builder();
  const double alpha = c.Float("alpha", 1), beta = c.Float("beta", 1);
  const DType dtype = c.dtype(0);
  for (int i = 0; i < 2; ++i) {
    const Shape& shape = c.shape(i);
    if (shape.rank_known() && shape.rank() != 2)
      return absl::InvalidArgumentError(
          absl::StrCat("input ", i, " has rank ", shape.rank(), ", expected 2"));
  }
  ir::Value* y =
      c.Op("MatMul", {c.input(0), c.input(1)},
           {{"transpose_a", c.Bool("transA", false)}, {"transpose_b", c.Bool("transB", false)}});
  ir::Value* bias = c.has_input(2) && beta != 0 ? c.input(2) : nullptr;
  // Factors of integers need not be whole.
  const bool exact = IsFloat(dtype) || (alpha == 1 && (beta == 1 || bias == nullptr));
  const auto scaled = [&](ir::Value* x, double factor) {
    if (!exact) x = b.Cast(x, DType::kFloat64);
    return factor == 1 ? x : b.Mul(x, b.ScalarLike(factor, x));
  };
  y = scaled(y, alpha);
  if (bias != nullptr) y = b.Add(y, scaled(bias, beta));
  c.SetOutput(0, b.Cast(y, dtype));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
