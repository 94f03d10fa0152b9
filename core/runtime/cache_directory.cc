#include "core/runtime/cache_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::runtime {
namespace {

constexpr absl::string_view kTemporary = ".tmp";
constexpr time_t kAbandonedSeconds = 3600;

// Only this user and root can have made it what it is.
bool IsSafe(const struct stat& info) {
  return (info.st_uid == ::geteuid() || info.st_uid == 0) &&
         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool WriteAll(int fd, absl::Span<const absl::string_view> pieces) {
  constexpr size_t kMost = 512;
  std::vector<iovec> rest;
  for (absl::string_view piece : pieces) {
    if (!piece.empty()) rest.push_back({const_cast<char*>(piece.data()), piece.size()});
  }
  for (size_t at = 0; at < rest.size();) {
    ssize_t n = ::writev(fd, &rest[at], static_cast<int>(std::min(kMost, rest.size() - at)));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    for (auto left = static_cast<size_t>(n); left > 0;) {
      const size_t used = std::min(left, rest[at].iov_len);
      rest[at].iov_base = static_cast<char*>(rest[at].iov_base) + used;
      rest[at].iov_len -= used;
      left -= used;
      if (rest[at].iov_len == 0) ++at;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const CacheDirectory>> CacheDirectory::Open(
    const std::string& path) {
  constexpr int kHow = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  Descriptor folder(::open(path.c_str(), kHow));
  if (!folder.valid() && errno == ENOENT && (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST))
    folder.Reset(::open(path.c_str(), kHow));
  if (!folder.valid()) return ErrnoToStatus(path, "cannot open the cache");
  struct stat info;
  if (::fstat(folder.get(), &info) != 0) return ErrnoToStatus(path, "cannot stat the cache");
  if (!IsSafe(info)) {
    return absl::PermissionDeniedError(
        absl::StrCat("the cache '", path, "' is not this user's alone: others may write to it"));
  }
  return std::shared_ptr<const CacheDirectory>(new CacheDirectory(path, std::move(folder)));
}

absl::StatusOr<FileBytes> CacheDirectory::Map(const std::string& name) const {
  const std::string shown = absl::StrCat(path_, "/", name);
  const Descriptor file(
      ::openat(folder_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return ErrnoToStatus(shown, "cannot open");
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return ErrnoToStatus(shown, "cannot stat");
  if (!IsSafe(info))
    return absl::PermissionDeniedError(absl::StrCat("others may write '", shown, "'"));
  return MapDescriptor(file.get(), shown, SIZE_MAX);
}

absl::Status CacheDirectory::Write(const std::string& name,
                                   absl::Span<const absl::string_view> pieces) const {
  RemoveAbandoned();
  static std::atomic<unsigned> counter{0};
  const std::string shown = absl::StrCat(path_, "/", name);
  const std::string temporary =
      absl::StrCat(name, ".", ::getpid(), ".", counter++, ".", ::time(nullptr), kTemporary);
  const Descriptor file(::openat(folder_.get(), temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return ErrnoToStatus(shown, "cannot write");
  if (WriteAll(file.get(), pieces) &&
      ::renameat(folder_.get(), temporary.c_str(), folder_.get(), name.c_str()) == 0)
    return absl::OkStatus();
  const absl::Status status = ErrnoToStatus(shown, "cannot write");
  ::unlinkat(folder_.get(), temporary.c_str(), 0);
  return status;
}

void CacheDirectory::RemoveAbandoned() const {
  DIR* const listing = ::opendir(path_.c_str());
  if (listing == nullptr) return;
  const time_t now = ::time(nullptr);
  while (const dirent* entry = ::readdir(listing)) {
    struct stat info;
    if (absl::EndsWith(entry->d_name, kTemporary) &&
        ::fstatat(folder_.get(), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(info.st_mode) && now - info.st_mtime > kAbandonedSeconds)
      ::unlinkat(folder_.get(), entry->d_name, 0);
  }
  ::closedir(listing);
}

}  // namespace mirin::runtime
