#include "core/serving/http/connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <cstring>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/serving/net/compress.h"

namespace mirin::serving {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Error = boost::system::error_code;

namespace {

constexpr size_t kMaxHead = 64 << 10;
constexpr size_t kMaxPending = 64 << 10;
constexpr uint64_t kFirstRoom = 1 << 20;     // of a body, before any of it has come
constexpr uint64_t kProgress = 256 << 10;    // that must come within a body timeout
constexpr size_t kCompressedSize = 1 << 10;  // smaller answers are not worth it
constexpr size_t kMaxId = 256;
constexpr int kReadsInARow = 8;  // then other connections have their turn

absl::string_view View(boost::beast::string_view text) {
  return absl::string_view(text.data(), text.size());
}

absl::string_view Reason(int status) {
  if (status == 499) return "Client Closed Request";
  return View(http::obsolete_reason(static_cast<http::status>(status)));
}

}  // namespace

Buffer AllocateBody(size_t size, size_t json_size, char** text) {
  // Binary tensors begin aligned.
  constexpr size_t kAlignment = 64;
  const size_t offset = (kAlignment - json_size % kAlignment) % kAlignment;
  uint8_t* data;
  const Buffer all = Buffer::Allocate(offset + size + 1, &data);
  data[offset + size] = 0;
  *text = reinterpret_cast<char*>(data + offset);
  return all.Slice(offset, size);
}

// Beast's parser; keeps what the server asks of a head, and a chunked body.
class RequestParser : public http::basic_parser<true> {
 public:
  RequestParser(HttpRequest* request, uint64_t body_limit)
      : request_(*request), limit_(body_limit) {
    header_limit(kMaxHead);
    basic_parser::body_limit(std::numeric_limits<uint64_t>::max());  // checked by the connection
    eager(false);
  }

  int version() const { return version_; }
  const std::string& expect() const { return expect_; }
  bool has_transfer_encoding() const { return has_transfer_encoding_; }
  bool too_large() const { return too_large_; }
  const std::string& body() const { return body_; }

 private:
  using text = boost::beast::string_view;

  void on_request_impl(http::verb, text verb, text target, int version, Error&) override {
    request_.verb.assign(verb.data(), verb.size());
    request_.target.assign(target.data(), target.size());
    request_.head_only = request_.verb == "HEAD";
    version_ = version;
  }
  void on_field_impl(http::field field, text name, text value, Error&) override {
    if (in_body_) return;  // a trailer
    const auto keep = [&](std::string* to) { to->assign(value.data(), value.size()); };
    switch (field) {
      case http::field::expect:
        return keep(&expect_);
      case http::field::content_encoding:
        return keep(&request_.content_encoding);
      case http::field::accept_encoding:
        return keep(&request_.accept_encoding);
      case http::field::transfer_encoding:
        has_transfer_encoding_ = true;
        return;
      case http::field::unknown:
        break;
      default:
        return;
    }
    const absl::string_view other = View(name);
    if (absl::EqualsIgnoreCase(other, "x-request-id")) {
      if (value.size() <= kMaxId) keep(&request_.id);
    } else if (absl::EqualsIgnoreCase(other, "traceparent")) {
      if (value.size() <= kMaxId) keep(&request_.traceparent);
    } else if (absl::EqualsIgnoreCase(other, "inference-header-content-length")) {
      keep(&request_.json_size);
    } else if (absl::EqualsIgnoreCase(other, "x-request-timeout-ms") ||
               absl::EqualsIgnoreCase(other, "x-envoy-expected-rq-timeout-ms")) {
      keep(&request_.timeout_ms);
    }
  }
  void on_header_impl(Error&) override { in_body_ = true; }
  void on_body_init_impl(const boost::optional<uint64_t>&, Error&) override {}
  size_t on_body_impl(text part, Error&) override { return part.size(); }  // read by the connection
  void on_chunk_header_impl(uint64_t, text, Error&) override {}
  size_t on_chunk_body_impl(uint64_t, text part, Error& error) override {
    if (part.size() > limit_ - body_.size()) {
      too_large_ = true;
      error = http::error::body_limit;
      return 0;
    }
    body_.append(part.data(), part.size());
    return part.size();
  }
  void on_finish_impl(Error&) override {}
  void on_response_impl(int, text, int, Error&) override {}

  HttpRequest& request_;
  const uint64_t limit_;
  int version_ = 0;
  std::string expect_;
  std::string body_;
  bool has_transfer_encoding_ = false;
  bool in_body_ = false;
  bool too_large_ = false;
};

HttpConnection::HttpConnection(std::shared_ptr<Loop> loop, FaceState* state, HttpHandler* handler,
                               Socket socket)
    : Connection(std::move(loop), state, std::move(socket)), handler_(handler) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::Start() {
  Begin();
  SetDeadline(stream_.ready() ? state_->options.idle_timeout : state_->options.header_timeout);
  WaitRead();
}

void HttpConnection::Drain() {
  if (idle()) Close();
}

void HttpConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  reply_ = nullptr;
  if (const auto cancellation = std::exchange(cancellation_, nullptr)) cancellation->Cancel();
  if (!in_handler_) request_ = HttpRequest();
  response_ = HttpResponse();
  pending_ = std::string();
  End();
}

void HttpConnection::OnTimeout() {
  switch (phase_) {
    case Phase::kHead:
      if (!idle()) return Refuse(408, "the request's head took too long");
      return Close();
    case Phase::kBody:
    case Phase::kChunks:
      return Refuse(408, "the request's body took too long");
    default:
      return Close();
  }
}

// --- reading ---

bool HttpConnection::WantsRead() const {
  switch (phase_) {
    case Phase::kHead:
    case Phase::kBody:
    case Phase::kChunks:
    case Phase::kDraining:
      return !read_ended_;
    case Phase::kHandling:  // to learn that the client is gone
      return !read_ended_ && pending_.size() < kMaxPending;
    default:
      return false;
  }
}

void HttpConnection::WaitRead() {
  if (waiting_read_ || !WantsRead()) return;
  waiting_read_ = true;
  const auto ready = [self = Self()](const Error& error) {
    self->waiting_read_ = false;
    if (!error && self->phase_ != Phase::kClosed) self->OnReadable();
  };
  if (stream_.HasPending()) {
    asio::post(loop_->context(), [ready] { ready(Error()); });
  } else {
    socket_.async_wait(Socket::wait_read, ready);
  }
}

void HttpConnection::OnReadable() {
  if (phase_ == Phase::kWriting) return ContinueWrite();  // what TLS waited for
  for (int i = 0; i < kReadsInARow && WantsRead(); ++i) {
    if (!ReadSome()) break;
  }
  WaitRead();
}

bool HttpConnection::ReadSome() {
  const bool direct = phase_ == Phase::kBody && pending_.empty();
  char* to = loop_->scratch();
  size_t size = loop_->scratch_size();
  if (direct) {
    GrowBody();
    to = request_.text + body_have_;
    size = body_room_ - body_have_;
  }
  const bool was_ready = stream_.ready();
  const int64_t read = stream_.Read(to, size);
  if (!was_ready && stream_.ready()) SetDeadline(state_->options.idle_timeout);
  if (read == SocketStream::kWantRead) return false;
  if (read == SocketStream::kWantWrite) {
    WaitWrite();
    return false;
  }
  if (read <= 0) {
    OnEnd(read == SocketStream::kFailed);
    return false;
  }
  if (direct) {
    body_have_ += static_cast<uint64_t>(read);
    if (body_have_ - body_mark_ >= kProgress) {
      body_mark_ = body_have_;
      SetDeadline(state_->options.body_timeout);
    }
    if (body_have_ == body_size_) {
      OnBody();
      Consume("");
    }
  } else {
    Consume(absl::string_view(to, static_cast<size_t>(read)));
  }
  return static_cast<size_t>(read) == size || stream_.tls();
}

void HttpConnection::OnEnd(bool failed) {
  read_ended_ = true;
  if (failed) return Close();
  switch (phase_) {
    case Phase::kHead:
      if (!idle()) return Refuse(400, "the request ends early");
      return Close();
    case Phase::kBody:
    case Phase::kChunks:
      return Refuse(400, "the request ends early");
    case Phase::kHandling:
      // It may only have closed its half, but then it should have waited: nobody can tell. The answer is written all the same.
      if (const auto cancellation = std::exchange(cancellation_, nullptr)) cancellation->Cancel();
      return;
    case Phase::kDraining:
      return Close();
    default:
      return;
  }
}

void HttpConnection::Consume(absl::string_view input) {
  const bool buffered = !pending_.empty();
  if (buffered) {
    pending_.append(input.data(), input.size());
    input = pending_;
  }
  if (phase_ == Phase::kHead && !input.empty() && parser_ == nullptr)
    SetDeadline(state_->options.header_timeout);
  consuming_ = true;
  size_t total = 0;
  for (size_t used = 1; used != 0; total += used) {
    const absl::string_view rest = input.substr(total);
    used = phase_ == Phase::kHead     ? ConsumeHead(rest)
           : phase_ == Phase::kBody   ? ConsumeBody(rest)
           : phase_ == Phase::kChunks ? ConsumeChunks(rest)
                                      : 0;
  }
  consuming_ = false;
  if (phase_ == Phase::kClosed || phase_ == Phase::kDraining) {
    pending_.clear();
  } else if (!buffered) {
    pending_.assign(input.data() + total, input.size() - total);
  } else {
    pending_.erase(0, total);
  }
  if (pending_.empty() && pending_.capacity() > kMaxId) pending_ = std::string();
  if (idle()) SetDeadline(state_->options.idle_timeout);
}

size_t HttpConnection::ConsumeHead(absl::string_view input) {
  if (parser_ == nullptr) {
    // Empty lines in front of a request are to be ignored.
    const size_t begin = input.find_first_not_of("\r\n");
    if (begin != 0) return begin == input.npos ? input.size() : begin;
    request_ = HttpRequest();
    request_.received = absl::Now();
    parser_ = std::make_unique<RequestParser>(&request_, state_->options.max_message_bytes);
    head_size_ = 0;
  }
  Error error;
  const size_t used = parser_->put(asio::const_buffer(input.data(), input.size()), error);
  head_size_ += used;  // the parser takes whole lines, also from a part of a head
  if (error == http::error::header_limit || head_size_ > kMaxHead ||
      (error == http::error::need_more && head_size_ + input.size() - used >= kMaxHead)) {
    Refuse(431, absl::StrCat("the request's head is bigger than ", kMaxHead));
  } else if (error && error != http::error::need_more) {
    Refuse(400, absl::StrCat("the request is no HTTP: ", error.message()));
  } else if (parser_->is_header_done()) {
    OnHead();
  }
  return used;
}

void HttpConnection::OnHead() {
  const auto length = parser_->content_length();
  keep_alive_ = parser_->keep_alive();
  version10_ = parser_->version() == 10;
  if (parser_->has_transfer_encoding() && !parser_->chunked())
    return Refuse(501, "the transfer encoding is not supported");
  if (!length && !parser_->chunked()) return OnBody();
  if (length && *length > state_->options.max_message_bytes) {
    return Refuse(413,
                  absl::StrCat("http message is bigger than ", state_->options.max_message_bytes));
  }
  if (length && *length == 0) return OnBody();
  if (!parser_->expect().empty()) {
    if (!absl::EqualsIgnoreCase(parser_->expect(), "100-continue"))
      return Refuse(417, "the expectation is not supported");
    absl::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    if (stream_.Write(&go_on, 1) == SocketStream::kFailed) return Close();
  }
  SetDeadline(state_->options.body_timeout);
  body_have_ = body_room_ = body_mark_ = body_prefix_ = 0;
  if (length) {
    body_size_ = *length;
    if (!absl::SimpleAtoi(request_.json_size, &body_prefix_) || body_prefix_ > body_size_)
      body_prefix_ = 0;
    phase_ = Phase::kBody;
  } else {
    parser_->eager(true);
    phase_ = Phase::kChunks;
  }
}

void HttpConnection::GrowBody() {
  if (body_have_ < body_room_) return;
  body_room_ = body_room_ == 0 ? std::min(body_size_, kFirstRoom) : body_size_;
  char* text;
  Buffer body = AllocateBody(body_room_, body_prefix_, &text);
  if (body_have_ != 0) std::memcpy(text, request_.text, body_have_);
  request_.body = std::move(body);
  request_.text = text;
}

size_t HttpConnection::ConsumeBody(absl::string_view input) {
  if (input.empty()) return 0;
  GrowBody();
  const size_t used = std::min<uint64_t>(input.size(), body_room_ - body_have_);
  std::memcpy(request_.text + body_have_, input.data(), used);
  body_have_ += used;
  if (body_have_ == body_size_) OnBody();
  return used;
}

size_t HttpConnection::ConsumeChunks(absl::string_view input) {
  if (input.empty()) return 0;
  Error error;
  const size_t used = parser_->put(asio::const_buffer(input.data(), input.size()), error);
  if (parser_->too_large()) {
    Refuse(413, absl::StrCat("http message is bigger than ", state_->options.max_message_bytes));
  } else if (error && error != http::error::need_more) {
    Refuse(400, absl::StrCat("the request is no HTTP: ", error.message()));
  } else if (parser_->is_done()) {
    const std::string& body = parser_->body();
    if (!absl::SimpleAtoi(request_.json_size, &body_prefix_)) body_prefix_ = 0;
    request_.body = AllocateBody(body.size(), body_prefix_, &request_.text);
    std::memcpy(request_.text, body.data(), body.size());
    OnBody();
  } else if (used == 0 && input.size() >= kMaxHead) {
    Refuse(400, "a chunk's head is too long");
  } else if (parser_->body().size() - body_mark_ >= kProgress) {
    body_mark_ = parser_->body().size();
    SetDeadline(state_->options.body_timeout);
  }
  return used;
}

void HttpConnection::OnBody() {
  parser_.reset();
  phase_ = Phase::kHandling;
  deadline_ = kForever;
  if (Decode()) Handle();
}

bool HttpConnection::Decode() {
  if (request_.content_encoding.empty() || request_.body.size() == 0 ||
      absl::EqualsIgnoreCase(request_.content_encoding, "identity")) {
    return true;
  }
  const absl::StatusOr<std::string> plain =
      Inflate(request_.content_encoding, request_.body.view(), state_->options.max_message_bytes);
  if (!plain.ok()) {
    Refuse(absl::IsUnimplemented(plain.status())       ? 415
           : absl::IsResourceExhausted(plain.status()) ? 413
                                                       : 400,
           plain.status().message());
    return false;
  }
  uint64_t json_size = 0;
  if (!absl::SimpleAtoi(request_.json_size, &json_size)) json_size = 0;
  request_.body = AllocateBody(plain->size(), json_size, &request_.text);
  std::memcpy(request_.text, plain->data(), plain->size());
  return true;
}

void HttpConnection::Handle() {
  in_handler_ = true;
  handler_->Handle(Self());
  in_handler_ = false;
  if (reply_) Deliver(std::exchange(reply_, nullptr));
}

std::shared_ptr<Cancellation> HttpConnection::MakeCancellation() {
  cancellation_ = std::make_shared<Cancellation>();
  return cancellation_;
}

void HttpConnection::Refuse(int status, absl::string_view text) {
  parser_.reset();
  state_->Refused(Reason(status));
  HttpResponse response;
  handler_->Refuse(request_, status, text, &response);
  response.close = true;
  BeginWrite(std::move(response));
}

// --- writing ---

void HttpConnection::Reply(Fill fill) {
  if (loop_->OnThread() && in_handler_) {
    reply_ = std::move(fill);
    return;
  }
  loop_->Post([self = Self(), fill = std::move(fill)]() mutable {
    if (self->phase_ == Phase::kHandling) self->Deliver(std::move(fill));
  });
}

void HttpConnection::Deliver(Fill fill) {
  cancellation_ = nullptr;
  HttpResponse response;
  fill(&response);
  BeginWrite(std::move(response));
}

void HttpConnection::BeginWrite(HttpResponse response) {
  phase_ = Phase::kWriting;
  response_ = std::move(response);
  keep_alive_ = keep_alive_ && !response_.close && !read_ended_ &&
                !state_->draining.load(std::memory_order_relaxed);

  size_t size = response_.body.size();
  for (const Buffer& part : response_.parts) size += part.size();
  absl::string_view coding;
  if (!request_.accept_encoding.empty() && size >= kCompressedSize)
    coding = ChooseCoding(request_.accept_encoding);
  if (!coding.empty()) {
    std::vector<absl::string_view> parts = {response_.body};
    for (const Buffer& part : response_.parts) parts.push_back(part.view());
    response_.body = Deflate(coding, parts);
    response_.parts.clear();
    size = response_.body.size();
  }

  head_.clear();
  absl::StrAppend(&head_, "HTTP/1.1 ", response_.status, " ", Reason(response_.status),
                  "\r\nContent-Type: ", response_.content_type, "\r\nContent-Length: ", size,
                  "\r\nDate: ", loop_->Date());
  absl::StrAppend(&head_, "\r\nX-Content-Type-Options: nosniff",
                  keep_alive_ ? "" : "\r\nConnection: close");
  if (!coding.empty())
    absl::StrAppend(&head_, "\r\nContent-Encoding: ", coding, "\r\nVary: Accept-Encoding");
  if (!request_.id.empty()) absl::StrAppend(&head_, "\r\nX-Request-Id: ", request_.id);
  for (const auto& header : response_.headers)
    absl::StrAppend(&head_, "\r\n", header.first, ": ", header.second);
  head_ += keep_alive_ && version10_ ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\n\r\n";

  unsent_.assign(1, head_);
  if (!request_.head_only) {
    unsent_.push_back(response_.body);
    for (const Buffer& part : response_.parts) unsent_.push_back(part.view());
  }
  sent_parts_ = 0;
  SetDeadline(state_->options.body_timeout);
  ContinueWrite();
}

void HttpConnection::ContinueWrite() {
  for (;;) {
    while (sent_parts_ < unsent_.size() && unsent_[sent_parts_].empty()) ++sent_parts_;
    if (sent_parts_ == unsent_.size()) return OnWritten();
    const int64_t written = stream_.Write(&unsent_[sent_parts_], unsent_.size() - sent_parts_);
    if (written > 0) continue;
    if (written == SocketStream::kWantWrite) return WaitWrite();
    if (written == SocketStream::kWantRead && !waiting_read_) {
      waiting_read_ = true;
      socket_.async_wait(Socket::wait_read, [self = Self()](const Error& error) {
        self->waiting_read_ = false;
        if (!error && self->phase_ != Phase::kClosed) self->OnReadable();
      });
      return;
    }
    if (written != SocketStream::kWantRead) Close();
    return;
  }
}

void HttpConnection::WaitWrite() {
  if (waiting_write_) return;
  waiting_write_ = true;
  socket_.async_wait(Socket::wait_write, [self = Self()](const Error& error) {
    self->waiting_write_ = false;
    if (error || self->phase_ == Phase::kClosed) return;
    if (self->phase_ != Phase::kWriting) return self->OnReadable();  // what TLS waited for
    self->SetDeadline(self->state_->options.body_timeout);
    self->ContinueWrite();
  });
}

void HttpConnection::OnWritten() {
  response_ = HttpResponse();
  request_ = HttpRequest();
  unsent_.clear();
  if (keep_alive_) {
    phase_ = Phase::kHead;
    if (consuming_) return;
    Consume("");
    return WaitRead();
  }
  stream_.ShutdownWrite();
  if (read_ended_ || state_->draining.load(std::memory_order_relaxed)) return Close();
  // Closing now would reset the connection if the client still sends, and it might never read the answer.
  phase_ = Phase::kDraining;
  if (!consuming_) pending_ = std::string();
  SetDeadline(std::min(state_->options.header_timeout, absl::Seconds(5)));
  if (!consuming_) WaitRead();
}

}  // namespace mirin::serving
