// The inputs that a model is calibrated with, sample by sample.
#ifndef CORE_CONVERTER_QUANTIZE_CALIBRATION_DATA_H_
#define CORE_CONVERTER_QUANTIZE_CALIBRATION_DATA_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/base/tensor.h"
#include "core/converter/quant_config.h"
#include "core/ir/graph.h"

namespace mirin::converter {

// Files of one input in the order of their names (BIN, IMAGE): one sample each.
//   BIN    the bytes of the input; at most one of its dims may be open, which the size then decides
//   IMAGE  PNG or JPEG, preprocessed, as float32 or uint8 of shape [1, C, H, W] or [1, H, W, C]
// or arrays of all inputs by name (NPZ), an archive or a folder of them: with an axis of samples in front, or with batches of the
// input's own along axis 0. Numbers of another dtype are converted.
class CalibrationReader {
 public:
  virtual ~CalibrationReader() = default;
  int64_t samples() const { return samples_; }
  // One tensor for each input.
  virtual absl::StatusOr<std::vector<Tensor>> Read(int64_t sample) const = 0;

 protected:
  int64_t samples_ = 0;
};

struct CalibrationInput {
  std::string name;
  ir::TensorType type;
};

// NotFound for missing files and inputs without data, InvalidArgument for data that does not fit.
absl::StatusOr<std::unique_ptr<CalibrationReader>> OpenCalibration(
    const CalibrationData& config, const std::vector<CalibrationInput>& inputs);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_CALIBRATION_DATA_H_
