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

// Operand i, integers of rank 0 or 1, as int64[n]; and its length, refused when that is not known at conversion.
ir::Value* IntsOperand(OpContext& c, int i);
absl::StatusOr<int64_t> LengthOf(OpContext& c, int i, absl::string_view what);
// Axes that count from the end, constant or computed (int64[n]), as they count from the start.
absl::StatusOr<std::vector<int64_t>> AxesFromStart(absl::Span<const int64_t> axes, int rank);
ir::Value* AxesFromStart(GraphBuilder& b, ir::Value* axes, int64_t rank);
// bool[n]: which of 0 .. n-1 are among computed axes (int64[k], from the start).
ir::Value* MaskOf(GraphBuilder& b, ir::Value* axes, int64_t n);
// int64[n]: 0, 1 .. n-1.
ir::Value* Counting(GraphBuilder& b, int64_t n);
// x, one element, under the shape [].
ir::Value* AsScalar(GraphBuilder& b, ir::Value* x);

// Output 0 is one op on input 0.
absl::Status Unary(OpContext& c, absl::string_view op, const Attrs& attributes = {});
// Output 0 is one op on inputs 0 and 1, which have one dtype.
absl::Status Binary(OpContext& c, absl::string_view op);

// x y as numpy.matmul: vectors get an axis that the result loses. Refuses unknown ranks.
absl::StatusOr<ir::Value*> MatrixProduct(GraphBuilder& b, ir::Value* x, ir::Value* y);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_COMMON_H_
