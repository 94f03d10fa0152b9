// The activations that onnxruntime fuses behind other operators.
#ifndef CORE_CONVERTER_ONNX_OPS_FUSED_ACTIVATION_H_
#define CORE_CONVERTER_ONNX_OPS_FUSED_ACTIVATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

// x itself for "". `parameters` that are not given have the defaults of the operator of that name.
absl::StatusOr<ir::Value*> FusedActivation(GraphBuilder& b, ir::Value* x, const std::string& name,
                                           const std::vector<double>& parameters);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_FUSED_ACTIVATION_H_
