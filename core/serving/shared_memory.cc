#include "core/serving/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxRegions = 4096;
constexpr size_t kMaxName = 1024;
// A segment may be larger than memory and hold nothing.
constexpr uint64_t kMaxRead = uint64_t{4} << 30;

}  // namespace

// Bytes go by pread and pwrite: beyond the end of a segment that its owner shortened they fail, where a mapping would raise SIGBUS.
struct SharedMemoryRegistry::Mapping {
  Region region;
  int fd = -1;
  ~Mapping() {
    if (fd >= 0) close(fd);
  }

  // The place in the segment of a part of the region.
  absl::StatusOr<uint64_t> Place(uint64_t offset, uint64_t byte_size) const {
    if (offset > region.byte_size || byte_size > region.byte_size - offset) {
      return absl::InvalidArgumentError(
          absl::StrCat("Invalid offset + byte size for shared memory region: '", region.name,
                       "': ", offset, " + ", byte_size, " of ", region.byte_size));
    }
    struct stat info;
    if (fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, region.name);
    const uint64_t place = region.offset + offset;
    if (place + byte_size > static_cast<uint64_t>(info.st_size)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "shared memory region '", region.name, "' has become shorter than it was registered"));
    }
    return place;
  }
};

absl::Status SharedMemoryRegistry::Register(absl::string_view name, absl::string_view key,
                                            uint64_t offset, uint64_t byte_size) {
  if (name.empty() || name.size() > kMaxName || absl::StartsWith(name, AttachedMemory::kPrefix))
    return absl::InvalidArgumentError("the shared memory region needs a name");
  const absl::string_view file = absl::StartsWith(key, "/") ? key.substr(1) : key;
  if (file.empty() || file.size() > 255 || file == "." || file == ".." ||
      file.find_first_of(absl::string_view("/\0", 2)) != file.npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", key, "' is not the key of a shared memory segment"));
  }
  uint64_t end;
  if (byte_size == 0 || __builtin_add_overflow(offset, byte_size, &end)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid offset + byte size for shared memory region: '", name, "'"));
  }
  auto mapping = std::make_shared<Mapping>();
  mapping->region = {std::string(name), std::string(key), offset, byte_size};
  mapping->fd = shm_open(absl::StrCat("/", file).c_str(), O_RDWR | O_CLOEXEC, 0);
  if (mapping->fd < 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("Unable to open shared memory region: '", key, "'"));
  }
  struct stat info;
  if (fstat(mapping->fd, &info) != 0) return absl::ErrnoToStatus(errno, key);
  if (!S_ISREG(info.st_mode) || end > static_cast<uint64_t>(info.st_size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid offset + byte size for shared memory region: '", name, "': ", offset,
                     " + ", byte_size, " of ", info.st_size));
  }
  absl::MutexLock lock(&mutex_);
  if (regions_.size() >= kMaxRegions)
    return absl::ResourceExhaustedError("too many shared memory regions");
  if (!regions_.emplace(name, std::move(mapping)).second) {
    return absl::AlreadyExistsError(
        absl::StrCat("shared memory region '", name, "' already in manager"));
  }
  return absl::OkStatus();
}

absl::Status SharedMemoryRegistry::Unregister(absl::string_view name) {
  absl::MutexLock lock(&mutex_);
  if (regions_.erase(name) == 0) {
    return absl::NotFoundError(
        absl::StrCat("Unable to find system shared memory region: '", name, "'"));
  }
  return absl::OkStatus();
}

void SharedMemoryRegistry::UnregisterAll() {
  absl::MutexLock lock(&mutex_);
  regions_.clear();
}

absl::StatusOr<std::vector<SharedMemoryRegistry::Region>> SharedMemoryRegistry::List(
    absl::string_view name) const {
  std::vector<Region> list;
  absl::MutexLock lock(&mutex_);
  for (const auto& [key, mapping] : regions_) {
    if (name.empty() || name == key) list.push_back(mapping->region);
  }
  if (!name.empty() && list.empty()) {
    return absl::NotFoundError(
        absl::StrCat("Unable to find system shared memory region: '", name, "'"));
  }
  std::sort(list.begin(), list.end(),
            [](const Region& a, const Region& b) { return a.name < b.name; });
  return list;
}

absl::StatusOr<std::shared_ptr<SharedMemoryRegistry::Mapping>> SharedMemoryRegistry::Find(
    absl::string_view name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = regions_.find(name);
  if (found == regions_.end()) {
    return absl::NotFoundError(absl::StrCat("Unable to find shared memory region: '", name, "'"));
  }
  return found->second;
}

absl::StatusOr<Buffer> SharedMemoryRegistry::Read(absl::string_view name, uint64_t offset,
                                                  uint64_t byte_size) const {
  if (absl::StartsWith(name, AttachedMemory::kPrefix))
    return attached_.Read(name, offset, byte_size);
  absl::StatusOr<std::shared_ptr<Mapping>> mapping = Find(name);
  if (!mapping.ok()) return mapping.status();
  const absl::StatusOr<uint64_t> place = (*mapping)->Place(offset, byte_size);
  if (!place.ok()) return place.status();
  if (byte_size > kMaxRead) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "at most ", kMaxRead, " bytes can be read from shared memory region '", name, "' at once"));
  }
  uint8_t* bytes;
  Buffer buffer = Buffer::Allocate(byte_size, &bytes);
  for (uint64_t done = 0; done < byte_size;) {
    const ssize_t n =
        pread((*mapping)->fd, bytes + done, byte_size - done, static_cast<off_t>(*place + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return absl::InvalidArgumentError(
          absl::StrCat("shared memory region '", name, "' cannot be read"));
    done += static_cast<uint64_t>(n);
  }
  return buffer;
}

absl::Status SharedMemoryRegistry::Write(absl::string_view name, uint64_t offset,
                                         absl::string_view bytes) const {
  if (absl::StartsWith(name, AttachedMemory::kPrefix)) return attached_.Write(name, offset, bytes);
  absl::StatusOr<std::shared_ptr<Mapping>> mapping = Find(name);
  if (!mapping.ok()) return mapping.status();
  const absl::StatusOr<uint64_t> place = (*mapping)->Place(offset, bytes.size());
  if (!place.ok()) return place.status();
  for (uint64_t done = 0; done < bytes.size();) {
    const ssize_t n = pwrite((*mapping)->fd, bytes.data() + done, bytes.size() - done,
                             static_cast<off_t>(*place + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return absl::InvalidArgumentError(
          absl::StrCat("shared memory region '", name, "' cannot be written"));
    done += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
