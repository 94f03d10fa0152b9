#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/tools/commands.h"

namespace mirin::tools {

std::vector<std::string> Arguments(int argc, char** argv) {
  // `bazel run` starts programs in a folder of its own.
  const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
  if (folder != nullptr && chdir(folder) != 0) std::perror(folder);
  return std::vector<std::string>(argv + 1, argv + argc);
}

}  // namespace mirin::tools
