// Quantisation of a trained model.
//
// The result says what it computes in operators that every backend has: integers with QuantizeLinear and DequantizeLinear around
// the operators they belong to. The pass fuse_quantized makes integer arithmetic of it when the model is loaded for running.
#ifndef CORE_CONVERTER_QUANTIZE_QUANTIZE_H_
#define CORE_CONVERTER_QUANTIZE_QUANTIZE_H_

#include <functional>

#include "absl/status/status.h"
#include "core/converter/quant_config.h"
#include "core/converter/report.h"
#include "core/ir/graph.h"
#include "core/passes/pass.h"

namespace mirin::converter {

// How far it has come; either may be empty.
struct QuantProgress {
  std::function<void(const char* stage, int64_t steps)> begin;
  std::function<void()> step;
};

// Does to an optimised module what the configuration asks; what was done, and how well, becomes notes of the report.
// InvalidArgument for data that does not fit the model, NotFound for a node to skip that is not there, Unimplemented for what
// this build does not do.
absl::Status Quantize(const QuantConfig& config, const QuantProgress& progress, ir::Module* module,
                      Report* report);

// What export_precision_mode=FLOAT32 asks: the quantisation that a model came with goes, its stored weights become float32.
absl::Status RemoveQuantisation(const passes::Evaluator& evaluate, ir::Module* module);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_QUANTIZE_H_
