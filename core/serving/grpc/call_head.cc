#include "core/serving/grpc/call_head.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxKept = 256;  // of ids that clients send

// "application/grpc", alone or as protocol buffers.
bool IsGrpc(absl::string_view content_type) {
  if (!absl::ConsumePrefix(&content_type, "application/grpc")) return false;
  absl::ConsumePrefix(&content_type, "+proto");
  return content_type.empty() || content_type[0] == ';';
}

}  // namespace

void CallHead::Add(absl::string_view name, absl::string_view value) {
  size_ += name.size() + value.size() + 32;
  if (too_large()) return;
  const auto keep = [&](std::string* to) {
    if (value.size() <= kMaxKept) to->assign(value.data(), value.size());
  };
  if (name == ":method") {
    is_post_ = value == "POST";
  } else if (name == "content-type") {
    is_grpc_ = IsGrpc(value);
  } else if (name == "te") {
    te_trailers_ = value == "trailers";
  } else if (name == "grpc-timeout") {
    ReadTimeout(value);
  } else if (name == "grpc-encoding") {
    if (value != "identity") encoding_ = std::string(value.substr(0, kMaxKept));
  } else if (name == "x-request-id") {
    keep(&id_);
  } else if (name == "traceparent") {
    keep(&traceparent_);
  }
}

// At most eight digits and a unit.
void CallHead::ReadTimeout(absl::string_view text) {
  constexpr size_t kMaxDigits = 8;
  bad_timeout_ = true;
  if (text.size() < 2 || text.size() > kMaxDigits + 1) return;
  const absl::string_view digits = text.substr(0, text.size() - 1);
  int64_t number;
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(digits, &number)) {
    return;
  }
  absl::Duration unit;
  switch (text.back()) {
    case 'H':
      unit = absl::Hours(1);
      break;
    case 'M':
      unit = absl::Minutes(1);
      break;
    case 'S':
      unit = absl::Seconds(1);
      break;
    case 'm':
      unit = absl::Milliseconds(1);
      break;
    case 'u':
      unit = absl::Microseconds(1);
      break;
    case 'n':
      unit = absl::Nanoseconds(1);
      break;
    default:
      return;
  }
  bad_timeout_ = false;
  timeout_ = number * unit;
}

const char* CallHead::HttpRefusal() const {
  // The end of a large head was not read.
  if (too_large()) return nullptr;
  if (!is_post_) return "405";
  if (!is_grpc_) return "415";
  return te_trailers_ ? nullptr : "400";
}

absl::Status CallHead::CheckForm() const {
  if (too_large()) {
    return absl::ResourceExhaustedError(absl::StrCat("the headers are bigger than ", kMaxHeadSize));
  }
  if (bad_timeout_) return absl::InternalError("grpc-timeout is malformed");
  return absl::OkStatus();
}

absl::Status CallHead::CheckEncoding() const {
  if (encoding_.empty() || encoding_ == "gzip" || encoding_ == "deflate") return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("Compression algorithm '", encoding_, "' is not supported"));
}

}  // namespace mirin::serving
