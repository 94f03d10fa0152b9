// Memory that processes share: sealed memfds without names in the file system.
#ifndef CORE_SERVING_MAPPING_H_
#define CORE_SERVING_MAPPING_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "core/base/descriptor.h"

namespace mirin::serving {

class Mapping {
 public:
  // A new segment that this process alone can write.
  static absl::StatusOr<std::shared_ptr<Mapping>> Create(size_t size, Descriptor* out_fd);
  // The first `size` bytes of another process's segment, to read, and to write where that is asked for. InvalidArgument unless the
  // descriptor is a memfd of at least that size that nobody can shorten: using it cannot end in SIGBUS.
  static absl::StatusOr<std::shared_ptr<Mapping>> Open(const Descriptor& fd, uint64_t size,
                                                       bool writable = false);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  Mapping(void* data, size_t size) : data_(static_cast<uint8_t*>(data)), size_(size) {}
  uint8_t* data_;
  size_t size_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_MAPPING_H_
