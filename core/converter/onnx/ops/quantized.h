// Arithmetic of quantised operands: exact sums of 8-bit products by way of float32, which has fast kernels.
#ifndef CORE_CONVERTER_ONNX_OPS_QUANTIZED_H_
#define CORE_CONVERTER_ONNX_OPS_QUANTIZED_H_

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

// x - zero in another dtype; a null zero is 0.
ir::Value* Centred(GraphBuilder& b, ir::Value* x, ir::Value* zero, DType dtype);

// How many products of Centred() numbers add up exactly in float32, whatever the order: at least 258 for 8-bit operands.
int64_t ExactTerms(const ir::Value* x, const ir::Value* x_zero, const ir::Value* y,
                   const ir::Value* y_zero);

// A constant weight in int8 that `zero` (null: 0) leaves as it is: int8 around 0, or uint8 around 128; null for any other.
ir::Value* SymmetricWeight(GraphBuilder& b, const ir::Value* weight, const ir::Value* zero);

// (x - x_zero)(w - w_zero) in int32 for bytes x with one zero point and a SymmetricWeight that is a matrix; null for any other.
ir::Value* ByteProduct(GraphBuilder& b, ir::Value* x, ir::Value* x_zero, ir::Value* w,
                       ir::Value* w_zero);

// round(sum * scale) + zero in the dtype of zero, saturated.
ir::Value* Requantized(GraphBuilder& b, ir::Value* sum, ir::Value* scale, ir::Value* zero);

// x, float32, in uint8 with the scale and zero point that fit [min(x, 0), max(x, 0)].
struct DynamicallyQuantized {
  ir::Value* y = nullptr;
  ir::Value* scale = nullptr;
  ir::Value* zero = nullptr;
};
DynamicallyQuantized QuantizeDynamically(GraphBuilder& b, ir::Value* x);

// A QLinear operator whose parameters are all constants: DequantizeLinear of both operands, what the caller makes of them, and
// QuantizeLinear of that, which computes in integers where fuse_quantized finds it. Null members where the operator is not like that.
struct QuantizedOperands {
  ir::Value* x = nullptr;
  ir::Value* weight = nullptr;
};
// The inputs are x, its scale and zero point, the weight at `weight`, its scale and zero point, and the result's. Channels of the
// weight are its axis `axis`.
QuantizedOperands DequantizedOperands(OpContext& c, int weight, int axis);
absl::Status SetQuantizedOutput(OpContext& c, ir::Value* y, int scale);

// Operand i, which must be one number, as a scalar.
absl::StatusOr<ir::Value*> OneNumber(OpContext& c, int i, absl::string_view what);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_QUANTIZED_H_
