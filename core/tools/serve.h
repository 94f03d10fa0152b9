#ifndef CORE_TOOLS_SERVE_H_
#define CORE_TOOLS_SERVE_H_

#include <string>
#include <vector>

namespace mirin::tools {

// mirin serve: 0 stopped by SIGTERM or SIGINT after a drain, 1 it could not start, 2 wrong usage. A second signal ends the process
// at once with 128 and the signal's number. At most one at a time: signals are the process's.
int Serve(const std::vector<std::string>& args);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_SERVE_H_
