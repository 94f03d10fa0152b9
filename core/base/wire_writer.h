// Writes protocol buffer wire format, the counterpart of wire.h.
#ifndef CORE_BASE_WIRE_WRITER_H_
#define CORE_BASE_WIRE_WRITER_H_

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace mirin {

// One message being built. Fields appear in the order of the calls.
class WireWriter {
 public:
  void Integer(uint32_t field, int64_t value) {
    Varint(uint64_t{field} << 3);
    Varint(static_cast<uint64_t>(value));
  }
  void Bytes(uint32_t field, absl::string_view value) {
    Prefix(field, value.size());
    bytes_.append(value.data(), value.size());
  }
  // Begins a field whose `size` bytes the caller writes behind what is here so far, or sends after it.
  void Prefix(uint32_t field, size_t size) {
    Varint(uint64_t{field} << 3 | 2);
    Varint(size);
  }
  void Message(uint32_t field, const WireWriter& message) { Bytes(field, message.bytes_); }
  void Float32(uint32_t field, float value) { Fixed(field, 5, &value, sizeof value); }
  void Float64(uint32_t field, double value) { Fixed(field, 1, &value, sizeof value); }

  // A repeated number in its packed form; nothing when there is none.
  template <typename Numbers>
  void Packed(uint32_t field, const Numbers& numbers) {
    if (numbers.empty()) return;
    size_t size = 0;
    for (int64_t n : numbers) size += VarintSize(static_cast<uint64_t>(n));
    Prefix(field, size);
    for (int64_t n : numbers) Varint(static_cast<uint64_t>(n));
  }
  void Append(absl::string_view bytes) { bytes_.append(bytes.data(), bytes.size()); }

  static size_t VarintSize(uint64_t v) {
    size_t size = 1;
    for (; v >= 0x80; v >>= 7) ++size;
    return size;
  }
  // What a field of `size` bytes takes with its prefix.
  static size_t BytesSize(uint32_t field, size_t size) {
    return VarintSize(uint64_t{field} << 3) + VarintSize(size) + size;
  }

  const std::string& bytes() const { return bytes_; }
  void Clear() { bytes_.clear(); }
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

}  // namespace mirin

#endif  // CORE_BASE_WIRE_WRITER_H_
