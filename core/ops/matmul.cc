#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/activation_kind.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

using std::string;

absl::Status InferMatMul(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(ParseActivation(c.attrs().String("activation")).status());
  const Shape& a = c.shape(0);
  const Shape& b = c.shape(1);
  if (!a.rank_known() || !b.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  if (a.rank() == 0 || b.rank() == 0) return absl::InvalidArgumentError("matrices need an axis");
  const bool ta = c.attrs().Bool("transpose_a") && a.rank() > 1,
             tb = c.attrs().Bool("transpose_b") && b.rank() > 1;
  const auto dim = [](const Shape& s, int from_end) { return s.dim(s.rank() - from_end); };
  const int64_t m = a.rank() == 1 ? 1 : dim(a, ta ? 1 : 2);
  const int64_t ka = a.rank() == 1 ? a.dim(0) : dim(a, ta ? 2 : 1);
  const int64_t kb = b.rank() == 1 ? b.dim(0) : dim(b, tb ? 1 : 2);
  const int64_t n = b.rank() == 1 ? 1 : dim(b, tb ? 2 : 1);
  if (ka >= 0 && kb >= 0 && ka != kb) {
    return absl::InvalidArgumentError(absl::StrCat("cannot multiply ", ToString(a),
                                                   ta ? " (transposed)" : "", " by ", ToString(b),
                                                   tb ? " (transposed)" : ""));
  }
  const Shape batch_a(Dims(a.dims().begin(), a.dims().end() - std::min(2, a.rank())));
  const Shape batch_b(Dims(b.dims().begin(), b.dims().end() - std::min(2, b.rank())));
  MIRIN_ASSIGN_OR_RETURN(const Shape batch, BroadcastShapes(batch_a, batch_b));
  Dims dims = batch.dims();
  if (a.rank() > 1) dims.push_back(m);
  if (b.rank() > 1) dims.push_back(n);
  if (dims.size() > kMaxRank) return absl::InvalidArgumentError("the result has too many axes");
  if (c.has_input(2) && c.shape(2).concrete() && n >= 0 &&
      (c.shape(2).rank() != 1 || (c.shape(2).dim(0) != n && c.shape(2).dim(0) != 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("bias ", ToString(c.shape(2)), " does not match ", n, " columns"));
  }
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

OpSchema MatrixProduct(const char* name) {
  return OpSchema(name, "Matrix product with broadcast batch axes. y = activation(a b + bias).")
      .Input("x")
      .Input("y")
      .Attr("transpose_a", false, {"transpose_x1", "adj_x1"})
      .Attr("transpose_b", false, {"transpose_x2", "adj_x2"})
      .Attr("activation", string())
      .OptionalInput("bias")
      .Output("z")
      .Infer(InferMatMul);
}

}  // namespace

namespace schemas {

OpSchema MatMul() { return MatrixProduct("MatMul"); }
OpSchema BatchMatMul() { return MatrixProduct("BatchMatMul"); }
OpSchema MatMulExt() { return MatrixProduct("MatMulExt"); }
OpSchema Dense() {
  return OpSchema("Dense", "x w^T + bias; w is [O, I].")
      .Input("x")
      .Input("weight")
      .OptionalInput("bias")
      .Attr("transpose_b", true)
      .Attr("transpose_a", false)
      .Attr("activation", string())
      .Output("y")
      .Infer(InferMatMul);
}

}  // namespace schemas
}  // namespace mirin::ops
