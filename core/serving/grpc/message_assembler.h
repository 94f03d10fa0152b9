// gRPC's messages (a flag, four bytes of length, the bytes) out of the pieces in which they come.
#ifndef CORE_SERVING_GRPC_MESSAGE_ASSEMBLER_H_
#define CORE_SERVING_GRPC_MESSAGE_ASSEMBLER_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

// Bytes that the messages of all connections may hold. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t bytes) : left_(static_cast<int64_t>(bytes)) {}
  bool Take(uint64_t bytes) {
    const auto n = static_cast<int64_t>(bytes);
    if (left_.fetch_sub(n, std::memory_order_relaxed) >= n) return true;
    Return(bytes);
    return false;
  }
  void Return(uint64_t bytes) {
    left_.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> left_;
};

// What gRPC says of a message of `size` bytes.
absl::Status TooLarge(uint64_t size, uint64_t limit);
// What those hear who come when the budget is spent.
absl::Status OutOfBudget();

// `bytes`, which count against `budget` for as long as they, or slices of them, live.
absl::StatusOr<Buffer> Charge(const std::shared_ptr<MemoryBudget>& budget, Buffer bytes);

class MessageAssembler {
 public:
  // limit: of a message. Messages are charged to `budget`.
  MessageAssembler(uint64_t limit, std::shared_ptr<MemoryBudget> budget)
      : limit_(limit), budget_(std::move(budget)) {}

  // Takes bytes from the front of *bytes until a message is complete (true; then Message() before the next Take) or they end.
  // ResourceExhausted: the message is larger than its limit, or all together than the budget; memory is not taken for it.
  // Internal: it is no message.
  absl::StatusOr<bool> Take(absl::string_view* bytes);
  Buffer Message();
  // Of the complete message.
  bool compressed() const { return prefix_[0] != 0; }
  // A part of a message has come.
  bool in_message() const { return prefix_have_ != 0; }

 private:
  static constexpr size_t kPrefix = 5;

  absl::Status Begin();
  absl::Status Grow();

  const uint64_t limit_;
  const std::shared_ptr<MemoryBudget> budget_;
  uint8_t prefix_[kPrefix] = {};
  size_t prefix_have_ = 0;
  uint64_t size_ = 0;
  uint64_t have_ = 0;
  uint64_t room_ =
      0;  // of buffer_: grows with what comes, so that an announcement alone costs nothing
  Buffer buffer_;
  uint8_t* data_ = nullptr;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_MESSAGE_ASSEMBLER_H_
