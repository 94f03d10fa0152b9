#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// The identity at inference. Ratio and training_mode are inputs from opset 12 on; the mask is bool from opset 10 on.
absl::Status Dropout(OpContext& c) {
  if (c.version() < 12) {
    (void)c.Float("ratio", 0.5);
  } else {
    c.Ignore("seed");
    bool random = false;
    if (c.has_input(2)) {
      MIRIN_ASSIGN_OR_RETURN(const double training, c.ConstantNumber(2, "training_mode"));
      random = training != 0;
    }
    if (c.has_input(1) && random) {
      MIRIN_ASSIGN_OR_RETURN(const double ratio, c.ConstantNumber(1, "ratio"));
      random = ratio != 0;
    }
    if (random)
      return Refuse("training_mode drops elements at random", "export the model for inference");
  }
  ir::Value* x = c.input(0);
  c.SetOutput(0, x);
  if (c.wants(1) && x != nullptr) {
    const DType mask = c.version() < 10 ? x->type().dtype : DType::kBool;
    c.SetOutput(1, c.Op("OnesLike", {x}, {{"dtype", mask}}));
  }
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
