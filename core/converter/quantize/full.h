// FULL_QUANT: activations as bytes, by scales that calibration data gives.
#ifndef CORE_CONVERTER_QUANTIZE_FULL_H_
#define CORE_CONVERTER_QUANTIZE_FULL_H_

#include "absl/status/status.h"
#include "core/converter/quant_config.h"
#include "core/converter/quantize/calibrate.h"
#include "core/converter/quantize/layers.h"
#include "core/ir/graph.h"

namespace mirin::converter {

// Convolutions and products of the entry graph with constant weights get uint8 activations and int8 weights. Says in notes how near
// the result comes to the original on the calibration data.
absl::Status QuantizeFully(const QuantConfig& config, const CalibrationReader& data,
                           const QuantProgress& progress, ir::Module* module, Layers* layers,
                           Report* report);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_FULL_H_
