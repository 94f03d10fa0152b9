// Read-only files in memory.
#ifndef CORE_BASE_FILE_H_
#define CORE_BASE_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin {

// A file's bytes; `owner` keeps the mapping alive.
struct FileBytes {
  absl::string_view bytes;
  std::shared_ptr<const void> owner;
};

// Maps a regular file. NotFound or PermissionDenied with the path and the system's reason; InvalidArgument for a directory or
// an empty file; ResourceExhausted above max_bytes.
absl::StatusOr<FileBytes> MapFile(const std::string& path, size_t max_bytes);

// Writes a whole file through a temporary one beside it, so that readers see the old bytes or the new ones.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

}  // namespace mirin

#endif  // CORE_BASE_FILE_H_
