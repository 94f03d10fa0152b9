// Memory as clients make it for the server to attach, for tests.
#ifndef CORE_SERVING_TESTING_CLIENT_MEMORY_H_
#define CORE_SERVING_TESTING_CLIENT_MEMORY_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "absl/strings/string_view.h"
#include "core/base/descriptor.h"
#include "core/serving/attached_memory.h"
#include "gtest/gtest.h"

namespace mirin::serving {

class ClientMemory {
 public:
  explicit ClientMemory(size_t size, char secret = 's',
                        const char* name = AttachedMemory::kName.data(),
                        int seals = F_SEAL_SHRINK | F_SEAL_GROW)
      : secret_(AttachedMemory::kSecret, secret),
        size_(size),
        fd_(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    EXPECT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
    Write(0, AttachedMemory::kMagic);
    Write(AttachedMemory::kMagic.size(), secret_);
    EXPECT_EQ(::fcntl(fd_.get(), F_ADD_SEALS, seals), 0);
  }

  AttachedMemory::Offer Offer() const { return {::getpid(), fd_.get(), size_, secret_}; }
  std::string Key() const { return AttachedMemory::KeyOf(secret_); }
  void Write(size_t offset, absl::string_view bytes) {
    EXPECT_EQ(::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
  }
  std::string Read(size_t offset, size_t size) const {
    std::string bytes(size, '\0');
    EXPECT_EQ(::pread(fd_.get(), &bytes[0], size, static_cast<off_t>(offset)),
              static_cast<ssize_t>(size));
    return bytes;
  }

 private:
  const std::string secret_;
  const size_t size_;
  const Descriptor fd_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_TESTING_CLIENT_MEMORY_H_
