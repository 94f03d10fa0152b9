#include "core/converter/onnx/ops/dequantized.h"

namespace mirin::onnx {
namespace {

absl::Status RequireOneNumber(OpContext& c, int i) {
  if (!c.has_input(i)) return absl::OkStatus();
  if (c.shape(i).concrete() && NumElements(c.shape(i).dims()) == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " ", ToString(c.shape(i)), " is not one number"));
}

}  // namespace

absl::StatusOr<ir::Value*> Dequantized(OpContext& c, int x, int scale) {
  MIRIN_RETURN_IF_ERROR(RequireOneNumber(c, scale));
  MIRIN_RETURN_IF_ERROR(RequireOneNumber(c, scale + 1));
  if (c.has_input(scale + 1) && c.dtype(scale + 1) != c.dtype(x))
    return absl::InvalidArgumentError(
        absl::StrCat("input ", x, " and its zero point differ in dtype"));
  return c.Op("DequantizeLinear", {c.input(x), c.input(scale), c.OptionalInput(scale + 1)});
}

absl::StatusOr<ir::Value*> Quantized(OpContext& c, ir::Value* x, int scale, DType like) {
  MIRIN_RETURN_IF_ERROR(RequireOneNumber(c, scale));
  MIRIN_RETURN_IF_ERROR(RequireOneNumber(c, scale + 1));
  if (c.has_input(scale + 1) && c.dtype(scale + 1) != like)
    return absl::InvalidArgumentError(absl::StrCat(
        "the result's zero point is ", Name(c.dtype(scale + 1)), ", expected ", Name(like)));
  return c.Op("QuantizeLinear",
              {x, c.input(scale),
               c.has_input(scale + 1) ? c.input(scale + 1) : c.builder().Scalar(0, like)});
}

}  // namespace mirin::onnx
