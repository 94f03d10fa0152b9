#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status ImageDecoder(OpContext& c) {
  c.Ignore("pixel_format");
  return Refuse("it needs image codecs",
                "decode the image in the application and give the model its pixels");
}

}  // namespace mirin::onnx::translate
