#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

absl::Status RequireSameDTypes(OpContext& c, int from) {
  for (int i = from + 1; i < c.num_inputs(); ++i) {
    if (!c.has_input(i) || c.dtype(i) == c.dtype(from)) continue;
    return absl::InvalidArgumentError(absl::StrCat("input ", from, " is ", Name(c.dtype(from)), " but input ", i, " is ", Name(c.dtype(i))));
  }
  return absl::OkStatus();
}

absl::StatusOr<DType> DTypeAttribute(OpContext& c, absl::string_view name, DType fallback) {
  const int64_t number = c.Int(name, 0);
  return number == 0 ? absl::StatusOr<DType>(fallback) : DTypeFromOnnx(number);
}

absl::Status Unary(OpContext& c, absl::string_view op, const Attrs& attributes) {
  c.SetOutput(0, c.Op(op, {c.input(0)}, attributes));
  return absl::OkStatus();
}

absl::Status Binary(OpContext& c, absl::string_view op) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  c.SetOutput(0, c.Op(op, {c.input(0), c.input(1)}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx
