#include "core/serving/grpc/message_assembler.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::serving {
namespace {

constexpr uint64_t kFirstRoom = 1 << 20;

// Bytes, and their place in the budget.
struct Block {
  Block(std::shared_ptr<MemoryBudget> b, uint64_t n) : budget(std::move(b)), size(n) {}
  Block(const Block&) = delete;
  ~Block() { budget->Return(size); }

  const std::shared_ptr<MemoryBudget> budget;
  const uint64_t size;
  Buffer bytes;
};

}  // namespace

absl::Status TooLarge(uint64_t size, uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("Received message larger than max (", size, " vs. ", limit, ")"));
}

absl::Status OutOfBudget() {
  return absl::ResourceExhaustedError("the server has no memory left for messages");
}

absl::StatusOr<Buffer> Charge(const std::shared_ptr<MemoryBudget>& budget, Buffer bytes) {
  if (!budget->Take(bytes.size())) return OutOfBudget();
  const auto block = std::make_shared<Block>(budget, bytes.size());
  block->bytes = std::move(bytes);
  return Buffer(block->bytes.data(), block->bytes.size(), block);
}

absl::StatusOr<bool> MessageAssembler::Take(absl::string_view* bytes) {
  if (prefix_have_ < kPrefix) {
    const size_t n = std::min(bytes->size(), kPrefix - prefix_have_);
    std::memcpy(prefix_ + prefix_have_, bytes->data(), n);
    prefix_have_ += n;
    bytes->remove_prefix(n);
    if (prefix_have_ < kPrefix) return false;
    MIRIN_RETURN_IF_ERROR(Begin());
  }
  while (have_ < size_ && !bytes->empty()) {
    if (have_ == room_) MIRIN_RETURN_IF_ERROR(Grow());
    const uint64_t n = std::min<uint64_t>(bytes->size(), room_ - have_);
    std::memcpy(data_ + have_, bytes->data(), n);
    have_ += n;
    bytes->remove_prefix(n);
  }
  return have_ == size_;
}

absl::Status MessageAssembler::Begin() {
  size_ = uint64_t{prefix_[1]} << 24 | uint64_t{prefix_[2]} << 16 | uint64_t{prefix_[3]} << 8 |
          prefix_[4];
  have_ = room_ = 0;
  if (prefix_[0] > 1) return absl::InternalError("a message begins with an unknown flag");
  if (size_ > limit_) return TooLarge(size_, limit_);
  return absl::OkStatus();
}

absl::Status MessageAssembler::Grow() {
  const uint64_t room = room_ == 0 ? std::min(size_, kFirstRoom) : size_;
  uint8_t* data;
  MIRIN_ASSIGN_OR_RETURN(Buffer buffer, Charge(budget_, Buffer::Allocate(room, &data)));
  if (have_ != 0) std::memcpy(data, data_, have_);
  buffer_ = std::move(buffer);
  data_ = data;
  room_ = room;
  return absl::OkStatus();
}

Buffer MessageAssembler::Message() {
  prefix_have_ = 0;
  return std::exchange(buffer_, Buffer());
}

}  // namespace mirin::serving
