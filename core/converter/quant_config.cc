#include "core/converter/quant_config.h"

#include <functional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"

namespace mirin::converter {
namespace {

constexpr int kMax16 = 65535;

absl::Status ReadInt(absl::string_view value, int least, int most, int* out) {
  int n = 0;
  if (!absl::SimpleAtoi(value, &n) || n < least || n > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be a number from ", least, " to ", most, ", got '", value, "'"));
  }
  *out = n;
  return absl::OkStatus();
}

absl::Status ReadBool(absl::string_view value, bool* out) {
  if (value != "true" && value != "false")
    return absl::InvalidArgumentError(absl::StrCat("must be true or false, got '", value, "'"));
  *out = value == "true";
  return absl::OkStatus();
}

// One number strictly between the bounds.
absl::Status ReadBetween(absl::string_view value, double low, double high, double* out) {
  double d = 0;
  if (!absl::SimpleAtod(value, &d) || !(d > low && d < high)) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be a number between ", low, " and ", high, ", got '", value, "'"));
  }
  *out = d;
  return absl::OkStatus();
}

template <typename E>
absl::Status ReadChoice(absl::string_view value,
                        std::initializer_list<std::pair<absl::string_view, E>> choices, E* out) {
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (name == value) {
      *out = choice;
      return absl::OkStatus();
    }
    absl::StrAppend(&names, names.empty() ? "" : "|", name);
  }
  return absl::InvalidArgumentError(absl::StrCat("must be ", names, ", got '", value, "'"));
}

std::vector<std::string> ReadList(absl::string_view value) {
  std::vector<std::string> out;
  for (absl::string_view part : absl::StrSplit(value, ',', absl::SkipWhitespace()))
    out.emplace_back(absl::StripAsciiWhitespace(part));
  return out;
}

// "[0.1, 0.2]"
absl::Status ReadNumbers(absl::string_view value, std::vector<double>* out) {
  absl::string_view inner = value;
  std::vector<double> numbers;
  if (absl::ConsumePrefix(&inner, "[") && absl::ConsumeSuffix(&inner, "]")) {
    for (absl::string_view part : absl::StrSplit(inner, ',')) {
      double d = 0;
      if (!absl::SimpleAtod(absl::StripAsciiWhitespace(part), &d))
        return absl::InvalidArgumentError(absl::StrCat("'", part, "' is no number"));
      numbers.push_back(d);
    }
    *out = std::move(numbers);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("must be [a,b,c], got '", value, "'"));
}

// "in1:folder1,in2:folder2", or one .npz file.
absl::Status ReadFolders(absl::string_view value,
                         std::vector<std::pair<std::string, std::string>>* out) {
  out->clear();
  for (const std::string& part : ReadList(value)) {
    const size_t colon = part.rfind(':');
    if (colon == std::string::npos) {
      out->emplace_back("", part);
    } else if (colon == 0 || colon + 1 == part.size()) {
      return absl::InvalidArgumentError(absl::StrCat("'", part, "' is not INPUT:FOLDER"));
    } else {
      out->emplace_back(part.substr(0, colon), part.substr(colon + 1));
    }
  }
  return out->empty() ? absl::InvalidArgumentError("names no folder") : absl::OkStatus();
}

using Setter = std::function<absl::Status(QuantConfig*, absl::string_view)>;

Setter Int(int QuantConfig::*field, int least, int most) {
  return [=](QuantConfig* c, absl::string_view v) { return ReadInt(v, least, most, &(c->*field)); };
}
Setter Int(int CalibrationData::*field, int least, int most) {
  return [=](QuantConfig* c, absl::string_view v) {
    return ReadInt(v, least, most, &(c->calibration.*field));
  };
}
Setter Bool(bool QuantConfig::*field) {
  return [=](QuantConfig* c, absl::string_view v) { return ReadBool(v, &(c->*field)); };
}
Setter Between(double QuantConfig::*field, double low, double high) {
  return
      [=](QuantConfig* c, absl::string_view v) { return ReadBetween(v, low, high, &(c->*field)); };
}

const std::map<std::pair<absl::string_view, absl::string_view>, Setter>& Setters() {
  using Q = QuantConfig;
  using C = CalibrationData;
  static const auto* const kSetters = new std::map<std::pair<absl::string_view, absl::string_view>,
                                                   Setter>{
      {{"common_quant_param", "quant_type"},
       [](Q* c, absl::string_view v) {
         return ReadChoice<QuantType>(v,
                                      {{"WEIGHT_QUANT", QuantType::kWeight},
                                       {"FULL_QUANT", QuantType::kFull},
                                       {"DYNAMIC_QUANT", QuantType::kDynamic}},
                                      &c->type);
       }},
      {{"common_quant_param", "bit_num"}, Int(&Q::bit_num, 0, 16)},
      {{"common_quant_param", "min_quant_weight_size"}, Int(&Q::min_quant_weight_size, 0, kMax16)},
      {{"common_quant_param", "min_quant_weight_channel"},
       Int(&Q::min_quant_weight_channel, 0, kMax16)},
      {{"common_quant_param", "skip_quant_node"},
       [](Q* c, absl::string_view v) {
         c->skip_nodes = ReadList(v);
         return absl::OkStatus();
       }},
      {{"common_quant_param", "debug_info_save_path"},
       [](Q* c, absl::string_view v) {
         c->debug_info_path = std::string(v);
         return absl::OkStatus();
       }},
      {{"common_quant_param", "enable_encode"}, Bool(&Q::enable_encode)},
      {{"mixed_bit_weight_quant_param", "init_scale"}, Between(&Q::init_scale, 0, 1)},
      {{"mixed_bit_weight_quant_param", "auto_tune"}, Bool(&Q::auto_tune)},
      {{"mixed_bit_weight_quant_param", "use_cv_data"}, Bool(&Q::use_calibration_data)},
      {{"mixed_bit_weight_quant_param", "max_iterations"}, Int(&Q::max_iterations, 40, kMax16)},
      {{"full_quant_param", "activation_quant_method"},
       [](Q* c, absl::string_view v) {
         using A = Q::Activation;
         return ReadChoice<A>(
             v, {{"MAX_MIN", A::kMaxMin}, {"KL", A::kKl}, {"REMOVAL_OUTLIER", A::kRemovalOutlier}},
             &c->activation_method);
       }},
      {{"full_quant_param", "bias_correction"}, Bool(&Q::bias_correction)},
      {{"full_quant_param", "per_channel"}, Bool(&Q::per_channel)},
      {{"full_quant_param", "smooth_alpha"}, Between(&Q::smooth_alpha, 0, 1)},
      {{"full_quant_param", "enable_smooth_shift"}, Bool(&Q::enable_smooth_shift)},
      {{"weight_quant_param", "update_mindir"}, Bool(&Q::update_mindir)},
      {{"weight_quant_param", "dequant_strategy"},
       [](Q* c, absl::string_view v) {
         return ReadChoice<bool>(v, {{"ON_THE_FLY", true}}, &c->dequantise_on_the_fly);
       }},
      {{"weight_quant_param", "max_segments"}, Int(&Q::max_segments, 1, kMax16)},
      {{"weight_quant_param", "per_channel"}, Bool(&Q::per_channel)},
      {{"weight_quant_param", "bias_correction"}, Bool(&Q::bias_correction)},
      {{"weight_quant_param", "quant_strategy"},
       [](Q* c, absl::string_view v) {
         using W = Q::WeightStrategy;
         return ReadChoice<W>(v, {{"MAX_MIN", W::kMaxMin}, {"GPTQ", W::kGptq}},
                              &c->weight_strategy);
       }},
      {{"dynamic_quant_param", "quant_strategy"},
       [](Q* c, absl::string_view v) {
         using A = Q::Axes;
         return ReadChoice<A>(v, {{"ALWC", A::kLayerWise}, {"ACWL", A::kChannelWise}},
                              &c->dynamic_axes);
       }},
      {{"transform_quant_param", "export_precision_mode"},
       [](Q* c, absl::string_view v) {
         using X = Q::Export;
         return ReadChoice<X>(v, {{"QUANT", X::kQuant}, {"FLOAT32", X::kFloat32}}, &c->export_mode);
       }},
      {{"data_preprocess_param", "calibrate_path"},
       [](Q* c, absl::string_view v) { return ReadFolders(v, &c->calibration.folders); }},
      {{"data_preprocess_param", "calibrate_size"}, Int(&C::size, 1, kMax16)},
      {{"data_preprocess_param", "input_type"},
       [](Q* c, absl::string_view v) {
         using T = C::Type;
         return ReadChoice<T>(v, {{"IMAGE", T::kImage}, {"BIN", T::kBinary}, {"NPZ", T::kNpz}},
                              &c->calibration.type);
       }},
      {{"data_preprocess_param", "image_to_format"},
       [](Q* c, absl::string_view v) {
         return ReadChoice<std::string>(v, {{"RGB", "RGB"}, {"GRAY", "GRAY"}, {"BGR", "BGR"}},
                                        &c->calibration.image_to_format);
       }},
      {{"data_preprocess_param", "normalize_mean"},
       [](Q* c, absl::string_view v) { return ReadNumbers(v, &c->calibration.normalize_mean); }},
      {{"data_preprocess_param", "normalize_std"},
       [](Q* c, absl::string_view v) { return ReadNumbers(v, &c->calibration.normalize_std); }},
      {{"data_preprocess_param", "resize_width"}, Int(&C::resize_width, 1, kMax16)},
      {{"data_preprocess_param", "resize_height"}, Int(&C::resize_height, 1, kMax16)},
      {{"data_preprocess_param", "resize_method"},
       [](Q* c, absl::string_view v) {
         using R = C::Resize;
         return ReadChoice<R>(
             v, {{"NEAREST", R::kNearest}, {"LINEAR", R::kLinear}, {"CUBIC", R::kCubic}},
             &c->calibration.resize_method);
       }},
      {{"data_preprocess_param", "center_crop_width"}, Int(&C::center_crop_width, 1, kMax16)},
      {{"data_preprocess_param", "center_crop_height"}, Int(&C::center_crop_height, 1, kMax16)},
  };
  return *kSetters;
}

}  // namespace

absl::Status QuantConfig::Set(absl::string_view section, absl::string_view key,
                              absl::string_view value) {
  const auto it = Setters().find({section, key});
  if (it == Setters().end())
    return absl::NotFoundError(absl::StrCat("[", section, "] has no key '", key, "'"));
  return Annotate(it->second(this, value), key);
}

absl::Status QuantConfig::Check() const {
  if (type == QuantType::kNone) return absl::OkStatus();
  if (type != QuantType::kWeight && bit_num != 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("bit_num is ", bit_num, ", FULL_QUANT and DYNAMIC_QUANT work with 8 bits"));
  }
  if (type == QuantType::kWeight && !enable_encode && bit_num != 8 && bit_num != 16) {
    return absl::InvalidArgumentError(
        absl::StrCat("enable_encode is false: weights of ", bit_num, " bits must be encoded"));
  }
  const CalibrationData& data = calibration;
  if (type == QuantType::kFull && data.folders.empty())
    return absl::InvalidArgumentError("FULL_QUANT needs calibrate_path in [data_preprocess_param]");
  if (use_calibration_data && data.folders.empty())
    return absl::InvalidArgumentError(
        "use_cv_data needs calibrate_path in [data_preprocess_param]");
  for (const auto& [input, folder] : data.folders) {
    if (input.empty() && data.type != CalibrationData::Type::kNpz) {
      return absl::InvalidArgumentError(
          absl::StrCat("calibrate_path '", folder, "' is not INPUT:FOLDER"));
    }
  }
  if (data.normalize_mean.size() != data.normalize_std.size())
    return absl::InvalidArgumentError("normalize_mean and normalize_std differ in length");
  for (const double d : data.normalize_std) {
    if (d == 0) return absl::InvalidArgumentError("normalize_std has a zero");
  }
  if ((data.resize_width > 0) != (data.resize_height > 0))
    return absl::InvalidArgumentError("resize_width and resize_height go together");
  if ((data.center_crop_width > 0) != (data.center_crop_height > 0))
    return absl::InvalidArgumentError("center_crop_width and center_crop_height go together");
  return absl::OkStatus();
}

}  // namespace mirin::converter
