#include "core/base/ini.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

absl::Status Read(absl::string_view text, std::vector<std::string>* seen) {
  return ParseIni(
      text,
      [&](absl::string_view section) {
        seen->push_back(absl::StrCat("[", section, "]"));
        return section == "bad" ? absl::NotFoundError("no such section") : absl::OkStatus();
      },
      [&](absl::string_view section, absl::string_view key, absl::string_view value) {
        seen->push_back(absl::StrCat(section, ".", key, "=", value));
        return key == "bad" ? absl::NotFoundError("no such key") : absl::OkStatus();
      });
}

TEST(Ini, ReadsSectionsAndValues) {
  std::vector<std::string> seen;
  EXPECT_TRUE(
      Read("\xef\xbb\xbf# comment\r\n[ a ]\r\nx = 1 = 2\n\n; more\ny='q'\n[b]\nz=\n[a]\nx=\"3\"",
           &seen)
          .ok());
  EXPECT_EQ(seen,
            (std::vector<std::string>{"[a]", "a.x=1 = 2", "a.y=q", "[b]", "b.z=", "[a]", "a.x=3"}));
}

TEST(Ini, NamesTheLine) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"[a]\n\nx", "line 3: 'x' is neither [section] nor key=value"},
      {"[a", "line 1: '[a' has no closing bracket"},
      {"x=1", "line 1: 'x' stands before any [section]"},
      {"[bad]", "line 1: no such section"},
      {"[a]\nbad=1\nx=1", "line 2: no such key"},
  };
  for (const auto& c : kCases) {
    std::vector<std::string> seen;
    EXPECT_EQ(Read(c.text, &seen).message(), c.message);
  }
  std::vector<std::string> seen;
  EXPECT_EQ(Read(absl::string_view("[a]\0", 4), &seen).message(), "it is no text file");
}

}  // namespace
}  // namespace mirin
