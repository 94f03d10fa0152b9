#include "core/tools/servables.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"

namespace mirin::tools {
namespace {

namespace fs = std::filesystem;

// Of a directory that can be read; else nothing.
std::vector<fs::path> Entries(const fs::path& directory) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    out.push_back(it->path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool IsVersion(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.empty() || name[0] == '0' || name.find_first_not_of("0123456789") != std::string::npos) {
    return false;
  }
  for (const fs::path& file : Entries(path)) {
    if (absl::EndsWith(file.string(), ".mindir")) return true;
  }
  return false;
}

}  // namespace

bool IsServable(const std::string& directory) {
  std::error_code error;
  if (fs::is_regular_file(fs::path(directory) / "servable_config.py", error)) return true;
  const std::vector<fs::path> entries = Entries(directory);
  return std::any_of(entries.begin(), entries.end(), IsVersion);
}

std::vector<std::string> ServablesIn(const std::string& directory) {
  std::vector<std::string> out;
  for (const fs::path& entry : Entries(directory)) {
    if (IsServable(entry.string())) out.push_back(entry.filename().string());
  }
  return out;
}

}  // namespace mirin::tools
