// onnxruntime's matrix products.
#include "core/converter/onnx/ops/fused_activation.h"
#include "core/converter/onnx/ops/quantized.h"

namespace mirin::onnx {
namespace {

// The first axis goes behind the other batch axes: [K, a, b, .., N] is [a, b, .., K, N].
absl::StatusOr<ir::Value*> BatchTransposed(GraphBuilder& b, ir::Value* x, bool transpose) {
  if (x == nullptr || !transpose) return x;
  const int rank = x->type().shape.rank();
  if (rank < 2)
    return absl::InvalidArgumentError(absl::StrCat("transBatch of an operand of rank ", rank));
  std::vector<int64_t> perm;
  for (int i = 1; i + 1 < rank; ++i) perm.push_back(i);
  perm.push_back(0);
  perm.push_back(rank - 1);
  return b.Transpose(x, perm);
}

ir::Value* Product(GraphBuilder& b, ir::Value* x, ir::Value* y, bool transpose_x = false,
                   bool transpose_y = false) {
  if (x == nullptr || y == nullptr) return nullptr;
  const bool batched = x->type().shape.rank() > 2 || y->type().shape.rank() > 2;
  return b.Op(batched ? "BatchMatMul" : "MatMul", {x, y},
              {{"transpose_a", transpose_x}, {"transpose_b", transpose_y}});
}

absl::Status RequireMatrices(OpContext& c) {
  for (int i = 0; i < 2; ++i) {
    MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(i));
    if (rank < 2)
      return absl::InvalidArgumentError(
          absl::StrCat("input ", i, " has rank ", rank, ", expected 2 or more"));
  }
  return absl::OkStatus();
}

// (x - x_zero)(w - w_zero) in float32 by inputs, w_zero one number, or one a column.
ir::Value* ProductOfBytes(OpContext& c, ir::Value* x, ir::Value* x_zero, int w, int w_zero) {
  GraphBuilder& b = c.builder();
  ir::Value* zero = c.has_input(w_zero) ? c.input(w_zero) : nullptr;
  if (ir::Value* product = ByteProduct(b, x, x_zero, c.input(w), zero))
    return b.Cast(product, DType::kFloat32);
  return Product(b, Centred(b, x, x_zero, DType::kFloat32),
                 Centred(b, c.input(w), zero, DType::kFloat32));
}

}  // namespace

namespace translate {

absl::Status FusedMatMul(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  const double alpha = c.Float("alpha", 1);
  const bool batch_a = c.Bool("transBatchA", false), batch_b = c.Bool("transBatchB", false);
  MIRIN_ASSIGN_OR_RETURN(const int rank_a, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int rank_b, c.Rank(1));
  if (rank_a == 0 || rank_b == 0) return absl::InvalidArgumentError("a product takes no scalars");
  MIRIN_ASSIGN_OR_RETURN(ir::Value * x, BatchTransposed(b, c.input(0), batch_a));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, BatchTransposed(b, c.input(1), batch_b));
  // Vectors get an axis that the result loses; transposing them does nothing.
  std::vector<int64_t> axes;
  const bool transpose_a = c.Bool("transA", false) && rank_a > 1,
             transpose_b = c.Bool("transB", false) && rank_b > 1;
  if (rank_a == 1) {
    x = b.Unsqueeze(x, {0});
    axes.push_back(-2);
  }
  if (rank_b == 1) {
    y = b.Unsqueeze(y, {1});
    axes.push_back(-1);
  }
  ir::Value* z = b.Squeeze(Product(b, x, y, transpose_a, transpose_b), axes);
  c.SetOutput(0, alpha == 1 ? z : b.Mul(z, b.ScalarLike(alpha, z)));
  return absl::OkStatus();
}

absl::Status FusedGemm(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(Gemm(c));
  std::vector<double> parameters;
  for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (c.Has(name)) parameters.push_back(c.Float(name, 0));
  }
  if (!parameters.empty() && !c.Has("activation_alpha"))
    return Refuse("activation_beta without activation_alpha", "give both");
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, FusedActivation(c.builder(), c.outputs()[0].tensor,
                                                        c.String("activation", ""), parameters));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

// a_scale * b_scale * (A - a_zero_point) (B - b_zero_point) + bias
absl::Status MatMulIntegerToFloat(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_RETURN_IF_ERROR(RequireMatrices(c));
  for (const int i : {2, 4}) {
    if (!c.has_input(i)) continue;
    if (!c.shape(i).concrete() || NumElements(c.shape(i).dims()) != 1)
      return Refuse(absl::StrCat("input ", i, " of A is not one number"), "quantize A by tensor");
  }
  ir::Value* product = ProductOfBytes(c, c.input(0), c.has_input(4) ? c.input(4) : nullptr, 1, 5);
  const DType dtype = c.dtype(2);
  ir::Value* scale =
      b.Mul(b.Cast(AsScalar(b, c.input(2)), DType::kFloat32), b.Cast(c.input(3), DType::kFloat32));
  ir::Value* y = b.Mul(product, scale);
  if (c.has_input(6)) y = b.Add(y, b.Cast(c.input(6), DType::kFloat32));
  c.SetOutput(0, b.Cast(y, dtype));
  return absl::OkStatus();
}

// A is quantized to uint8 by its own range first.
absl::Status DynamicQuantizeMatMul(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_RETURN_IF_ERROR(RequireMatrices(c));
  if (c.dtype(0) != DType::kFloat32)
    return absl::InvalidArgumentError(
        absl::StrCat("A is ", Name(c.dtype(0)), ", expected float32"));
  const DynamicallyQuantized a = QuantizeDynamically(b, c.input(0));
  ir::Value* product = ProductOfBytes(c, a.y, a.zero, 1, 3);
  ir::Value* y = b.Mul(product, b.Mul(a.scale, c.input(2)));
  if (c.has_input(4)) y = b.Add(y, c.input(4));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
