#include "core/base/ini.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"

namespace mirin {

absl::Status ParseIni(
    absl::string_view text, absl::FunctionRef<absl::Status(absl::string_view section)> on_section,
    absl::FunctionRef<absl::Status(absl::string_view section, absl::string_view key,
                                   absl::string_view value)>
        on_entry) {
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  if (text.find('\0') != absl::string_view::npos)
    return absl::InvalidArgumentError("it is no text file");
  absl::string_view section;
  bool in_section = false;
  const auto read = [&](absl::string_view line) -> absl::Status {
    if (line.empty() || line[0] == '#' || line[0] == ';') return absl::OkStatus();
    if (line[0] == '[') {
      if (line.back() != ']')
        return absl::InvalidArgumentError(absl::StrCat("'", line, "' has no closing bracket"));
      section = absl::StripAsciiWhitespace(line.substr(1, line.size() - 2));
      in_section = true;
      return on_section(section);
    }
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos)
      return absl::InvalidArgumentError(
          absl::StrCat("'", line, "' is neither [section] nor key=value"));
    const absl::string_view key = absl::StripAsciiWhitespace(line.substr(0, equals));
    absl::string_view value = absl::StripAsciiWhitespace(line.substr(equals + 1));
    if (!in_section)
      return absl::InvalidArgumentError(absl::StrCat("'", key, "' stands before any [section]"));
    if (value.size() >= 2 && value.front() == value.back() && (value[0] == '"' || value[0] == '\''))
      value = value.substr(1, value.size() - 2);
    return on_entry(section, key, value);
  };
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    MIRIN_RETURN_IF_ERROR(
        Annotate(read(absl::StripAsciiWhitespace(line)), absl::StrCat("line ", number)));
  }
  return absl::OkStatus();
}

}  // namespace mirin
