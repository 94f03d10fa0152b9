#include "core/backend/weight_cache.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/tensor.h"

namespace mirin {

std::shared_ptr<const void> WeightCache::Find(const ir::Value* constant,
                                              const std::string& key) const {
  absl::MutexLock lock(&mutex_);
  const auto it = packed_.find(std::make_pair(constant, key));
  return it == packed_.end() ? nullptr : it->second;
}

std::shared_ptr<const void> WeightCache::Insert(const ir::Value* constant, const std::string& key,
                                                std::shared_ptr<const void> object) {
  absl::MutexLock lock(&mutex_);
  return packed_.try_emplace(std::make_pair(constant, key), std::move(object)).first->second;
}

absl::StatusOr<std::shared_ptr<const void>> WeightCache::GetOrPack(
    const ir::Value* constant, bool whole, const std::string& key, size_t bytes,
    absl::FunctionRef<absl::Status(void*)> fill) {
  if (auto found = Find(constant, key)) return found;
  PackedStore* store = whole ? store_.get() : nullptr;
  if (store != nullptr) {
    if (auto kept = store->Find(*constant, key, bytes)) {
      absl::MutexLock lock(&mutex_);
      ++counts_.reused;
      return packed_.try_emplace(std::make_pair(constant, key), std::move(kept)).first->second;
    }
  }
  const std::shared_ptr<void> memory = Allocate(bytes);
  if (memory == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for ", bytes, " bytes of packed weights"));
  }
  const absl::Status filled = fill(memory.get());
  if (!filled.ok()) return filled;
  if (store != nullptr) store->Keep(*constant, key, memory, bytes);
  absl::MutexLock lock(&mutex_);
  ++counts_.packed;
  return packed_.try_emplace(std::make_pair(constant, key), memory).first->second;
}

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

std::shared_ptr<void> WeightCache::Scratch(size_t bytes) {
  absl::MutexLock lock(&mutex_);
  if (scratch_ == nullptr || scratch_bytes_ < bytes || scratch_.use_count() > 1) {
    scratch_ = nullptr;  // first, for there may not be room for both
    scratch_ = AllocateAligned(bytes);
    scratch_bytes_ = bytes;
  }
  return scratch_;
}

void WeightCache::DropScratch() {
  absl::MutexLock lock(&mutex_);
  scratch_ = nullptr;
}

WeightCache::Counts WeightCache::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

}  // namespace mirin
