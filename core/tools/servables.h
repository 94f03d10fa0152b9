// Which servables a directory holds.
#ifndef CORE_TOOLS_SERVABLES_H_
#define CORE_TOOLS_SERVABLES_H_

#include <string>
#include <vector>

namespace mirin::tools {

// It has a servable_config.py, or a folder with a number for a name that holds a .mindir file.
bool IsServable(const std::string& directory);
// Names of the servables in `directory`, sorted.
std::vector<std::string> ServablesIn(const std::string& directory);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_SERVABLES_H_
