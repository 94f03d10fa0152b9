// Memory that server and worker share: sealed memfds without names.
#ifndef CORE_SERVING_WORKER_SEGMENT_H_
#define CORE_SERVING_WORKER_SEGMENT_H_

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/base/descriptor.h"
#include "core/serving/mapping.h"
#include "core/serving/tensor.h"

namespace mirin::serving::worker {

// The segments that the server lends to one worker. Thread-safe.
class SegmentPool : public std::enable_shared_from_this<SegmentPool> {
 public:
  static constexpr size_t kMaxSegments = 128;  // each costs the worker a descriptor
  static constexpr size_t kMaxIdleBytes = 64u << 20;

  // drop(segment) runs, under no lock and on any thread, for each segment that the pool forgets.
  explicit SegmentPool(std::function<void(uint32_t)> drop) : drop_(std::move(drop)) {}

  struct Lent {
    uint32_t segment = 0;
    uint64_t size = 0;
    Descriptor fd;  // valid when the worker does not know the segment yet
  };
  // Copies `data` into a segment, which is the worker's until Release. nullopt when there are too many, or no memory.
  std::optional<Lent> Lend(const Buffer& data);
  // The worker is done with it. InvalidArgument when it does not have it.
  absl::Status Release(uint32_t segment);
  // Bytes of a segment that the worker has. They stay until the last copy of the buffer is gone.
  absl::StatusOr<Buffer> Share(uint32_t segment, uint64_t offset, uint64_t size);

  size_t idle_bytes() const;

 private:
  struct Segment {
    std::shared_ptr<Mapping> mapping;
    bool lent = true;      // the worker has it
    uint32_t readers = 0;  // buffers that Share made
  };
  bool TakeIdle(size_t size, uint32_t* segment) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes a segment idle if nobody uses it; adds to `dropped` what becomes too much.
  void Settle(uint32_t id, std::vector<uint32_t>* dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(std::list<uint32_t>::iterator idle, std::vector<uint32_t>* dropped)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndRead(uint32_t id);
  void Drop(const std::vector<uint32_t>& dropped);

  const std::function<void(uint32_t)> drop_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<uint32_t, Segment> segments_ ABSL_GUARDED_BY(mutex_);
  std::list<uint32_t> idle_ ABSL_GUARDED_BY(mutex_);  // the one that was used last in front
  size_t idle_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t next_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace mirin::serving::worker

#endif  // CORE_SERVING_WORKER_SEGMENT_H_
