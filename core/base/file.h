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

// Lets go of the pages that lie wholly within these bytes: the file gives them back when they are read again. Does nothing unless
// `owner` is that of a mapping with these bytes: other memory holds the only copy.
void ReleaseMappedPages(const std::shared_ptr<const void>& owner, const void* data, size_t bytes);

// Writes a whole file through a temporary one beside it, so that readers see the old bytes or the new ones.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

}  // namespace mirin

#endif  // CORE_BASE_FILE_H_
