// DYNAMIC_QUANT: matrix products whose activations become integers while the model runs.
#ifndef CORE_CONVERTER_QUANTIZE_DYNAMIC_H_
#define CORE_CONVERTER_QUANTIZE_DYNAMIC_H_

#include "absl/status/status.h"
#include "core/converter/quant_config.h"
#include "core/converter/quantize/layers.h"
#include "core/ir/graph.h"

namespace mirin::converter {

// Products with a constant matrix become DynamicQuantMatMul. Activations get a range for each row, which is finer than either
// quant_strategy asks; ACWL stores weights with one scale for all.
absl::Status QuantizeDynamically(const QuantConfig& config, ir::Module* module, Layers* layers);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_DYNAMIC_H_
