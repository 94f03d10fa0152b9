#include "core/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/descriptor.h"

namespace mirin {
namespace {

// Ends a mapping; also how it is recognised.
struct Unmap {
  void* address;
  size_t size;
  void operator()(const void*) const { ::munmap(address, size); }
};

// A new file in the same folder. Not mkstemp: it gets the mode that the user's umask leaves.
int CreateBeside(const std::string& path, std::string* created) {
  static std::atomic<unsigned> counter{0};
  int fd = -1;
  for (int attempt = 0; attempt < 100 && fd < 0 && (attempt == 0 || errno == EEXIST); ++attempt) {
    *created = absl::StrCat(path, ".", ::getpid(), ".", counter++, ".tmp");
    fd = ::open(created->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  }
  return fd;
}

}  // namespace

absl::Status ErrnoToStatus(const std::string& path, const char* what) {
  const int error = errno;
  const std::string message = absl::StrCat(what, " '", path, "': ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  if (error == ENOMEM || error == ENOSPC) return absl::ResourceExhaustedError(message);
  return absl::UnknownError(message);
}

absl::StatusOr<FileBytes> MapFile(const std::string& path, size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return ErrnoToStatus(path, "cannot open");
  return MapDescriptor(file.get(), path, max_bytes);
}

absl::StatusOr<FileBytes> MapDescriptor(int file, const std::string& path, size_t max_bytes) {
  struct stat info;
  if (::fstat(file, &info) != 0) return ErrnoToStatus(path, "cannot stat");
  if (!S_ISREG(info.st_mode))
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) return absl::InvalidArgumentError(absl::StrCat("'", path, "' is empty"));
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("'", path, "' has ", size, " bytes, the limit is ", max_bytes));
  }
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (address == MAP_FAILED) return ErrnoToStatus(path, "cannot map");
  FileBytes result;
  result.bytes = absl::string_view(static_cast<const char*>(address), size);
  result.owner = std::shared_ptr<const void>(address, Unmap{address, size});
  const auto nanoseconds = [](const timespec& t) {
    return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
  };
  result.stamp = {info.st_dev, info.st_ino, size, nanoseconds(info.st_mtim),
                  nanoseconds(info.st_ctim)};
  return result;
}

void ReleaseMappedPages(const std::shared_ptr<const void>& owner, const void* data, size_t bytes) {
  const auto* mapping = std::get_deleter<Unmap>(owner);
  if (mapping == nullptr) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<uintptr_t>(mapping->address),
             begin = reinterpret_cast<uintptr_t>(data), end = begin + bytes;
  if (begin < first || end > first + mapping->size || end < begin) return;
  const uintptr_t from = (begin + page - 1) / page * page, to = end / page * page;
  if (from < to) ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes) {
  std::string temporary;
  const Descriptor file(CreateBeside(path, &temporary));
  if (file.get() < 0) return ErrnoToStatus(path, "cannot write");
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const absl::Status status = ErrnoToStatus(path, "cannot write");
      ::unlink(temporary.c_str());
      return status;
    }
    done += static_cast<size_t>(n);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const absl::Status status = ErrnoToStatus(path, "cannot write");
    ::unlink(temporary.c_str());
    return status;
  }
  return absl::OkStatus();
}

}  // namespace mirin
