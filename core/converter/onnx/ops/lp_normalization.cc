// Normalisations by sums over axes alone, without weights. 16-bit floats compute in float32: sums of squares leave their range.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

ir::Value* Widened(GraphBuilder& b, ir::Value* x) {
  if (x == nullptr) return nullptr;
  return b.Cast(x, x->type().dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32);
}

}  // namespace

namespace translate {

// x / norm(x) along an axis, 0 where the norm is 0.
absl::Status LpNormalization(OpContext& c) {
  GraphBuilder& b = c.builder();
  const int64_t p = c.Int("p", 2);
  if (p != 1 && p != 2)
    return absl::InvalidArgumentError(absl::StrCat("p is ", p, ", expected 1 or 2"));
  ir::Value* x = Widened(b, c.input(0));
  ir::Value* norm = b.Op(p == 1 ? "ReduceL1" : "ReduceL2", {x, b.Ints({c.Int("axis", -1)})},
                         {{"keep_dims", true}});
  ir::Value* divisor =
      b.Op("Select", {b.Op("Equal", {norm, b.ScalarLike(0, x)}), b.ScalarLike(1, x), norm});
  c.SetOutput(0, b.Cast(b.Op("RealDiv", {x, divisor}), c.dtype(0)));
  return absl::OkStatus();
}

// (x - mean) / (deviation + 1e-9)
absl::Status MeanVarianceNormalization(OpContext& c) {
  GraphBuilder& b = c.builder();
  std::vector<int64_t> axes = c.Ints("axes");
  if (!c.Has("axes")) axes = {0, 2, 3};
  const auto mean = [&](ir::Value* v) {
    return b.Op("ReduceMean", {v, b.Ints(axes)}, {{"keep_dims", true}});
  };
  ir::Value* x = Widened(b, c.input(0));
  ir::Value* centred = b.Sub(x, mean(x));
  ir::Value* deviation = b.Op("Sqrt", {mean(b.Mul(centred, centred))});
  c.SetOutput(
      0, b.Cast(b.Op("RealDiv", {centred, b.Add(deviation, b.ScalarLike(1e-9, x))}), c.dtype(0)));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
