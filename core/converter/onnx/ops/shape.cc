// Shapes as tensors.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Opset 15 added the slice [start:end].
absl::Status ShapeOfTensor(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* dims = b.ShapeOf(c.input(0));
  const int64_t start = c.Int("start", 0), end = c.Int("end", INT64_MAX);
  c.SetOutput(0, start == 0 && end == INT64_MAX ? dims : b.SliceAxis(dims, 0, start, end));
  return absl::OkStatus();
}

absl::Status Size(OpContext& c) { return Unary(c, "Size"); }

}  // namespace mirin::onnx::translate
