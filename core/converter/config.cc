#include "core/converter/config.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/file.h"
#include "core/base/ini.h"
#include "core/base/nearest.h"
#include "core/base/status.h"
#include "core/converter/report.h"

namespace mirin::converter {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;

enum class Use {
  kQuant,     // into QuantConfig
  kRegistry,  // [registry]
  kMicro,     // [micro_param]
  kIgnored,   // valid for the original; a note with the reason
};

struct Section {
  absl::string_view name;
  Use use;
  absl::string_view keys;    // separated by blanks; "*": any
  absl::string_view reason;  // why it has no meaning here
};

constexpr absl::string_view kAscend =
    "it configures Ascend compilers at conversion; Mirin chooses devices when a model is loaded";
constexpr absl::string_view kRunTime =
    "it configures running, not converting; give it to the session";

constexpr Section kSections[] = {
    {"common_quant_param", Use::kQuant,
     "quant_type bit_num min_quant_weight_size min_quant_weight_channel skip_quant_node "
     "debug_info_save_path enable_encode workspace",
     ""},
    {"mixed_bit_weight_quant_param", Use::kQuant, "init_scale auto_tune use_cv_data max_iterations",
     ""},
    {"full_quant_param", Use::kQuant,
     "activation_quant_method bias_correction per_channel target_device smooth_alpha "
     "enable_smooth_shift",
     ""},
    {"weight_quant_param", Use::kQuant,
     "dequant_strategy update_mindir max_segments per_channel bias_correction quant_strategy", ""},
    {"dynamic_quant_param", Use::kQuant, "quant_strategy", ""},
    {"transform_quant_param", Use::kQuant, "export_precision_mode", ""},
    {"data_preprocess_param", Use::kQuant,
     "calibrate_path calibrate_size input_type image_to_format normalize_mean normalize_std "
     "resize_width resize_height resize_method center_crop_width center_crop_height",
     ""},
    {"registry", Use::kRegistry, "plugin_path disable_fusion fusion_blacklists",
     "operators are built in, there are no plug-ins, and the original's fusions have other names "
     "here"},
    {"micro_param", Use::kMicro,
     "target codegen_mode debug_mode support_parallel enable_micro save_path project_name "
     "keep_original_weight changeable_weights_name inputs_shape dynamic_dim_params",
     "this converter writes models, no C code"},
    {"acl_option_cfg_param", Use::kIgnored,
     "device_id input_format input_shape_vector input_shape output_type precision_mode "
     "op_select_impl_mode fusion_switch_config_file_path dynamic_batch_size buffer_optimize "
     "insert_op_config_file_path dynamic_image_size aoe_mode custom_opp_path dynamic_dims",
     kAscend},
    {"cpu_option_cfg_param", Use::kIgnored, "architecture instruction",
     "one model runs on every CPU: instructions are chosen at run time"},
    {"ascend_context", Use::kIgnored, "*", kAscend},
    {"acl_init_options", Use::kIgnored, "*", kAscend},
    {"acl_build_options", Use::kIgnored, "*", kAscend},
    {"aoe_global_options", Use::kIgnored, "*", kAscend},
    {"aoe_tuning_options", Use::kIgnored, "*", kAscend},
    {"om_converter_options", Use::kIgnored, "*", kAscend},
    {"ge_session_options", Use::kIgnored, "*", kAscend},
    {"ge_graph_options", Use::kIgnored, "*", kAscend},
    {"ge_global_options", Use::kIgnored, "*", kAscend},
    {"graph_kernel_param", Use::kIgnored, "*", "fusions are chosen when a model is loaded"},
    {"gpu_context", Use::kIgnored, "*", kRunTime},
    {"execution_plan", Use::kIgnored, "*", kRunTime},
    {"ms_cache", Use::kIgnored, "*", kRunTime},
    {"model_cache", Use::kIgnored, "*", kRunTime},
    {"model_file", Use::kIgnored, "*", kRunTime},
    {"weight", Use::kIgnored, "*", kRunTime},
    {"shared_thread_pool", Use::kIgnored, "*", kRunTime},
};

// Keys that are right in a section that has a meaning, and still have none.
constexpr struct {
  absl::string_view section, key, reason;
} kIgnoredKeys[] = {
    {"common_quant_param", "workspace", "nothing is kept between conversions"},
    {"full_quant_param", "target_device", "one quantised model runs on every device"},
};

const Section* FindSection(absl::string_view name) {
  const auto* it = std::find_if(std::begin(kSections), std::end(kSections),
                                [&](const Section& s) { return s.name == name; });
  return it == std::end(kSections) ? nullptr : it;
}

absl::Status UnknownSection(absl::string_view name) {
  std::vector<std::string> known;
  for (const Section& s : kSections) known.emplace_back(s.name);
  return absl::InvalidArgumentError(
      absl::StrCat("there is no section [", name, "]", DidYouMean(name, known)));
}

absl::Status UnknownKey(const Section& section, absl::string_view key) {
  const std::vector<std::string> known = absl::StrSplit(section.keys, ' ');
  std::string text =
      absl::StrCat("[", section.name, "] has no key '", key, "'", DidYouMean(key, known));
  if (!absl::StrContains(text, "did you mean"))
    absl::StrAppend(&text, "; keys: ", absl::StrJoin(known, ", "));
  return absl::InvalidArgumentError(text);
}

class Reader {
 public:
  absl::StatusOr<Config> Read(absl::string_view text) {
    MIRIN_RETURN_IF_ERROR(ParseIni(
        text, [this](absl::string_view name) { return EnterSection(name); },
        [this](absl::string_view, absl::string_view key, absl::string_view value) {
          return ReadEntry(key, value);
        }));
    const auto& cpu = seen_["cpu_option_cfg_param"];
    if (cpu.size() == 1)
      return absl::InvalidArgumentError(
          "[cpu_option_cfg_param] takes architecture and instruction together");
    const auto& common = seen_.find("common_quant_param");
    if (common != seen_.end() && common->second.count("quant_type") == 0)
      return absl::InvalidArgumentError("[common_quant_param] needs quant_type");
    MIRIN_RETURN_IF_ERROR(config_.quant.Check());
    return std::move(config_);
  }

 private:
  absl::Status EnterSection(absl::string_view name) {
    section_ = FindSection(name);
    if (section_ == nullptr) return UnknownSection(name);
    seen_[section_->name];
    if (section_->use == Use::kIgnored)
      config_.notes.push_back(
          absl::StrCat("[", name, "] of the configuration file has no effect: ", section_->reason));
    return absl::OkStatus();
  }

  absl::Status ReadEntry(absl::string_view key, absl::string_view value) {
    const std::vector<absl::string_view> keys = absl::StrSplit(section_->keys, ' ');
    if (section_->keys != "*" && std::find(keys.begin(), keys.end(), key) == keys.end())
      return UnknownKey(*section_, key);
    if (!seen_[section_->name].emplace(key, value).second)
      return absl::InvalidArgumentError(absl::StrCat("'", key, "' is set twice"));
    return SetValue(key, value);
  }

  absl::Status SetValue(absl::string_view key, absl::string_view value) {
    for (const auto& ignored : kIgnoredKeys) {
      if (ignored.section == section_->name && ignored.key == key) return Note(key, ignored.reason);
    }
    switch (section_->use) {
      case Use::kQuant:
        return config_.quant.Set(section_->name, key, value);
      case Use::kRegistry:
        if (key != "disable_fusion") return Note(key, section_->reason);
        if (value != "on" && value != "off")
          return absl::InvalidArgumentError(
              absl::StrCat("disable_fusion must be on or off, got '", value, "'"));
        config_.disable_fusion = value == "on";
        return absl::OkStatus();
      case Use::kMicro:
        if (key == "enable_micro" && value == "true")
          return Refuse("enable_micro asks for C code",
                        absl::StrCat(section_->reason, "; leave enable_micro out"));
        return Note(key, section_->reason);
      case Use::kIgnored:
        return absl::OkStatus();  // noted with the section
    }
    return absl::OkStatus();
  }

  absl::Status Note(absl::string_view key, absl::string_view reason) {
    config_.notes.push_back(absl::StrCat("[", section_->name, "] ", key,
                                         " of the configuration file has no effect: ", reason));
    return absl::OkStatus();
  }

  Config config_;
  const Section* section_ = nullptr;  // EnterSection's last
  std::map<absl::string_view, std::map<absl::string_view, absl::string_view>> seen_;
};

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text) { return Reader().Read(text); }

absl::StatusOr<Config> ReadConfig(const std::string& path) {
  absl::StatusOr<FileBytes> file = MapFile(path, kMaxFileBytes);
  if (!file.ok()) return Annotate(file.status(), "configFile");
  absl::StatusOr<Config> config = ParseConfig(file->bytes);
  if (!config.ok()) return Annotate(config.status(), absl::StrCat("configFile '", path, "'"));
  return config;
}

}  // namespace mirin::converter
