// What a configuration file asks the quantiser for: the sections common_quant_param, mixed_bit_weight_quant_param,
// full_quant_param, weight_quant_param, transform_quant_param, dynamic_quant_param and data_preprocess_param.
#ifndef CORE_CONVERTER_QUANT_CONFIG_H_
#define CORE_CONVERTER_QUANT_CONFIG_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mirin::converter {

enum class QuantType {
  kNone,
  kWeight,   // WEIGHT_QUANT: weights as integers, arithmetic in float
  kFull,     // FULL_QUANT: activations too, calibrated on data
  kDynamic,  // DYNAMIC_QUANT: activations at run time
};

// Inputs to calibrate with.
struct CalibrationData {
  enum class Type { kBinary, kImage, kNpz };
  enum class Resize { kNearest, kLinear, kCubic };

  std::vector<std::pair<std::string, std::string>>
      folders;   // input name, folder ("" and one file for kNpz)
  int size = 0;  // samples; 0: all
  Type type = Type::kBinary;
  std::string image_to_format;  // "RGB", "GRAY", "BGR"; "" as stored
  std::vector<double> normalize_mean, normalize_std;
  int resize_width = 0, resize_height = 0;  // 0: not resized
  Resize resize_method = Resize::kLinear;
  int center_crop_width = 0, center_crop_height = 0;  // 0: not cropped
};

struct QuantConfig {
  // [common_quant_param]
  QuantType type = QuantType::kNone;
  int bit_num = 8;  // 0: mixed, chosen by layer
  int min_quant_weight_size = 0;
  int min_quant_weight_channel = 16;
  std::vector<std::string> skip_nodes;
  std::string debug_info_path;
  bool enable_encode = true;
  // [mixed_bit_weight_quant_param]
  double init_scale = 0.02;
  bool auto_tune = false;
  bool use_calibration_data = false;
  int max_iterations = 40;
  // [full_quant_param]
  enum class Activation { kMaxMin, kKl, kRemovalOutlier } activation_method = Activation::kMaxMin;
  bool bias_correction = true;
  bool per_channel = true;
  double smooth_alpha = 0.5;
  bool enable_smooth_shift = false;
  // [weight_quant_param]
  enum class WeightStrategy { kMaxMin, kGptq } weight_strategy = WeightStrategy::kMaxMin;
  bool update_mindir = true;
  bool dequantise_on_the_fly = false;  // at each run; false: once, when the model is loaded
  int max_segments = 1;
  // [dynamic_quant_param]
  enum class Axes {
    kLayerWise,
    kChannelWise
  } dynamic_axes = Axes::kLayerWise;  // ALWC, ACWL: granularity of activations
  // [transform_quant_param]: what becomes of quantisation that the model has already
  enum class Export { kQuant, kFloat32 } export_mode = Export::kQuant;
  // [data_preprocess_param]
  CalibrationData calibration;

  // One key of one of the sections. InvalidArgument for a value out of range, NotFound for a key that is none of these.
  absl::Status Set(absl::string_view section, absl::string_view key, absl::string_view value);
  // All together: a type that needs data has it, mean and deviation go together ...
  absl::Status Check() const;
};

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANT_CONFIG_H_
