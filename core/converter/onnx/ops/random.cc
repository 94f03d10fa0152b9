#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Numbers that differ from run to run cannot be checked against the source, and a deployed model seldom wants them.
absl::Status Random(OpContext&) {
  return Refuse("its result is random",
                "draw the numbers outside of the model and give them as an input");
}

}  // namespace mirin::onnx::translate
