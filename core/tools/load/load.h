#ifndef CORE_TOOLS_LOAD_LOAD_H_
#define CORE_TOOLS_LOAD_LOAD_H_

#include <string>
#include <vector>

namespace mirin::tools {

// mirin load: 0 every answer was good, 1 some were not, 2 wrong usage, or nothing could be sent.
int Load(const std::vector<std::string>& args);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_LOAD_LOAD_H_
