// A message that goes out: what was written, and between it tensors' bytes sent from where they lie.
#ifndef CORE_SERVING_GRPC_REPLY_WRITER_H_
#define CORE_SERVING_GRPC_REPLY_WRITER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/base/wire_writer.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

class ReplyWriter {
 public:
  struct Piece {
    std::string text;  // empty: the buffer
    Buffer buffer;
  };

  // For what is small.
  WireWriter& wire() { return wire_; }
  // Bytes of a field whose prefix was written. Large ones are not copied.
  void Data(const Buffer& buffer) {
    if (buffer.size() < kCopyBelow) {
      wire_.Append(buffer.view());
      return;
    }
    Flush();
    pieces_.push_back({std::string(), buffer});
  }
  std::vector<Piece> Take() {
    Flush();
    return std::move(pieces_);
  }

 private:
  static constexpr size_t kCopyBelow = 4096;

  void Flush() {
    if (wire_.bytes().empty()) return;
    pieces_.push_back({wire_.Take(), Buffer()});
    wire_.Clear();
  }

  WireWriter wire_;
  std::vector<Piece> pieces_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_REPLY_WRITER_H_
