#include "core/backend/backend.h"

#include <algorithm>

#include "core/base/tensor.h"

namespace mirin {

std::shared_ptr<void> WeightCache::Allocate(size_t bytes) {
  // Below, a page of 2 MiB would cost small models more than it gives.
  constexpr size_t kShared = size_t{128} << 10, kMiB = size_t{1} << 20, kAlign = 64;
  if (bytes < kShared || bytes > SIZE_MAX - kAlign) return AllocateAligned(bytes);
  bytes = (bytes + kAlign - 1) / kAlign * kAlign;
  absl::MutexLock lock(&mutex_);
  if (bytes > slab_bytes_ - slab_used_) {
    // As much again as there is: the last page of each is all that is touched in vain.
    const size_t size = std::max(bytes, std::min(std::max(total_, 4 * kMiB), 32 * kMiB));
    std::shared_ptr<void> slab = AllocateAligned(size);
    if (slab == nullptr) return AllocateAligned(bytes);
    // The one with more room serves the next request.
    if (size - bytes < slab_bytes_ - slab_used_) return slab;
    slab_ = std::move(slab);
    slab_used_ = 0;
    slab_bytes_ = size;
  }
  void* at = static_cast<char*>(slab_.get()) + slab_used_;
  slab_used_ += bytes;
  total_ += bytes;
  return std::shared_ptr<void>(slab_, at);
}

}  // namespace mirin
