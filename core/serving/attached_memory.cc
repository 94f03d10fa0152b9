#include "core/serving/attached_memory.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/descriptor.h"
#include "core/base/status.h"

namespace mirin::serving {
namespace {

// What descriptor `path` of /proc refers to.
std::string TargetOf(const std::string& path) {
  char target[64];
  const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
  return n < 0 ? std::string() : std::string(target, static_cast<size_t>(n));
}

// Looks at what it is before opening it: opening a pipe or a device may have consequences.
absl::StatusOr<Descriptor> OpenOf(int64_t process, int64_t descriptor) {
  const std::string path = absl::StrCat("/proc/", process, "/fd/", descriptor);
  const Descriptor place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place.valid()) return absl::ErrnoToStatus(errno, "the client's memory cannot be opened");
  const std::string own = absl::StrCat("/proc/self/fd/", place.get());
  if (TargetOf(own) != absl::StrCat("/memfd:", AttachedMemory::kName, " (deleted)"))
    return absl::InvalidArgumentError("the descriptor is not that of a client's memory");
  Descriptor memory(::open(own.c_str(), O_RDWR | O_CLOEXEC));
  if (!memory.valid()) return absl::ErrnoToStatus(errno, "the client's memory cannot be opened");
  return memory;
}

}  // namespace

std::string AttachedMemory::KeyOf(absl::string_view secret) {
  return absl::StrCat(kPrefix, absl::BytesToHexString(secret));
}

absl::StatusOr<std::shared_ptr<const void>> AttachedMemory::Attach(const Offer& offer) {
  if (offer.process <= 0 || offer.descriptor < 0 || offer.secret.size() != kSecret ||
      offer.size < kMagic.size() + kSecret) {
    return absl::InvalidArgumentError("the offer of memory is not complete");
  }
  MIRIN_ASSIGN_OR_RETURN(const Descriptor memory, OpenOf(offer.process, offer.descriptor));
  MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<Mapping> mapping,
                         Mapping::Open(memory, offer.size, /*writable=*/true));
  if (std::memcmp(mapping->data(), kMagic.data(), kMagic.size()) != 0 ||
      CRYPTO_memcmp(mapping->data() + kMagic.size(), offer.secret.data(), kSecret) != 0) {
    return absl::InvalidArgumentError("the secret is not that of the memory");
  }
  std::string key = KeyOf(offer.secret);
  {
    absl::MutexLock lock(&state_->mutex);
    if (state_->regions.size() >= kMost)
      return absl::ResourceExhaustedError(
          absl::StrCat("at most ", kMost, " pieces of memory can be attached"));
    if (!state_->regions.emplace(key, std::move(mapping)).second)
      return absl::AlreadyExistsError("the memory is attached already");
  }
  return std::shared_ptr<const void>(this, [state = state_, key = std::move(key)](const void*) {
    std::shared_ptr<Mapping> last;  // unmapped without the lock
    absl::MutexLock lock(&state->mutex);
    const auto found = state->regions.find(key);
    last = std::move(found->second);
    state->regions.erase(found);
  });
}

absl::StatusOr<std::shared_ptr<Mapping>> AttachedMemory::Find(absl::string_view key,
                                                              uint64_t offset,
                                                              uint64_t size) const {
  std::shared_ptr<Mapping> mapping;
  {
    absl::MutexLock lock(&state_->mutex);
    const auto found = state_->regions.find(key);
    if (found == state_->regions.end())
      return absl::NotFoundError(absl::StrCat("Unable to find shared memory region: '", key, "'"));
    mapping = found->second;
  }
  if (offset > mapping->size() || size > mapping->size() - offset) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid offset + byte size for shared memory region: '", key, "': ", offset,
                     " + ", size, " of ", mapping->size()));
  }
  return mapping;
}

absl::StatusOr<Buffer> AttachedMemory::Read(absl::string_view key, uint64_t offset,
                                            uint64_t size) const {
  MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<Mapping> mapping, Find(key, offset, size));
  const uint8_t* const data = mapping->data() + offset;
  return Buffer::Foreign(data, size, std::move(mapping));
}

absl::Status AttachedMemory::Write(absl::string_view key, uint64_t offset,
                                   absl::string_view bytes) const {
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<Mapping> mapping, Find(key, offset, bytes.size()));
  if (!bytes.empty()) std::memcpy(mapping->data() + offset, bytes.data(), bytes.size());
  return absl::OkStatus();
}

}  // namespace mirin::serving
