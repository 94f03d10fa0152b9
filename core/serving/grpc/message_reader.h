// A bounded reader of protocol buffer wire format whose bytes lie in pieces, as messages come from the network. What nobody asks
// for is skipped, not copied.
#ifndef CORE_SERVING_GRPC_MESSAGE_READER_H_
#define CORE_SERVING_GRPC_MESSAGE_READER_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

// Iterates over the fields of one message, as WireReader does:
//   while (r.Next()) { if (r.field() == 2) ParseInstance(r.Message()); }
//   if (!r.ok()) ...  // truncated or malformed
class MessageReader {
 public:
  MessageReader() = default;
  // Borrows the pieces.
  explicit MessageReader(absl::Span<const absl::string_view> pieces) : pieces_(pieces) {
    for (absl::string_view piece : pieces) left_ += piece.size();
  }

  // Advances to the next field; false at the end and on damage.
  bool Next() {
    if (!ok_ || left_ == 0) return false;
    uint64_t tag;
    if (!Varint(&tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return Fail();
    field_ = static_cast<uint32_t>(tag >> 3);
    wire_type_ = static_cast<int>(tag & 7);
    number_ = 0;
    size_ = 0;
    switch (wire_type_) {
      case 0:
        return Varint(&number_) || Fail();
      case 1:
        return Value(8);
      case 2:
        return (Varint(&size_) && Value(size_)) || Fail();
      case 5:
        return Value(4);
      default:
        return Fail();
    }
  }

  bool ok() const { return ok_; }
  uint32_t field() const { return field_; }
  bool is_bytes() const { return wire_type_ == 2; }
  int64_t integer() const { return wire_type_ == 0 ? static_cast<int64_t>(number_) : 0; }

  // Calls fn for every element of a repeated number, packed or not; false when a packed one is damaged.
  template <typename Fn>
  bool Integers(Fn&& fn) const {
    if (wire_type_ != 2) {
      fn(integer());
      return true;
    }
    MessageReader packed = Message();
    uint64_t v;
    while (packed.left_ != 0) {
      if (!packed.Varint(&v)) return false;
      fn(static_cast<int64_t>(v));
    }
    return true;
  }

  // The following are of a field with is_bytes(); any other is empty.
  uint64_t size() const { return size_; }
  // Reads the field as a message.
  MessageReader Message() const {
    MessageReader inner;
    inner.pieces_ = pieces_;
    inner.piece_ = value_piece_;
    inner.at_ = value_at_;
    inner.left_ = size_;
    return inner;
  }
  // The field's bytes where they lie, or gathered in *scratch when they lie in several pieces.
  absl::string_view Bytes(std::string* scratch) const {
    if (size_ == 0) return {};
    if (pieces_[value_piece_].size() - value_at_ >= size_)
      return pieces_[value_piece_].substr(value_at_, size_);
    scratch->resize(size_);
    CopyTo(&(*scratch)[0]);
    return *scratch;
  }
  // Copies the field's size() bytes.
  void CopyTo(void* out) const {
    auto* to = static_cast<char*>(out);
    size_t piece = value_piece_, at = value_at_;
    for (uint64_t left = size_; left != 0; ++piece, at = 0) {
      const uint64_t n = std::min<uint64_t>(left, pieces_[piece].size() - at);
      if (n == 0) continue;
      std::memcpy(to, pieces_[piece].data() + at, n);
      to += n;
      left -= n;
    }
  }

 private:
  bool Fail() {
    ok_ = false;
    return false;
  }

  // Notes where a value of `size` bytes lies and goes behind it.
  bool Value(uint64_t size) {
    if (size > left_) return Fail();
    value_piece_ = piece_;
    value_at_ = at_;
    left_ -= size;
    while (size != 0) {
      const uint64_t here = pieces_[piece_].size() - at_;
      if (size < here) {
        at_ += size;
        break;
      }
      size -= here;
      ++piece_;
      at_ = 0;
    }
    return true;
  }

  bool Varint(uint64_t* out) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left_ == 0) return false;
      while (at_ == pieces_[piece_].size()) {
        ++piece_;
        at_ = 0;
      }
      const auto byte = static_cast<uint8_t>(pieces_[piece_][at_]);
      ++at_;
      --left_;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *out = value;
        return true;
      }
    }
    return false;
  }

  absl::Span<const absl::string_view> pieces_;
  size_t piece_ = 0;
  size_t at_ = 0;  // in the piece
  uint64_t left_ = 0;
  bool ok_ = true;
  uint32_t field_ = 0;
  int wire_type_ = 0;
  uint64_t number_ = 0;
  uint64_t size_ = 0;
  size_t value_piece_ = 0;
  size_t value_at_ = 0;
};

// A field of type string; false when it is none or not UTF-8.
inline bool ReadText(const MessageReader& field, std::string* out) {
  if (!field.is_bytes()) return false;
  out->resize(field.size());
  field.CopyTo(&(*out)[0]);
  return IsValidUtf8(*out);
}

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_MESSAGE_READER_H_
