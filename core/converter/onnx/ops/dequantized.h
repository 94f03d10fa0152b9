// Operators on quantized tensors, worked out in float32 between dequantizing and quantizing.
#ifndef CORE_CONVERTER_ONNX_OPS_DEQUANTIZED_H_
#define CORE_CONVERTER_ONNX_OPS_DEQUANTIZED_H_

#include "absl/status/statusor.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

// (x - zero_point) * scale, where inputs scale and scale + 1 of the operator hold these; the zero point may be missing. By tensor.
absl::StatusOr<ir::Value*> Dequantized(OpContext& c, int x, int scale);
// round(x / scale) + zero_point in dtype `like`, from inputs scale and scale + 1.
absl::StatusOr<ir::Value*> Quantized(OpContext& c, ir::Value* x, int scale, DType like);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_DEQUANTIZED_H_
