// Reductions over axes, indices of extreme elements, running sums and products.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// The operands of a reduction: x and, where they are given, its axes: an attribute before opset `as_input`, then an operand.
std::vector<ir::Value*> Operands(OpContext& c, ir::Value* x, int64_t as_input) {
  if (c.version() < as_input) {
    const std::vector<int64_t> axes = c.Ints("axes");
    if (axes.empty()) return {x};
    return {x, c.builder().Ints(axes)};
  }
  if (!c.has_input(1)) return {x};
  return {x, c.input(1)};
}

Attrs ReduceAttrs(OpContext& c, int64_t as_input) {
  Attrs attrs = {{"keep_dims", c.Bool("keepdims", true)}};
  // No axes mean all, or none when the operator says so.
  if (c.version() >= as_input)
    attrs.emplace_back("skip_mode", c.Bool("noop_with_empty_axes", false));
  return attrs;
}

absl::Status Reduce(OpContext& c, absl::string_view op, int64_t as_input = 18) {
  c.SetOutput(0, c.Op(op, Operands(c, c.input(0), as_input), ReduceAttrs(c, as_input)));
  return absl::OkStatus();
}

// Integers count as numbers of double precision; the result is cut towards zero.
absl::Status ReduceInDouble(OpContext& c, absl::string_view op) {
  if (IsFloat(c.dtype(0))) return Reduce(c, op);
  GraphBuilder& b = c.builder();
  ir::Value* y = c.Op(op, Operands(c, b.Cast(c.input(0), DType::kFloat64), 18), ReduceAttrs(c, 18));
  c.SetOutput(0, b.Cast(y, c.dtype(0)));
  return absl::OkStatus();
}

// False < True. Nothing at all gives the least number for a maximum, the greatest one for a minimum.
absl::Status ReduceExtreme(OpContext& c, absl::string_view op, absl::string_view of_bools) {
  if (c.dtype(0) == DType::kBool) return Reduce(c, of_bools);
  Attrs attrs = ReduceAttrs(c, 18);
  const Shape& x = c.shape(0);
  if (!x.concrete() || NumElements(x.dims()) == 0) attrs.emplace_back("empty_ok", true);
  c.SetOutput(0, c.Op(op, Operands(c, c.input(0), 18), attrs));
  return absl::OkStatus();
}

absl::Status ArgExtreme(OpContext& c, absl::string_view op) {
  GraphBuilder& b = c.builder();
  const int64_t axis = c.Int("axis", 0);
  const Attrs attrs = {
      {"axis", axis}, {"keep_dims", c.Bool("keepdims", true)}, {"output_type", DType::kInt64}};
  const bool scalar = c.shape(0).rank_known() && c.shape(0).rank() == 0;
  if (!c.Bool("select_last_index", false) || scalar) return Unary(c, op, attrs);
  // The first one from behind.
  ir::Value* x = c.input(0);
  ir::Value* from_behind =
      c.Op(op, {c.Op("ReverseV2", {x}, {{"axis", std::vector<int64_t>{axis}}})}, attrs);
  c.SetOutput(0, b.Sub(b.Sub(b.DimOf(x, axis), b.Int(1)), from_behind));
  return absl::OkStatus();
}

absl::Status Running(OpContext& c, absl::string_view op) {
  const Attrs attrs = {{"exclusive", c.Bool("exclusive", false)},
                       {"reverse", c.Bool("reverse", false)}};
  c.SetOutput(0, c.Op(op, {c.input(0), c.builder().Cast(c.input(1), DType::kInt64)}, attrs));
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status ArgMax(OpContext& c) { return ArgExtreme(c, "Argmax"); }
absl::Status ArgMin(OpContext& c) { return ArgExtreme(c, "Argmin"); }
absl::Status CumProd(OpContext& c) { return Running(c, "CumProd"); }
absl::Status CumSum(OpContext& c) { return Running(c, "CumSum"); }
absl::Status ReduceL1(OpContext& c) { return Reduce(c, "ReduceL1"); }
absl::Status ReduceL2(OpContext& c) { return ReduceInDouble(c, "ReduceL2"); }
absl::Status ReduceLogSum(OpContext& c) { return ReduceInDouble(c, "ReduceLogSum"); }
absl::Status ReduceLogSumExp(OpContext& c) { return ReduceInDouble(c, "ReduceLogSumExp"); }
absl::Status ReduceMax(OpContext& c) { return ReduceExtreme(c, "ReduceMax", "ReduceAny"); }
absl::Status ReduceMean(OpContext& c) { return Reduce(c, "ReduceMean"); }
absl::Status ReduceMin(OpContext& c) { return ReduceExtreme(c, "ReduceMin", "ReduceAll"); }
absl::Status ReduceProd(OpContext& c) { return Reduce(c, "ReduceProd"); }
absl::Status ReduceSum(OpContext& c) { return Reduce(c, "ReduceSum", 13); }
absl::Status ReduceSumSquare(OpContext& c) { return Reduce(c, "ReduceSumSquare"); }

}  // namespace translate
}  // namespace mirin::onnx
