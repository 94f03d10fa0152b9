#include "core/tools/flags.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/nearest.h"

namespace mirin::tools {
namespace {

const Flag* Find(absl::Span<const Flag> table, absl::string_view name) {
  const auto it =
      std::find_if(table.begin(), table.end(), [&](const Flag& f) { return f.name == name; });
  return it == table.end() ? nullptr : &*it;
}

bool IsSwitch(const Flag& flag) { return flag.values == "true|false"; }

absl::Status CheckChoice(const Flag& flag, absl::string_view value) {
  if (!absl::StrContains(flag.values, '|')) return absl::OkStatus();
  for (absl::string_view choice : absl::StrSplit(flag.values, '|')) {
    if (choice == value) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag.name, " must be ", flag.values, ", got '", value, "'"));
}

}  // namespace

absl::StatusOr<Flags> Flags::Parse(absl::Span<const Flag> table, const Args& args) {
  Flags flags;
  flags.table_ = table;
  for (size_t i = 0; i < args.size(); ++i) {
    absl::string_view arg = args[i];
    if (!absl::ConsumePrefix(&arg, "--")) {
      flags.operands_.emplace_back(arg);
      continue;
    }
    const size_t equals = arg.find('=');
    const absl::string_view name = arg.substr(0, equals);
    const Flag* flag = Find(table, name);
    if (flag == nullptr) {
      std::vector<std::string> known;
      for (const Flag& f : table) known.emplace_back(f.name);
      return absl::InvalidArgumentError(
          absl::StrCat("there is no flag --", name, DidYouMean(name, known)));
    }
    std::string value;
    if (equals != absl::string_view::npos) {
      value = std::string(arg.substr(equals + 1));
    } else if (IsSwitch(*flag)) {
      value = "true";
    } else if (i + 1 < args.size()) {
      value = args[++i];
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, " needs a value: --", name, "=", flag->values));
    }
    const absl::Status status = CheckChoice(*flag, value);
    if (!status.ok()) return status;
    if (!flags.values_.emplace(name, value).second)
      return absl::InvalidArgumentError(absl::StrCat("--", name, " is given twice"));
  }
  return flags;
}

std::string Flags::Get(absl::string_view name) const {
  const auto it = values_.find(name);
  if (it != values_.end()) return it->second;
  const Flag* flag = Find(table_, name);
  return flag == nullptr ? "" : std::string(flag->fallback);
}

absl::StatusOr<int64_t> Flags::Int(absl::string_view name, int64_t least, int64_t most) const {
  int64_t value = 0;
  if (!absl::SimpleAtoi(Get(name), &value) || value < least || value > most) {
    return absl::InvalidArgumentError(absl::StrCat("--", name, " must be a number from ", least,
                                                   " to ", most, ", got '", Get(name), "'"));
  }
  return value;
}

absl::StatusOr<double> Flags::Number(absl::string_view name) const {
  double value = 0;
  if (!absl::SimpleAtod(Get(name), &value))
    return absl::InvalidArgumentError(
        absl::StrCat("--", name, " must be a number, got '", Get(name), "'"));
  return value;
}

std::string HelpText(absl::Span<const Flag> table) {
  std::string out;
  for (const Flag& f : table) {
    absl::StrAppend(&out, "  --", f.name, "=", f.values, "\n      ", f.help,
                    f.fallback.empty() ? "" : absl::StrCat(" (", f.fallback, ")"), "\n");
  }
  return out;
}

}  // namespace mirin::tools
