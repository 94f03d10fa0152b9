// Command lines by a table: "--name=value", or "--name value", or "--name" for a switch; the rest are operands.
#ifndef CORE_TOOLS_FLAGS_H_
#define CORE_TOOLS_FLAGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mirin::tools {

using Args = std::vector<std::string>;

struct Flag {
  absl::string_view name;
  absl::string_view values;    // for help: "PATH"; "true|false" is a switch; "A|B" is a choice
  absl::string_view fallback;  // when it is not given
  absl::string_view help;
};

class Flags {
 public:
  // The table must outlive the result. InvalidArgument for an unknown name (with the nearest known one), a value that a choice
  // does not have, a value that is missing, a flag given twice.
  static absl::StatusOr<Flags> Parse(absl::Span<const Flag> table, const Args& args);

  bool Has(absl::string_view name) const { return values_.find(name) != values_.end(); }
  std::string Get(absl::string_view name) const;
  bool Bool(absl::string_view name) const { return Get(name) == "true"; }
  absl::StatusOr<int64_t> Int(absl::string_view name, int64_t least, int64_t most) const;
  absl::StatusOr<double> Number(absl::string_view name) const;
  const std::vector<std::string>& operands() const { return operands_; }

 private:
  absl::Span<const Flag> table_;
  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string> operands_;
};

// Two lines a flag.
std::string HelpText(absl::Span<const Flag> table);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_FLAGS_H_
