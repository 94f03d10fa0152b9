// What the classifiers and regressors of ai.onnx.ml share.
#ifndef CORE_CONVERTER_ONNX_OPS_ML_SCORES_H_
#define CORE_CONVERTER_ONNX_OPS_ML_SCORES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

// A post_transform by name, along the last axis.
absl::StatusOr<ir::Value*> PostTransform(GraphBuilder& b, ir::Value* x,
                                         const std::string& transform);

// float32[n] of an attribute.
Tensor FloatTensor(const std::vector<double>& values);

// The label at the greatest of scores [samples, classes]: one of the attributes `strings` and `ints` lists them.
absl::StatusOr<ir::Value*> TopLabel(OpContext& c, ir::Value* scores, const char* strings,
                                    const char* ints);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_ML_SCORES_H_
