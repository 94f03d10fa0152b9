// The configuration file of a conversion (INI): lines "key=value" below a "[section]", '#' or ';' in front of a comment.
//
// Every section and key that MindSpore Lite's converter knows is known: what has a meaning here takes effect, what has none
// becomes a note for the report. An unknown section or key is an error with its line and the nearest known name.
#ifndef CORE_CONVERTER_CONFIG_H_
#define CORE_CONVERTER_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/converter/quant_config.h"

namespace mirin::converter {

struct Config {
  QuantConfig quant;
  bool disable_fusion = false;
  std::vector<std::string> notes;  // one a section that has no meaning here
};

// InvalidArgument, Unimplemented: "line 7: ...".
absl::StatusOr<Config> ParseConfig(absl::string_view text);
// The same from a file; messages begin with its path.
absl::StatusOr<Config> ReadConfig(const std::string& path);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_CONFIG_H_
