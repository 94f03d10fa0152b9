// Writes protocol buffer wire format, the counterpart of wire.h.
#ifndef CORE_MINDIR_WIRE_WRITER_H_
#define CORE_MINDIR_WIRE_WRITER_H_

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace mirin::mindir {

// One message being built. Fields appear in the order of the calls.
class WireWriter {
 public:
  void Integer(uint32_t field, int64_t value) {
    Varint(uint64_t{field} << 3);
    Varint(static_cast<uint64_t>(value));
  }
  void Bytes(uint32_t field, absl::string_view value) {
    Varint(uint64_t{field} << 3 | 2);
    Varint(value.size());
    bytes_.append(value.data(), value.size());
  }
  void Message(uint32_t field, const WireWriter& message) { Bytes(field, message.bytes_); }
  void Float32(uint32_t field, float value) { Fixed(field, 5, &value, sizeof value); }
  void Float64(uint32_t field, double value) { Fixed(field, 1, &value, sizeof value); }

  const std::string& bytes() const { return bytes_; }
  std::string Take() { return std::move(bytes_); }

 private:
  void Varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) bytes_.push_back(static_cast<char>(v | 0x80));
    bytes_.push_back(static_cast<char>(v));
  }
  void Fixed(uint32_t field, uint32_t wire_type, const void* value, size_t size) {
    Varint(uint64_t{field} << 3 | wire_type);
    bytes_.append(static_cast<const char*>(value), size);
  }

  std::string bytes_;
};

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_WIRE_WRITER_H_
