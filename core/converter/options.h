// The converter's options by name: the flags of converter_lite, as text. One table serves the program, the C API and the SDKs.
#ifndef CORE_CONVERTER_OPTIONS_H_
#define CORE_CONVERTER_OPTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/converter/convert.h"

namespace mirin::converter {

struct OptionInfo {
  absl::string_view name;      // "modelFile"
  absl::string_view values;    // "PATH", "on|off"
  absl::string_view fallback;  // its default, "" for none
  absl::string_view help;
};

// Every option, in the order in which help lists them.
absl::Span<const OptionInfo> AllOptions();
// The table as text, two lines an option.
std::string OptionsHelp();

class Options {
 public:
  Options() = default;
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  ~Options();  // overwrites keys

  // InvalidArgument for an unknown name or a value that the option does not take, Unimplemented for what MindSpore Lite's
  // converter takes and this one does not; "" restores the default.
  absl::Status Set(absl::string_view name, absl::string_view value);
  // The value set, else the default.
  std::string Get(absl::string_view name) const;
  // All of them together, the configuration file read. InvalidArgument when they contradict each other or a required one is
  // missing.
  absl::StatusOr<ConvertOptions> Resolve() const;

 private:
  bool Has(absl::string_view name) const { return values_.find(name) != values_.end(); }
  absl::Status ResolveKeys(ConvertOptions* o) const;
  void ResolveReport(ConvertOptions* o) const;

  std::map<std::string, std::string, std::less<>> values_;
};

// "n1:1,32,32,4;n2:1,64": the last colon of each part splits; -1 leaves a dim open.
absl::StatusOr<std::map<std::string, std::vector<int64_t>>> ParseShapes(absl::string_view text);
// "30313233": two hex digits a byte.
absl::StatusOr<std::string> ParseHexKey(absl::string_view text);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_OPTIONS_H_
