// A bounded reader of protocol buffer wire format over borrowed bytes: nothing is copied, nothing is allocated.
#ifndef CORE_BASE_WIRE_H_
#define CORE_BASE_WIRE_H_

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace mirin {

// Iterates over the fields of one message:
//   WireReader r(bytes);
//   while (r.Next()) { if (r.field() == 1) name = r.bytes(); }
//   if (!r.ok()) ...  // truncated or malformed at r.position()
class WireReader {
 public:
  explicit WireReader(absl::string_view bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // Advances to the next field; false at the end and on damage.
  bool Next() {
    if (!ok_ || at_ == end_) return false;
    uint64_t tag;
    if (!Varint(&tag)) return Fail();
    field_ = static_cast<uint32_t>(tag >> 3);
    wire_type_ = static_cast<int>(tag & 7);
    if (field_ == 0 || (tag >> 3) > 0x1fffffff) return Fail();
    switch (wire_type_) {
      case 0:
        return Varint(&number_) || Fail();
      case 1:
        return Fixed(8) || Fail();
      case 2: {
        uint64_t size;
        if (!Varint(&size) || size > static_cast<uint64_t>(end_ - at_)) return Fail();
        bytes_ = absl::string_view(at_, size);
        at_ += size;
        return true;
      }
      case 5:
        return Fixed(4) || Fail();
      default:
        return Fail();
    }
  }

  bool ok() const { return ok_; }
  size_t position() const { return static_cast<size_t>(at_ - begin_); }
  uint32_t field() const { return field_; }
  bool is_bytes() const { return wire_type_ == 2; }

  // The field's value; zero or empty when the wire type is another one.
  absl::string_view bytes() const { return wire_type_ == 2 ? bytes_ : absl::string_view(); }
  int64_t integer() const { return wire_type_ == 0 ? static_cast<int64_t>(number_) : 0; }
  float float32() const {
    float f = 0;
    if (wire_type_ == 5) std::memcpy(&f, &number_, sizeof f);
    return f;
  }
  double float64() const {
    double d = 0;
    if (wire_type_ == 1) std::memcpy(&d, &number_, sizeof d);
    return d;
  }

  // Calls fn for every element of a repeated number, packed or not; false when a packed one is damaged.
  template <typename Fn>
  bool Integers(Fn&& fn) {
    if (wire_type_ == 0) {
      fn(integer());
      return true;
    }
    WireReader packed(bytes());
    uint64_t v;
    while (packed.at_ != packed.end_) {
      if (!packed.Varint(&v)) return Fail();
      fn(static_cast<int64_t>(v));
    }
    return true;
  }
  template <typename T, typename Fn>
  bool Floats(Fn&& fn) {
    if (wire_type_ != 2) {
      fn(sizeof(T) == 4 ? static_cast<T>(float32()) : static_cast<T>(float64()));
      return true;
    }
    if (bytes_.size() % sizeof(T) != 0) return Fail();
    for (size_t i = 0; i < bytes_.size(); i += sizeof(T)) {
      T v;
      std::memcpy(&v, bytes_.data() + i, sizeof v);
      fn(v);
    }
    return true;
  }

 private:
  bool Fail() {
    ok_ = false;
    return false;
  }

  bool Varint(uint64_t* out) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return false;
      const uint8_t byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *out = value;
        return true;
      }
    }
    return false;
  }

  bool Fixed(size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) return false;
    number_ = 0;
    std::memcpy(&number_, at_, size);
    at_ += size;
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  bool ok_ = true;
  uint32_t field_ = 0;
  int wire_type_ = 0;
  uint64_t number_ = 0;
  absl::string_view bytes_;
};

}  // namespace mirin

#endif  // CORE_BASE_WIRE_H_
