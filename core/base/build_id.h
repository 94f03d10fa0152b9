// Which build of the library this is.
#ifndef CORE_BASE_BUILD_ID_H_
#define CORE_BASE_BUILD_ID_H_

#include <string>

namespace mirin {

// The linker's id of the shared library or program that this code is part of, in hexadecimal; another one for other code. Empty when it
// was linked without.
std::string BuildId();

}  // namespace mirin

#endif  // CORE_BASE_BUILD_ID_H_
