// The headers that a call begins with.
#ifndef CORE_SERVING_GRPC_CALL_HEAD_H_
#define CORE_SERVING_GRPC_CALL_HEAD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mirin::serving {

// Of the headers of a call: names and values, each with 32 bytes more.
constexpr size_t kMaxHeadSize = 16 << 10;

class CallHead {
 public:
  void Add(absl::string_view name, absl::string_view value);

  // More than anybody needs.
  bool excessive() const { return size_ > 4 * kMaxHeadSize; }
  bool too_large() const { return size_ > kMaxHeadSize; }
  // HTTP's status for what is no gRPC; null: it is.
  const char* HttpRefusal() const;
  // What gRPC says against it, before it looks for the method and after.
  absl::Status CheckForm() const;
  absl::Status CheckEncoding() const;

  // That the answer may take from now on; infinite: for ever.
  absl::Duration timeout() const { return timeout_; }
  // Of compressed messages; "": identity.
  const std::string& encoding() const { return encoding_; }
  // What the client sends, or "".
  const std::string& id() const { return id_; }
  const std::string& traceparent() const { return traceparent_; }

 private:
  void ReadTimeout(absl::string_view text);

  size_t size_ = 0;
  bool is_post_ = false, is_grpc_ = false, te_trailers_ = false, bad_timeout_ = false;
  absl::Duration timeout_ = absl::InfiniteDuration();
  std::string encoding_, id_, traceparent_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_CALL_HEAD_H_
