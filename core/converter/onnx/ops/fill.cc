// Tensors made from numbers.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {
namespace {

// int64[n] 0, 1 .. n-1 for a computed n (int64[]).
ir::Value* CountTo(GraphBuilder& b, ir::Value* n) { return b.Op("Range", {b.Int(0), n, b.Int(1)}); }

// bool[n,m]: where column - row compares with k.
ir::Value* Diagonals(GraphBuilder& b, absl::string_view compare, ir::Value* n, ir::Value* m,
                     ir::Value* k) {
  return b.Op(compare,
              {b.Sub(b.Unsqueeze(CountTo(b, m), {0}), b.Unsqueeze(CountTo(b, n), {1})), k});
}

}  // namespace

absl::Status ConstantOfShape(OpContext& c) {
  GraphBuilder& b = c.builder();
  Tensor value = Tensor::Scalar<float>(0);
  if (const Tensor* given = c.TensorAttribute("value")) {
    if (given->elements() != 1)
      return absl::InvalidArgumentError(
          absl::StrCat("its value has ", given->elements(), " elements"));
    value = given->Reshaped({});
  }
  c.SetOutput(0, c.Op("FillV2", {IntsOperand(c, 0), b.Constant(std::move(value))}));
  return absl::OkStatus();
}

// start, start + delta .. below limit. 16-bit floats are counted in the dtype of stash_type (opset 27).
absl::Status Range(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  const int64_t stash = c.Int("stash_type", 1);
  const DType dtype = c.dtype(0);
  const bool narrow = dtype == DType::kFloat16 || dtype == DType::kBFloat16;
  if (narrow && stash != 1 && stash != 11)
    return absl::InvalidArgumentError(absl::StrCat("stash_type ", stash));
  std::vector<ir::Value*> numbers;
  for (int i = 0; i < 3; ++i)
    numbers.push_back(AsScalar(
        b, b.Cast(c.input(i), narrow ? (stash == 1 ? DType::kFloat32 : DType::kFloat64) : dtype)));
  c.SetOutput(0, b.Cast(c.Op("Range", numbers), dtype));
  return absl::OkStatus();
}

// Ones on diagonal k of a matrix that is shaped like the input.
absl::Status EyeLike(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const DType dtype, DTypeAttribute(c, "dtype", c.dtype(0)));
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank != 2)
    return absl::InvalidArgumentError(absl::StrCat("the input has rank ", rank, ", expected 2"));
  ir::Value *n = b.DimOf(c.input(0), 0), *m = b.DimOf(c.input(0), 1);
  const int64_t k = c.Int("k", 0);
  c.SetOutput(0, k == 0 ? c.Op("Eye", {n, m}, {{"dtype", dtype}})
                        : b.Cast(Diagonals(b, "Equal", n, m, b.Int(k)), dtype));
  return absl::OkStatus();
}

// The upper or lower triangle; k, an input, moves its border.
absl::Status Trilu(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  const bool upper = c.Bool("upper", true);
  if (!c.has_input(1) || GraphBuilder::ValueOf(c.input(1)) != nullptr) {
    int64_t k = 0;
    if (c.has_input(1)) {
      MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> given, c.ConstantInts(1, "k"));
      if (given.size() != 1)
        return absl::InvalidArgumentError(absl::StrCat("k has ", given.size(), " elements"));
      k = given[0];
    }
    c.SetOutput(0, c.Op(upper ? "Triu" : "Tril", {x}, {{"diagonal", k}}));
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank < 2)
    return absl::InvalidArgumentError(
        absl::StrCat("the input has rank ", rank, ", expected 2 or more"));
  ir::Value* k = AsScalar(b, b.Cast(c.input(1), DType::kInt64));
  ir::Value* keep =
      Diagonals(b, upper ? "GreaterEqual" : "LessEqual", b.DimOf(x, -2), b.DimOf(x, -1), k);
  c.SetOutput(0, c.Op("Select", {keep, x, b.ScalarLike(0, x)}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
