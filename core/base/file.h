// Files as a whole: read-only in memory, or written at once.
#ifndef CORE_BASE_FILE_H_
#define CORE_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin {

// Which file it is and when it was last changed; times in nanoseconds. All zero for what is no file.
struct FileStamp {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t modified = 0, changed = 0;
};

// A file's bytes; `owner` keeps the mapping alive.
struct FileBytes {
  absl::string_view bytes;
  std::shared_ptr<const void> owner;
  FileStamp stamp = {};
};

// Maps a regular file. NotFound or PermissionDenied with the path and the system's reason; InvalidArgument for a directory or
// an empty file; ResourceExhausted above max_bytes.
absl::StatusOr<FileBytes> MapFile(const std::string& path, size_t max_bytes);
// The same of an open file; `path` is for messages.
absl::StatusOr<FileBytes> MapDescriptor(int file, const std::string& path, size_t max_bytes);

// Lets go of the pages that lie wholly within these bytes: the file gives them back when they are read again. Does nothing unless
// `owner` is that of a mapping with these bytes: other memory holds the only copy.
void ReleaseMappedPages(const std::shared_ptr<const void>& owner, const void* data, size_t bytes);

// Writes a whole file through a temporary one beside it, so that readers see the old bytes or the new ones.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

// What errno says about a file: "cannot open 'x': No such file or directory".
absl::Status ErrnoToStatus(const std::string& path, const char* what);

}  // namespace mirin

#endif  // CORE_BASE_FILE_H_
