// A folder of this user's files that nobody else may write, shared by any number of processes.
//
// A file appears and is replaced as a whole; readers keep the bytes that they mapped. What the system loses in a crash is for
// checksums to notice: nothing is forced to the disk.
#ifndef CORE_RUNTIME_CACHE_DIRECTORY_H_
#define CORE_RUNTIME_CACHE_DIRECTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/base/descriptor.h"
#include "core/base/file.h"

namespace mirin::runtime {

class CacheDirectory {
 public:
  // Makes the last folder of the path where it is missing, for this user alone. PermissionDenied for one that is neither this user's
  // nor root's, or that others may write; NotFound, InvalidArgument for what is no folder.
  static absl::StatusOr<std::shared_ptr<const CacheDirectory>> Open(const std::string& path);

  const std::string& path() const { return path_; }

  // A file's bytes. NotFound without one; PermissionDenied for one that somebody else could have written.
  absl::StatusOr<FileBytes> Map(const std::string& name) const;
  // A file of these pieces in place of what there was, for this user alone.
  absl::Status Write(const std::string& name, absl::Span<const absl::string_view> pieces) const;

 private:
  CacheDirectory(std::string path, Descriptor folder)
      : path_(std::move(path)), folder_(std::move(folder)) {}
  // Files that a process did not live to finish.
  void RemoveAbandoned() const;

  const std::string path_;
  const Descriptor folder_;
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_CACHE_DIRECTORY_H_
