// Weights in half the bytes.
#ifndef CORE_CONVERTER_HALF_WEIGHTS_H_
#define CORE_CONVERTER_HALF_WEIGHTS_H_

#include "absl/status/statusor.h"
#include "core/ir/graph.h"

namespace mirin::converter {

struct HalvedWeights {
  int changed = 0;
  int out_of_range = 0;  // weights with a number that float16 does not reach: they stay as they are
};

// float32 constants of 1 KiB and more are stored as float16 (rounded to nearest even) with a Cast behind them, which folding
// removes when the model is loaded: the file halves, arithmetic and results stay float32.
absl::StatusOr<HalvedWeights> StoreWeightsAsHalf(ir::Module* module);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_HALF_WEIGHTS_H_
