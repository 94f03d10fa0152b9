// The converter and the loader, driven as the programs drive them.
#ifndef CORE_TOOLS_CONVERSION_H_
#define CORE_TOOLS_CONVERSION_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "core/tools/handles.h"

namespace mirin::tools {

// A converter with these options; empty values leave the default.
absl::StatusOr<ConverterPtr> NewConverter(const std::map<std::string, std::string>& options);

// mirin_converter_run or mirin_converter_check, with its progress on stderr when it takes long.
absl::Status Watched(mirin_converter* converter, const std::string& name,
                     mirin_status* (*run)(mirin_converter*));

// form: "text", "json" or "html".
std::string ReportOf(mirin_converter* converter, const std::string& form);

// A MindIR file, with all passes. hex_key: of an encrypted one, else "". config_file: settings by name, "" for none.
absl::StatusOr<ModelPtr> LoadFile(const std::string& path, const std::string& hex_key,
                                  const std::string& config_file = "");

// "ONNX" or "MINDIR" by the suffix; "" for others.
std::string FrameworkOf(const std::string& path);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_CONVERSION_H_
