// Quantisation of tensors: one scale for all, one per slice of an axis (opset 13), or one per block of it (opset 21).
#include "core/converter/onnx/ops/quantized.h"

namespace mirin::onnx {
namespace {

// axis and block_size for the IR's operators; zero points are of dtype `quantised`.
absl::StatusOr<Attrs> Granularity(OpContext& c, DType quantised) {
  if (c.has_input(2) && c.dtype(2) != quantised) {
    return absl::InvalidArgumentError(
        absl::StrCat("the zero point is ", Name(c.dtype(2)), ", expected ", Name(quantised)));
  }
  return Attrs{{"axis", c.Int("axis", 1)}, {"block_size", c.Int("block_size", 0)}};
}

}  // namespace

DynamicallyQuantized QuantizeDynamically(GraphBuilder& b, ir::Value* x) {
  const std::vector<ir::Value*> results = b.Ops("DynamicQuantizeLinear", {x});
  if (results.size() != 3) return {};
  return {results[0], results[1], results[2]};
}

namespace translate {

absl::Status QuantizeLinear(OpContext& c) {
  c.Ignore("saturate");  // of 8-bit floats
  MIRIN_ASSIGN_OR_RETURN(const DType precision, DTypeAttribute(c, "precision", c.dtype(1)));
  if (!IsFloat(precision))
    return Refuse(absl::StrCat("a scale of ", Name(precision)), "use a scale of float32");
  MIRIN_ASSIGN_OR_RETURN(
      const DType to,
      DTypeAttribute(c, "output_dtype", c.has_input(2) ? c.dtype(2) : DType::kUInt8));
  MIRIN_ASSIGN_OR_RETURN(Attrs attrs, Granularity(c, to));
  if (precision != c.dtype(1)) attrs.emplace_back("precision", precision);
  if (!c.has_input(2)) attrs.emplace_back("dtype", to);
  GraphBuilder& b = c.builder();
  ir::Value* x = IsFloat(c.dtype(0)) ? c.input(0) : b.Cast(c.input(0), precision);
  c.SetOutput(0, c.Op("QuantizeLinear",
                      {x, IsFloat(c.dtype(1)) ? c.input(1) : b.Cast(c.input(1), precision),
                       c.OptionalInput(2)},
                      attrs));
  return absl::OkStatus();
}

absl::Status DequantizeLinear(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(Attrs attrs, Granularity(c, c.dtype(0)));
  MIRIN_ASSIGN_OR_RETURN(const DType to, DTypeAttribute(c, "output_dtype", c.dtype(1)));
  if (to != c.dtype(1)) attrs.emplace_back("dtype", to);
  c.SetOutput(0, c.Op("DequantizeLinear", {c.input(0), c.input(1), c.OptionalInput(2)}, attrs));
  return absl::OkStatus();
}

absl::Status DynamicQuantizeLinear(OpContext& c) {
  const DynamicallyQuantized q = QuantizeDynamically(c.builder(), c.input(0));
  c.SetOutput(0, q.y);
  c.SetOutput(1, q.scale);
  c.SetOutput(2, q.zero);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
