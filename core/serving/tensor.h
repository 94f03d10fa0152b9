// Values of requests and answers: dtype, shape and shared bytes. Copying one shares the bytes.
#ifndef CORE_SERVING_TENSOR_H_
#define CORE_SERVING_TENSOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "mirin/base.h"

namespace mirin::serving {

using Dims = absl::InlinedVector<int64_t, 6>;

// Bytes that something keeps alive: a request's message, a shared memory region, a session's output. Immutable once shared, but for
// foreign ones.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const void* data, size_t size, std::shared_ptr<const void> owner)
      : data_(static_cast<const uint8_t*>(data)), size_(size), owner_(std::move(owner)) {}
  // Owns a copy.
  static Buffer Copy(absl::string_view bytes);
  // Owns `size` uninitialised bytes, 64-byte aligned, to be filled through *out before the buffer is shared.
  static Buffer Allocate(size_t size, uint8_t** out);
  static Buffer FromString(std::string bytes);
  // Bytes of another process, which may change while they are read: who reads them twice, and relies on what was there, copies them.
  static Buffer Foreign(const void* data, size_t size, std::shared_ptr<const void> owner) {
    Buffer buffer(data, size, std::move(owner));
    buffer.is_foreign_ = true;
    return buffer;
  }

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  absl::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  bool is_foreign() const { return is_foreign_; }
  // A part; offset + size must lie inside.
  Buffer Slice(size_t offset, size_t size) const {
    Buffer part = *this;
    part.data_ += offset;
    part.size_ = size;
    return part;
  }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  std::shared_ptr<const void> owner_;
  bool is_foreign_ = false;
};

struct Tensor {
  mirin_dtype dtype = MIRIN_DTYPE_UNKNOWN;
  // Of a STRING tensor: its texts are bytes (MindSpore Serving's MS_BYTES), not UTF-8.
  bool is_bytes = false;
  Dims dims;
  Buffer data;                     // little endian, C order; empty for STRING
  std::vector<std::string> texts;  // STRING only: one per element
};

// Product of dims; InvalidArgument when one is negative or the product does not fit.
absl::StatusOr<int64_t> Elements(absl::Span<const int64_t> dims);
// Ok when `tensor` holds exactly the bytes (or texts) its shape and dtype need.
absl::Status CheckSize(const Tensor& tensor);
// "[2, 3]".
std::string DimsText(absl::Span<const int64_t> dims);
bool IsValidUtf8(absl::string_view text);
// For protocols that do not tell texts from bytes: sets is_bytes unless every text is UTF-8.
void DecideText(Tensor* tensor);

// Open Inference Protocol's names: "FP32", "INT64", "BOOL", "BYTES" .. ; "" and UNKNOWN when there is none.
absl::string_view OipName(mirin_dtype dtype);
mirin_dtype DtypeFromOip(absl::string_view name);

}  // namespace mirin::serving

#endif  // CORE_SERVING_TENSOR_H_
