// Configuration files: lines "key=value" below a "[section]", '#' or ';' in front of a comment, quotes around a value are dropped.
#ifndef CORE_BASE_INI_H_
#define CORE_BASE_INI_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mirin {

// Calls on_section(name) for each header and on_entry(section, key, value) for each line below it, until one fails: its message
// then begins with the line. InvalidArgument for text that is none of these.
absl::Status ParseIni(
    absl::string_view text, absl::FunctionRef<absl::Status(absl::string_view section)> on_section,
    absl::FunctionRef<absl::Status(absl::string_view section, absl::string_view key,
                                   absl::string_view value)>
        on_entry);

}  // namespace mirin

#endif  // CORE_BASE_INI_H_
