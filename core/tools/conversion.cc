#include "core/tools/conversion.h"

#include <string.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/tools/progress_line.h"

namespace mirin::tools {

absl::StatusOr<ConverterPtr> NewConverter(const std::map<std::string, std::string>& options) {
  mirin_converter* raw = nullptr;
  MIRIN_RETURN_IF_ERROR(Take(mirin_converter_create(&raw)));
  ConverterPtr converter(raw);
  for (const auto& [name, value] : options)
    MIRIN_RETURN_IF_ERROR(Take(mirin_converter_set(raw, name.c_str(), value.c_str())));
  return converter;
}

absl::Status Watched(mirin_converter* converter, const std::string& name,
                     mirin_status* (*run)(mirin_converter*)) {
  const ProgressLine line([&] {
    int64_t done = 0, total = 0;
    const char* stage = mirin_converter_progress(converter, &done, &total);
    return absl::StrCat(name, ": ", stage,
                        total > 0 ? absl::StrCat(" ", std::min(done, total), "/", total) : "");
  });
  return Take(run(converter));
}

std::string ReportOf(mirin_converter* converter, const std::string& form) {
  return mirin_converter_report(converter, form == "json"   ? MIRIN_REPORT_JSON
                                           : form == "html" ? MIRIN_REPORT_HTML
                                                            : MIRIN_REPORT_TEXT);
}

absl::StatusOr<ModelPtr> LoadFile(const std::string& path, const std::string& hex_key,
                                  const std::string& config_file) {
  mirin_config* made = nullptr;
  MIRIN_RETURN_IF_ERROR(Take(mirin_config_create(&made)));
  const ConfigPtr config(made);
  if (!config_file.empty())
    MIRIN_RETURN_IF_ERROR(Take(mirin_config_load_file(made, config_file.c_str())));
  std::string key = absl::HexStringToBytes(hex_key);
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.key = key.empty() ? nullptr : key.data();
  options.key_size = key.size();
  options.config = made;
  mirin_model* model = nullptr;
  const ProgressLine line([&] { return absl::StrCat("loading ", path); });
  const absl::Status status = Take(mirin_model_load_file(path.c_str(), &options, &model));
  explicit_bzero(key.data(), key.size());
  MIRIN_RETURN_IF_ERROR(status);
  return ModelPtr(model);
}

std::string FrameworkOf(const std::string& path) {
  if (absl::EndsWithIgnoreCase(path, ".onnx")) return "ONNX";
  if (absl::EndsWithIgnoreCase(path, ".mindir")) return "MINDIR";
  return "";
}

}  // namespace mirin::tools
