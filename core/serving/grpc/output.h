// Bytes on their way to a socket: small ones are gathered, large ones stay where they lie.
#ifndef CORE_SERVING_GRPC_OUTPUT_H_
#define CORE_SERVING_GRPC_OUTPUT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

class Output {
 public:
  // copy_all: of large ones too, for sockets that take one piece at a time.
  explicit Output(bool copy_all) : copy_all_(copy_all) {}

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void Append(absl::string_view bytes) {
    if (bytes.empty()) return;
    if (parts_.empty() || parts_.back().buffer.size() != 0) parts_.emplace_back();
    parts_.back().text.append(bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void Append(Buffer bytes) {
    if (copy_all_ || bytes.size() < kCopyBelow) return Append(bytes.view());
    size_ += bytes.size();
    parts_.emplace_back();
    parts_.back().buffer = std::move(bytes);
  }

  // The first bytes, in at most `count` pieces: how many pieces.
  size_t Front(absl::string_view* pieces, size_t count) const {
    size_t n = 0;
    for (size_t i = first_; i < parts_.size() && n < count; ++i) pieces[n++] = View(i);
    return n;
  }
  void Remove(size_t n) {
    size_ -= n;
    while (n != 0) {
      const size_t here = View(first_).size();
      if (n < here) {
        offset_ += n;
        return;
      }
      n -= here;
      offset_ = 0;
      parts_[first_++].buffer = Buffer();
    }
    if (size_ != 0) return;
    // the memory of the first one serves again
    std::string text;
    if (!parts_.empty() && parts_[0].text.capacity() <= kKept) text = std::move(parts_[0].text);
    parts_.clear();
    first_ = 0;
    if (text.capacity() == 0) return;
    text.clear();
    parts_.emplace_back();
    parts_[0].text = std::move(text);
  }

 private:
  struct Part {
    std::string text;
    Buffer buffer;  // where it is not empty, instead of the text
  };
  static constexpr size_t kCopyBelow = 4096;
  static constexpr size_t kKept = 4096;

  absl::string_view View(size_t i) const {
    const Part& part = parts_[i];
    const absl::string_view all = part.buffer.size() != 0 ? part.buffer.view() : part.text;
    return i == first_ ? all.substr(offset_) : all;
  }

  const bool copy_all_;
  std::vector<Part> parts_;
  size_t first_ = 0;   // that is not written yet
  size_t offset_ = 0;  // in it
  size_t size_ = 0;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_OUTPUT_H_
