// The rotation of rotary positions.
#ifndef CORE_CONVERTER_ONNX_OPS_ROTATE_H_
#define CORE_CONVERTER_ONNX_OPS_ROTATE_H_

#include "absl/status/statusor.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

struct Rotation {
  int64_t width = 0;  // of a head's rotated part, the rest passes; 0: all of it
  bool interleaved = false;
};

// x of any rank, its last axis rotated in pairs; cosine and sine broadcast to [.., width / 2].
absl::StatusOr<ir::Value*> Rotate(GraphBuilder& b, ir::Value* x, ir::Value* cosine, ir::Value* sine,
                                  const Rotation& r);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_ROTATE_H_
