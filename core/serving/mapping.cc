#include "core/serving/mapping.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

// Linux 5.1; a kernel that does not know it makes no segments, and all goes inline
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace mirin::serving {
namespace {

absl::Status SystemError(absl::string_view what) {
  return absl::ResourceExhaustedError(absl::StrCat(what, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::shared_ptr<Mapping>> Mapping::Create(size_t size, Descriptor* out_fd) {
  Descriptor fd(::memfd_create("mirin-server", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return SystemError("memfd_create");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return SystemError("ftruncate");
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return SystemError("mmap");
  std::shared_ptr<Mapping> mapping(new Mapping(data, size));
  if (::fcntl(fd.get(), F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
    return SystemError("F_ADD_SEALS");
  }
  *out_fd = std::move(fd);
  return mapping;
}

absl::StatusOr<std::shared_ptr<Mapping>> Mapping::Open(const Descriptor& fd, uint64_t size,
                                                       bool writable) {
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || (seals & F_SEAL_GROW) == 0) {
    return absl::InvalidArgumentError(
        "a segment that is not a memfd sealed against shrinking and growing");
  }
  struct statfs system;
  if (::fstatfs(fd.get(), &system) != 0 || system.f_type != TMPFS_MAGIC) {
    return absl::InvalidArgumentError("a segment of huge pages");
  }
  struct stat stat;
  if (::fstat(fd.get(), &stat) != 0 || size == 0 || static_cast<uint64_t>(stat.st_size) < size) {
    return absl::InvalidArgumentError(
        absl::StrCat("a segment of less than the ", size, " bytes it should have"));
  }
  void* data =
      ::mmap(nullptr, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return SystemError("mmap");
  return std::shared_ptr<Mapping>(new Mapping(data, size));
}

Mapping::~Mapping() { ::munmap(data_, size_); }

}  // namespace mirin::serving
