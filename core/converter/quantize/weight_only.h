// WEIGHT_QUANT: integers in the file, arithmetic in floating point.
#ifndef CORE_CONVERTER_QUANTIZE_WEIGHT_ONLY_H_
#define CORE_CONVERTER_QUANTIZE_WEIGHT_ONLY_H_

#include "absl/status/status.h"
#include "core/converter/quant_config.h"
#include "core/converter/quantize/layers.h"
#include "core/ir/graph.h"

namespace mirin::converter {

// bit_num 0 stores a weight in 8 bits where its error stays within init_scale.
absl::Status QuantizeWeights(const QuantConfig& config, ir::Module* module, Layers* layers);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_WEIGHT_ONLY_H_
