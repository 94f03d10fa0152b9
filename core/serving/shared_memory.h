// Memory that clients share with the server: system shared memory that they registered (the Triton extension), and what they
// attached. Requests may name no other.
#ifndef CORE_SERVING_SHARED_MEMORY_H_
#define CORE_SERVING_SHARED_MEMORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/attached_memory.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

class SharedMemoryRegistry {
 public:
  struct Region {
    std::string name;
    std::string key;
    uint64_t offset = 0;
    uint64_t byte_size = 0;
  };

  // key: a POSIX shared memory name, "/abc" or "abc"; it may hold no other '/'. A region that its owner shortens cannot kill the
  // server: what lies beyond the new end can no longer be read or written.
  absl::Status Register(absl::string_view name, absl::string_view key, uint64_t offset,
                        uint64_t byte_size);
  absl::Status Unregister(absl::string_view name);
  void UnregisterAll();
  // name "" lists all.
  absl::StatusOr<std::vector<Region>> List(absl::string_view name) const;

  // Its keys are names for Read and Write.
  AttachedMemory& attached() { return attached_; }
  const AttachedMemory& attached() const { return attached_; }

  // A copy of bytes of a region: what its owner does afterwards changes nothing. Of attached memory, those bytes themselves.
  absl::StatusOr<Buffer> Read(absl::string_view name, uint64_t offset, uint64_t byte_size) const;
  absl::Status Write(absl::string_view name, uint64_t offset, absl::string_view bytes) const;

 private:
  struct Mapping;
  absl::StatusOr<std::shared_ptr<Mapping>> Find(absl::string_view name) const;

  AttachedMemory attached_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<Mapping>> regions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_SHARED_MEMORY_H_
