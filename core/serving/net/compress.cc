#include "core/serving/net/compress.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace mirin::serving {
namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr int kDetectWindow = 15 + 32;
constexpr size_t kStep = 64 << 10;

Bytef* In(absl::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

// zlib counts in 32 bits.
uInt Piece(absl::string_view bytes) {
  return static_cast<uInt>(std::min<size_t>(bytes.size(), std::numeric_limits<uInt>::max()));
}

absl::StatusOr<std::string> InflateWindow(int window, absl::string_view bytes, uint64_t limit) {
  z_stream stream = {};
  if (inflateInit2(&stream, window) != Z_OK)
    return absl::ResourceExhaustedError("no memory for zlib");
  const auto end = absl::MakeCleanup([&] { inflateEnd(&stream); });
  std::string out;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    if (stream.avail_in == 0) {
      if (bytes.empty()) return absl::InvalidArgumentError("the compressed body ends early");
      stream.next_in = In(bytes);
      stream.avail_in = Piece(bytes);
      bytes.remove_prefix(stream.avail_in);
    }
    const size_t have = out.size();
    out.resize(have + kStep);
    stream.next_out = reinterpret_cast<Bytef*>(&out[have]);
    stream.avail_out = kStep;
    code = inflate(&stream, Z_NO_FLUSH);
    out.resize(have + kStep - stream.avail_out);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return absl::InvalidArgumentError("the compressed body is damaged");
    }
    if (out.size() > limit)
      return absl::ResourceExhaustedError(absl::StrCat("http message is bigger than ", limit));
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> Inflate(absl::string_view coding, absl::string_view bytes,
                                    uint64_t limit) {
  if (absl::EqualsIgnoreCase(coding, "gzip") || absl::EqualsIgnoreCase(coding, "x-gzip")) {
    return InflateWindow(kGzipWindow, bytes, limit);
  }
  if (!absl::EqualsIgnoreCase(coding, "deflate")) {
    return absl::UnimplementedError(
        absl::StrCat("content encoding '", coding.substr(0, 64), "' is not supported"));
  }
  // "deflate" is zlib's form; some send it bare.
  absl::StatusOr<std::string> out = InflateWindow(kDetectWindow, bytes, limit);
  return absl::IsInvalidArgument(out.status()) ? InflateWindow(-15, bytes, limit) : out;
}

absl::string_view ChooseCoding(absl::string_view accept) {
  bool deflate = false;
  for (absl::string_view item : absl::StrSplit(accept, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(item, absl::MaxSplits(';', 1));
    const absl::string_view name = absl::StripAsciiWhitespace(parts.first);
    absl::string_view quality = absl::StripAsciiWhitespace(parts.second);
    double q = 1;
    if (absl::ConsumePrefix(&quality, "q=") && (!absl::SimpleAtod(quality, &q) || !(q > 0)))
      continue;
    if (absl::EqualsIgnoreCase(name, "gzip") || name == "*") return "gzip";
    deflate |= absl::EqualsIgnoreCase(name, "deflate");
  }
  return deflate ? "deflate" : "";
}

std::string Deflate(absl::string_view coding, const std::vector<absl::string_view>& parts) {
  z_stream stream = {};
  std::string out;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, coding == "gzip" ? kGzipWindow : 15, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  const auto end = absl::MakeCleanup([&] { deflateEnd(&stream); });
  const auto run = [&](int flush) {
    int code;
    do {
      const size_t have = out.size();
      out.resize(have + kStep);
      stream.next_out = reinterpret_cast<Bytef*>(&out[have]);
      stream.avail_out = kStep;
      code = deflate(&stream, flush);
      out.resize(have + kStep - stream.avail_out);
    } while (flush == Z_FINISH ? code != Z_STREAM_END
                               : stream.avail_in != 0 || stream.avail_out == 0);
  };
  for (absl::string_view part : parts) {
    while (!part.empty()) {
      stream.next_in = In(part);
      stream.avail_in = Piece(part);
      part.remove_prefix(stream.avail_in);
      run(Z_NO_FLUSH);
    }
  }
  run(Z_FINISH);
  return out;
}

}  // namespace mirin::serving
