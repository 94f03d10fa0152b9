#include "tests/support/npz.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace mirin::testing {

std::map<std::string, Array> ReadNpz(const std::string& path) {
  auto read = mirin::ReadNpz(path);
  if (!read.ok()) {
    std::fprintf(stderr, "npz: %s\n", read.status().ToString().c_str());
    std::abort();
  }
  std::map<std::string, Array> arrays;
  for (auto& [name, array] : *read) arrays[name] = Array{std::move(array)};
  return arrays;
}

}  // namespace mirin::testing
