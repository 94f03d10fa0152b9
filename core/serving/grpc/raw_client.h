// A client for tests that sends any frames, good or bad.
#ifndef CORE_SERVING_GRPC_RAW_CLIENT_H_
#define CORE_SERVING_GRPC_RAW_CLIENT_H_

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/serving/testing/test_socket.h"

namespace mirin::serving {

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, absl::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(payload.size() >> shift));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(stream >> shift));
  out.append(payload.data(), payload.size());
  return out;
}

inline std::string Number(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

// A message as gRPC frames it.
inline std::string Framed(absl::string_view message, char flag = 0) {
  return std::string(1, flag) + Number(static_cast<uint32_t>(message.size())) +
         std::string(message);
}

using Headers = std::vector<std::pair<std::string, std::string>>;

// What came back.
struct ServerFrame {
  uint8_t type = 0xff;  // 0xff: the connection ended
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload;  // of HEADERS: the block
  std::map<std::string, std::string> headers;
};

class RawClient {
 public:
  explicit RawClient(const std::string& path) : socket_(path) {
    EXPECT_EQ(nghttp2_hd_inflate_new(&inflater_), 0);
    EXPECT_EQ(nghttp2_hd_deflate_new(&deflater_, 4096), 0);
  }
  ~RawClient() {
    nghttp2_hd_inflate_del(inflater_);
    nghttp2_hd_deflate_del(deflater_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void Close() { socket_.Close(); }
  // False when the server has closed.
  bool Send(absl::string_view bytes) { return socket_.Send(bytes); }
  // acknowledge: agrees with the server's settings before it knows them.
  void Begin(absl::string_view settings = "", bool acknowledge = true) {
    Send(kPreface);
    Send(Frame(NGHTTP2_SETTINGS, 0, 0, settings));
    if (acknowledge) Send(Frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, ""));
  }

  std::string Block(const Headers& headers) {
    std::vector<nghttp2_nv> all;
    for (const auto& [name, value] : headers) {
      all.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                     reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                     value.size(), NGHTTP2_NV_FLAG_NO_INDEX});
    }
    std::string out(nghttp2_hd_deflate_bound(deflater_, all.data(), all.size()), '\0');
    const ssize_t size = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<uint8_t*>(&out[0]),
                                               out.size(), all.data(), all.size());
    EXPECT_GE(size, 0);
    out.resize(static_cast<size_t>(size));
    return out;
  }
  static Headers CallHeaders(const std::string& path) {
    return {{":method", "POST"},    {":scheme", "http"}, {":path", path},
            {":authority", "test"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  }
  std::string HeadersFrame(uint32_t stream, const Headers& headers, bool end = false) {
    return Frame(
        NGHTTP2_HEADERS,
        static_cast<uint8_t>(NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0)),
        stream, Block(headers));
  }
  // A unary call with one message.
  std::string CallFrames(uint32_t stream, const std::string& path, absl::string_view body,
                         const Headers& more = {}) {
    Headers headers = CallHeaders(path);
    headers.insert(headers.end(), more.begin(), more.end());
    return HeadersFrame(stream, headers) +
           Frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, body);
  }

  // The next frame that is not SETTINGS or WINDOW_UPDATE (those are kept aside).
  ServerFrame Read() {
    for (;;) {
      ServerFrame frame = ReadAny();
      if (frame.type == NGHTTP2_SETTINGS) {
        if ((frame.flags & NGHTTP2_FLAG_ACK) == 0) settings_.push_back(frame.payload);
        continue;
      }
      if (frame.type == NGHTTP2_WINDOW_UPDATE) continue;
      return frame;
    }
  }
  ServerFrame ReadAny() {
    ServerFrame frame;
    std::string head;
    if (!Bytes(9, &head)) return frame;
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(head[i]); };
    const size_t size =
        static_cast<size_t>(byte(0)) << 16 | static_cast<size_t>(byte(1)) << 8 | byte(2);
    if (!Bytes(size, &frame.payload)) return frame;
    frame.type = byte(3);
    frame.flags = byte(4);
    frame.stream = static_cast<uint32_t>(byte(5)) << 24 | static_cast<uint32_t>(byte(6)) << 16 |
                   static_cast<uint32_t>(byte(7)) << 8 | byte(8);
    if (frame.type == NGHTTP2_HEADERS) Inflate(&frame);
    return frame;
  }
  // Reads on to the frame of a type; the type is 0xff when the connection ends before it.
  ServerFrame ReadTo(uint8_t type) {
    ServerFrame frame;
    do {
      frame = Read();
    } while (frame.type != type && frame.type != 0xff);
    return frame;
  }

  // The end of a call.
  struct Answer {
    std::string status;  // "": none came
    std::string http_status;
    std::string message;  // grpc-message
    std::string body;
  };
  Answer ReadAnswer(uint32_t stream) {
    Answer answer;
    for (;;) {
      const ServerFrame frame = Read();
      if (frame.type == 0xff) return answer;
      if (frame.stream != stream) continue;
      if (frame.type == NGHTTP2_DATA) answer.body += frame.payload;
      if (frame.type == NGHTTP2_RST_STREAM) return answer;
      if (frame.type != NGHTTP2_HEADERS) continue;
      const auto header = [&](const char* name, std::string* out) {
        const auto found = frame.headers.find(name);
        if (found != frame.headers.end()) *out = found->second;
      };
      header(":status", &answer.http_status);
      header("grpc-status", &answer.status);
      header("grpc-message", &answer.message);
      if ((frame.flags & NGHTTP2_FLAG_END_STREAM) != 0) return answer;
    }
  }
  // Nothing but frames of the connection until the server closes.
  bool Ended() { return ReadTo(0xff).type == 0xff; }

 private:
  bool Bytes(size_t size, std::string* out) {
    while (buffer_.size() < size) {
      if (!socket_.Receive(&buffer_)) return false;
    }
    *out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return true;
  }
  void Inflate(ServerFrame* frame) {
    auto* at = reinterpret_cast<const uint8_t*>(frame->payload.data());
    size_t left = frame->payload.size();
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      nghttp2_nv header;
      const ssize_t n = nghttp2_hd_inflate_hd2(inflater_, &header, &flags, at, left, 1);
      ASSERT_GE(n, 0);
      at += n;
      left -= static_cast<size_t>(n);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        frame->headers[std::string(reinterpret_cast<char*>(header.name), header.namelen)] =
            std::string(reinterpret_cast<char*>(header.value), header.valuelen);
      }
    }
    nghttp2_hd_inflate_end_headers(inflater_);
  }

  TestSocket socket_;
  std::string buffer_;
  std::vector<std::string> settings_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  nghttp2_hd_deflater* deflater_ = nullptr;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_RAW_CLIENT_H_
