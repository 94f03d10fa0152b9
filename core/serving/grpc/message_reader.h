// Reads a message's fields where they lie; tensors' bytes are handed out as parts of the message.
#ifndef CORE_SERVING_GRPC_MESSAGE_READER_H_
#define CORE_SERVING_GRPC_MESSAGE_READER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "core/base/wire.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

// Iterates over the fields of one message, as WireReader does:
//   while (r.Next()) { if (r.field() == 2) ParseInstance(r.Message()); }
//   if (!r.ok()) ...  // truncated or malformed
class MessageReader {
 public:
  MessageReader() = default;
  // Borrows the buffer, not only its bytes.
  explicit MessageReader(const Buffer& message) : MessageReader(&message, message.view()) {}

  bool Next() { return wire_.Next(); }
  bool ok() const { return wire_.ok(); }
  uint32_t field() const { return wire_.field(); }
  bool is_bytes() const { return wire_.is_bytes(); }
  int64_t integer() const { return wire_.integer(); }
  // As WireReader's.
  template <typename Fn>
  bool Integers(Fn&& fn) {
    return wire_.Integers(std::forward<Fn>(fn));
  }
  template <typename T, typename Fn>
  bool Floats(Fn&& fn) {
    return wire_.Floats<T>(std::forward<Fn>(fn));
  }

  // The following are of a field with is_bytes(); any other is empty.
  absl::string_view bytes() const { return wire_.bytes(); }
  MessageReader Message() const { return MessageReader(message_, bytes()); }
  // A part of the message where that is aligned for items of a size, else a copy. Not of an empty field.
  Buffer Data(size_t item) const {
    const absl::string_view all = bytes();
    if (reinterpret_cast<uintptr_t>(all.data()) % item != 0) return Buffer::Copy(all);
    return Buffer(all.data(), all.size(), message_->owner());
  }

 private:
  MessageReader(const Buffer* message, absl::string_view bytes) : message_(message), wire_(bytes) {}

  const Buffer* message_ = nullptr;
  WireReader wire_{absl::string_view()};
};

// A field of type string; false when it is none or not UTF-8.
inline bool ReadText(const MessageReader& field, std::string* out) {
  if (!field.is_bytes()) return false;
  out->assign(field.bytes().data(), field.bytes().size());
  return IsValidUtf8(*out);
}

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_MESSAGE_READER_H_
