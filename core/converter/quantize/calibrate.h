// Statistics of a model's values over calibration data, by running it.
#ifndef CORE_CONVERTER_QUANTIZE_CALIBRATE_H_
#define CORE_CONVERTER_QUANTIZE_CALIBRATE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/converter/quantize/calibration_data.h"
#include "core/converter/quantize/histogram.h"
#include "core/converter/quantize/quantize.h"
#include "core/ir/graph.h"

namespace mirin::converter {

// A value of the entry graph to look at, and the axis whose slices get means of their own (-1: none).
struct Probe {
  const ir::Value* value = nullptr;
  int mean_axis = -1;
};

struct Statistics {
  Range range;                // that its bytes should cover
  std::vector<double> means;  // along mean_axis
};

// One for each probe, ranges by the configuration's method.
absl::StatusOr<std::vector<Statistics>> Calibrate(const QuantConfig& config,
                                                  const ir::Module& module,
                                                  const std::vector<Probe>& probes,
                                                  const CalibrationReader& data,
                                                  const QuantProgress& progress);

// How near two modules with the same signature come to each other on the data.
struct Agreement {
  std::string output;
  double cosine = 1;
  double largest_difference = 0;
};
absl::StatusOr<std::vector<Agreement>> Compare(const ir::Module& want, const ir::Module& got,
                                               const CalibrationReader& data,
                                               const QuantProgress& progress);

// The inputs that calibration data is for.
std::vector<CalibrationInput> InputsOf(const ir::Module& module);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_CALIBRATE_H_
