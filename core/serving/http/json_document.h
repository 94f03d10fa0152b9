// A JSON text, read by RapidJSON in place. Runs of numbers in arrays lie packed, so that tensors are converted, not collected.
#ifndef CORE_SERVING_HTTP_JSON_DOCUMENT_H_
#define CORE_SERVING_HTTP_JSON_DOCUMENT_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace mirin::serving {

enum class JsonKind : uint8_t { kNone, kNull, kBool, kInt, kFloat, kString, kObject, kArray };

// What an array holds.
enum class JsonItems : uint8_t {
  kNone,
  kBools,
  kInts,
  kFloats,
  kNumbers,  // integers and floats: all are kept as floats
  kValues,   // strings, objects, arrays, nulls
  kMixed,    // bools or numbers beside anything else: their values are lost
};

class JsonDocument;

// Borrowed from its document; "absent" is one too, of kind kNone.
class JsonValue {
 public:
  JsonValue() = default;
  JsonValue(const JsonDocument* document, uint32_t index) : document_(document), index_(index) {}

  JsonKind kind() const;
  bool present() const { return document_ != nullptr; }
  bool boolean() const;
  int64_t integer() const;  // the bits of a uint64 where above_int64()
  bool above_int64() const;
  double number() const;
  absl::string_view text() const;

  // Objects and arrays: how many members or items.
  uint32_t size() const;
  // Arrays.
  JsonItems items() const;
  JsonKind first_item() const;
  bool has_negative() const;                   // of kInts
  absl::Span<const int64_t> integers() const;  // kInts, kBools
  absl::Span<const double> floats() const;     // kFloats, kNumbers

  // Of kValues: fn(JsonValue); of objects: fn(absl::string_view key, JsonValue). fn returns false to end.
  template <typename Fn>
  void ForEachItem(Fn&& fn) const;
  template <typename Fn>
  void ForEachMember(Fn&& fn) const;
  // The last member of that name, as is usual for duplicates.
  JsonValue Find(absl::string_view key) const;

 private:
  const JsonDocument* document_ = nullptr;
  uint32_t index_ = 0;
};

class JsonDocument {
 public:
  static constexpr int kMaxDepth = 32;
  static constexpr uint32_t kMaxValues = 1u << 22;  // numbers in arrays do not count

  // Reads text[0, size). Changes it (strings are decoded in place), text[size] too but only meanwhile. It must outlive this and be 16-byte
  // readable to its end, as Buffer::Allocate(size + 1) makes it. Once per document.
  absl::Status Parse(char* text, size_t size);
  JsonValue root() const { return JsonValue(this, 0); }

 private:
  friend class JsonValue;
  friend class JsonBuilder;
  struct Node {
    JsonKind kind = JsonKind::kNone;
    JsonItems items = JsonItems::kNone;
    JsonKind first = JsonKind::kNone;
    bool above_int64 = false;
    bool negative = false;
    uint32_t size = 0;  // items, members, bytes of a string
    uint32_t next = 0;  // the node behind this one's
    union {
      int64_t integer = 0;
      double number;
      const char* text;
      size_t offset;  // of the first number
    };
  };
  std::vector<Node> nodes_;
  std::vector<int64_t> integers_;
  std::vector<double> floats_;
};

template <typename Fn>
void JsonValue::ForEachItem(Fn&& fn) const {
  const uint32_t end = document_->nodes_[index_].next;
  for (uint32_t i = index_ + 1; i < end; i = document_->nodes_[i].next) {
    if (!fn(JsonValue(document_, i))) return;
  }
}

template <typename Fn>
void JsonValue::ForEachMember(Fn&& fn) const {
  const uint32_t end = document_->nodes_[index_].next;
  for (uint32_t i = index_ + 1; i < end; i = document_->nodes_[i + 1].next) {
    if (!fn(JsonValue(document_, i).text(), JsonValue(document_, i + 1))) return;
  }
}

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_JSON_DOCUMENT_H_
