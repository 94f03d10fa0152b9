// What the tests of the quantiser share: models of tests/models, runs of them, and how far two runs are apart.
#ifndef TESTS_QUANTIZE_QUANTIZED_H_
#define TESTS_QUANTIZE_QUANTIZED_H_

#include <memory>
#include <string>
#include <vector>

#include "core/base/tensor.h"
#include "core/converter/quant_config.h"
#include "core/converter/report.h"
#include "core/ir/graph.h"

namespace mirin::testing {

// tests/models/mindir/NAME.mindir with constants folded and scales put into weights, as the converter has it.
std::unique_ptr<ir::Module> ReadModel(const std::string& name);

// Inputs of the module's types, `seed` for other numbers; unknown dims become `dim`.
std::vector<Tensor> RandomInputs(const ir::Module& module, int seed, int64_t dim = 2);

// What the module computes after it was written to a file and read again, on the CPU with all passes; `bytes` gets the file's size.
std::vector<std::vector<float>> WriteAndRun(const ir::Module& module,
                                            const std::vector<Tensor>& inputs, size_t* bytes);

// Of the numbers of all outputs together.
double Cosine(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b);

// The module quantised; fails the test when it does not work.
std::unique_ptr<ir::Module> Quantised(const ir::Module& module,
                                      const converter::QuantConfig& config,
                                      converter::Report* report);

}  // namespace mirin::testing

#endif  // TESTS_QUANTIZE_QUANTIZED_H_
