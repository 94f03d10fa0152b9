// What translators of several operators share.
#ifndef CORE_CONVERTER_ONNX_OPS_COMMON_H_
#define CORE_CONVERTER_ONNX_OPS_COMMON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/converter/onnx/model.h"
#include "core/converter/onnx/registry.h"
#include "core/converter/op_context.h"

namespace mirin::onnx {

using converter::Attrs;
using converter::GraphBuilder;
using converter::Operand;
using converter::Refuse;

// ONNX has no implicit conversions: InvalidArgument when the tensors at inputs `from` and later differ in dtype.
absl::Status RequireSameDTypes(OpContext& c, int from = 0);

// The dtype that an attribute names by number; `fallback` when it is absent.
absl::StatusOr<DType> DTypeAttribute(OpContext& c, absl::string_view name, DType fallback);

// Output 0 is one op on input 0.
absl::Status Unary(OpContext& c, absl::string_view op, const Attrs& attributes = {});
// Output 0 is one op on inputs 0 and 1, which have one dtype.
absl::Status Binary(OpContext& c, absl::string_view op);

// x y as numpy.matmul: vectors get an axis that the result loses. Refuses unknown ranks.
absl::StatusOr<ir::Value*> MatrixProduct(GraphBuilder& b, ir::Value* x, ir::Value* y);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_COMMON_H_
