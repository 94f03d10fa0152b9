// Files that only their owner may read.
#ifndef CORE_TOOLS_SECRET_FILE_H_
#define CORE_TOOLS_SECRET_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "core/base/secret.h"

namespace mirin::tools {

// The bytes of a regular file of at most `most` bytes. PermissionDenied: its group or others may read or write it, or it is not
// ours.
absl::StatusOr<Secret> ReadSecretFile(const std::string& path, size_t most);
// A key of 16, 24 or 32 bytes; one newline behind it is not part of it.
absl::StatusOr<Secret> ReadKeyFile(const std::string& path);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_SECRET_FILE_H_
