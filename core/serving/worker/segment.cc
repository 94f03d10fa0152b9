#include "core/serving/worker/segment.h"

#include <cstdint>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace mirin::serving::worker {
namespace {

size_t SizeClass(size_t size) {
  size_t room = 64u << 10;
  while (room < size) room *= 2;
  return room;
}

}  // namespace

bool SegmentPool::TakeIdle(size_t size, uint32_t* segment) {
  for (auto it = idle_.begin(); it != idle_.end(); ++it) {
    Segment& candidate = segments_.at(*it);
    if (candidate.mapping->size() != size) continue;
    *segment = *it;
    candidate.lent = true;
    idle_bytes_ -= size;
    idle_.erase(it);
    return true;
  }
  return false;
}

std::optional<SegmentPool::Lent> SegmentPool::Lend(const Buffer& data) {
  if (data.size() > SIZE_MAX / 4) return std::nullopt;
  const size_t size = SizeClass(data.size());
  Lent lent;
  lent.size = size;
  std::shared_ptr<Mapping> mapping;
  std::vector<uint32_t> dropped;
  bool full = false;
  {
    absl::MutexLock lock(&mutex_);
    if (TakeIdle(size, &lent.segment)) {
      mapping = segments_.at(lent.segment).mapping;
    } else if (segments_.size() >= kMaxSegments) {
      full = idle_.empty();
      if (!full) Forget(std::prev(idle_.end()), &dropped);
    }
  }
  Drop(dropped);
  if (full) return std::nullopt;
  if (mapping == nullptr) {
    absl::StatusOr<std::shared_ptr<Mapping>> made = Mapping::Create(size, &lent.fd);
    if (!made.ok()) return std::nullopt;
    mapping = *std::move(made);
    absl::MutexLock lock(&mutex_);
    lent.segment = next_++;
    segments_[lent.segment].mapping = mapping;
  }
  std::memcpy(mapping->data(), data.data(), data.size());
  return lent;
}

absl::Status SegmentPool::Release(uint32_t segment) {
  std::vector<uint32_t> dropped;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = segments_.find(segment);
    if (it == segments_.end() || !it->second.lent) {
      return absl::InvalidArgumentError(
          absl::StrCat("a release of segment ", segment, ", which the worker does not have"));
    }
    it->second.lent = false;
    Settle(segment, &dropped);
  }
  Drop(dropped);
  return absl::OkStatus();
}

absl::StatusOr<Buffer> SegmentPool::Share(uint32_t segment, uint64_t offset, uint64_t size) {
  absl::MutexLock lock(&mutex_);
  const auto it = segments_.find(segment);
  if (it == segments_.end() || !it->second.lent) {
    return absl::InvalidArgumentError(
        absl::StrCat("segment ", segment, " handed back, which the worker does not have"));
  }
  const std::shared_ptr<Mapping>& mapping = it->second.mapping;
  if (offset > mapping->size() || size > mapping->size() - offset) {
    return absl::InvalidArgumentError(absl::StrCat("a tensor beyond the end of segment ", segment));
  }
  ++it->second.readers;
  std::shared_ptr<const void> reader(mapping->data(), [pool = shared_from_this(), mapping, segment](
                                                          const void*) { pool->EndRead(segment); });
  return Buffer(mapping->data() + offset, size, std::move(reader));
}

void SegmentPool::EndRead(uint32_t id) {
  std::vector<uint32_t> dropped;
  {
    absl::MutexLock lock(&mutex_);
    --segments_.at(id).readers;
    Settle(id, &dropped);
  }
  Drop(dropped);
}

void SegmentPool::Settle(uint32_t id, std::vector<uint32_t>* dropped) {
  Segment& segment = segments_.at(id);
  if (segment.lent || segment.readers > 0) return;
  idle_.push_front(id);
  idle_bytes_ += segment.mapping->size();
  while (idle_bytes_ > kMaxIdleBytes) Forget(std::prev(idle_.end()), dropped);
}

void SegmentPool::Forget(std::list<uint32_t>::iterator idle, std::vector<uint32_t>* dropped) {
  dropped->push_back(*idle);
  idle_bytes_ -= segments_.at(*idle).mapping->size();
  segments_.erase(*idle);
  idle_.erase(idle);
}

void SegmentPool::Drop(const std::vector<uint32_t>& dropped) {
  for (uint32_t segment : dropped) drop_(segment);
}

size_t SegmentPool::idle_bytes() const {
  absl::MutexLock lock(&mutex_);
  return idle_bytes_;
}

}  // namespace mirin::serving::worker
