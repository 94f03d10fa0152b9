#include "core/serving/grpc/call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/serving/grpc/connection.h"
#include "core/serving/net/compress.h"
#include "core/serving/request.h"

namespace mirin::serving {
namespace {

using Clock = Loop::Clock;

constexpr auto kForever = Clock::time_point::max();
constexpr size_t kMaxStatusText = 2000;  // more does not fit into the trailers that clients accept
constexpr uint64_t kProgress = 256 << 10;  // that must come within a body timeout
constexpr size_t kLargeText = 4096;        // not copied again

// Of constants.
nghttp2_nv Header(absl::string_view name, absl::string_view value) {
  const auto bytes = [](absl::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}
// Of a value that will be gone, and that no later call has.
nghttp2_nv CopiedHeader(absl::string_view name, absl::string_view value) {
  nghttp2_nv header = Header(name, value);
  header.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX;
  return header;
}

// As the protocol writes texts into trailers: printable ASCII, the rest as %XX.
std::string PercentEncode(absl::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

std::string StatusText(absl::string_view text) {
  if (text.size() <= kMaxStatusText) return PercentEncode(text);
  size_t end = kMaxStatusText;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not inside a character
  return PercentEncode(absl::StrCat(text.substr(0, end), " .."));
}

}  // namespace

Call::Call(std::shared_ptr<GrpcConnection> connection, int32_t stream)
    : connection_(std::move(connection)),
      stream_(stream),
      assembler_(connection_->limit(), connection_->budget()) {}

Call::~Call() = default;

// --- for services ---

void Call::Run(absl::AnyInvocable<void()> work) { connection_->Run(std::move(work)); }

void Call::SetCommonFields(InferRequest* request) {
  request->id = head_.id().empty() ? MakeRequestId() : head_.id();
  request->traceparent = head_.traceparent();
  request->received = received_;
  request->deadline = until_;
}

std::string Call::Peer() const { return connection_->Peer(); }

boost::asio::io_context& Call::context() { return connection_->context(); }

Kept& Call::kept() { return connection_->kept(); }

uint64_t Call::limit() const { return connection_->limit(); }

void Call::Send(Pieces message) {
  if (closed_ || finished_) return;
  // The engine's own word at the deadline is late, too: the client hears the same whichever timer is first.
  if (until_ != absl::InfiniteFuture() && until_ <= absl::Now())
    return Finish(absl::DeadlineExceededError("Deadline Exceeded"));
  uint64_t size = 0;
  for (const ReplyWriter::Piece& piece : message) size += piece.text.size() + piece.buffer.size();
  if (size > connection_->limit()) {
    return Finish(absl::ResourceExhaustedError(
        absl::StrCat("Sent message larger than max (", size, " vs. ", connection_->limit(), ")")));
  }
  Queue(std::move(message), size);
  if (std::exchange(deferred_, false)) {
    nghttp2_session_resume_data(connection_->session(), stream_);
  } else if (!std::exchange(started_, true)) {
    const nghttp2_nv head[] = {Header(":status", "200"), Header("content-type", "application/grpc"),
                               Header("grpc-accept-encoding", "identity, deflate, gzip")};
    nghttp2_data_provider body;
    body.source.ptr = this;
    body.read_callback = ReadBodyOf;
    nghttp2_submit_response(connection_->session(), stream_, head, std::size(head), &body);
  }
}

void Call::Queue(Pieces message, uint64_t size) {
  std::string prefix(5, '\0');
  for (int i = 0; i < 4; ++i) prefix[static_cast<size_t>(4 - i)] = static_cast<char>(size >> 8 * i);
  body_.push_back({std::move(prefix), Buffer()});
  for (ReplyWriter::Piece& piece : message) {
    if (piece.text.size() >= kLargeText) {
      piece.buffer = Buffer::FromString(std::move(piece.text));
      piece.text.clear();
    }
    if (!piece.text.empty() || piece.buffer.size() != 0) body_.push_back(std::move(piece));
  }
  if (body_size_ == 0) SetSendDeadline();
  body_size_ += size + 5;
  queued_ += size + 5;
  ends_.push_back(queued_);
}

void Call::Finish(absl::Status status) {
  if (closed_ || finished_) return;
  finished_ = true;
  status_ = std::move(status);
  receive_deadline_ = kForever;
  DropBacklog();
  if (std::exchange(deferred_, false)) {
    nghttp2_session_resume_data(connection_->session(), stream_);
  } else if (!std::exchange(started_, true)) {
    SubmitTrailers();
  }
}

void Call::Reply(Pieces message) {
  Send(std::move(message));
  Finish(absl::OkStatus());
}

void Call::SubmitTrailers() {
  // The head stands with them when there is nothing else.
  const bool alone = queued_ == 0;
  const std::string code = absl::StrCat(static_cast<int>(status_.code()));
  nghttp2_nv all[5];
  size_t count = 0;
  if (alone) {
    all[count++] = Header(":status", "200");
    all[count++] = Header("content-type", "application/grpc");
    all[count++] = Header("grpc-accept-encoding", "identity, deflate, gzip");
  }
  all[count++] = status_.ok() ? Header("grpc-status", "0") : CopiedHeader("grpc-status", code);
  const std::string text = StatusText(status_.message());
  if (!text.empty()) all[count++] = CopiedHeader("grpc-message", text);
  if (alone) {
    nghttp2_submit_response(connection_->session(), stream_, all, count, nullptr);
  } else {
    nghttp2_submit_trailer(connection_->session(), stream_, all, count);
  }
}

void Call::RefuseHttp(const char* status) {
  finished_ = started_ = true;
  const nghttp2_nv head[] = {CopiedHeader(":status", status)};
  nghttp2_submit_response(connection_->session(), stream_, head, std::size(head), nullptr);
}

ssize_t Call::ReadBodyOf(nghttp2_session*, int32_t, uint8_t*, size_t size, uint32_t* flags,
                         nghttp2_data_source* source, void*) {
  return static_cast<Call*>(source->ptr)->ReadBody(size, flags);
}

ssize_t Call::ReadBody(size_t size, uint32_t* flags) {
  if (body_size_ == 0 && !finished_) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const uint64_t n = std::min<uint64_t>(size, body_size_);
  if (n != 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n == body_size_ && finished_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    SubmitTrailers();
  }
  return static_cast<ssize_t>(n);
}

bool Call::Move(size_t size, Output* out) {
  body_size_ -= size;
  moved_ += size;
  while (size != 0) {
    ReplyWriter::Piece& piece = body_.front();
    const bool is_text = !piece.text.empty();
    const size_t here = (is_text ? piece.text.size() : piece.buffer.size()) - body_offset_;
    const size_t n = std::min(here, size);
    if (is_text) {
      out->Append(absl::string_view(piece.text).substr(body_offset_, n));
    } else {
      out->Append(piece.buffer.Slice(body_offset_, n));
    }
    size -= n;
    body_offset_ += n;
    if (n != here) break;
    body_.pop_front();
    body_offset_ = 0;
  }
  if (body_size_ == 0) send_deadline_ = kForever;
  const size_t before = ends_.size();
  while (!ends_.empty() && ends_.front() <= moved_) ends_.pop_front();
  return ends_.size() != before && handler_ != nullptr;
}

void Call::OnSent() {
  if (handler_ != nullptr && !closed_) handler_->OnSent();
}

// --- the head ---

void Call::OnHeader(absl::string_view name, absl::string_view value) {
  head_.Add(name, value);
  if (name != ":path" || head_.too_large()) return;
  const Methods& methods = connection_->methods();
  const auto found = methods.find(value);
  if (found != methods.end()) method_ = &found->second;
}

absl::Status Call::CheckHead() const {
  MIRIN_RETURN_IF_ERROR(head_.CheckForm());
  if (method_ == nullptr) return absl::UnimplementedError("");
  MIRIN_RETURN_IF_ERROR(head_.CheckEncoding());
  if (until_ <= absl::Now()) return absl::DeadlineExceededError("Deadline Exceeded");
  return absl::OkStatus();
}

void Call::OnHead() {
  if (const char* refusal = head_.HttpRefusal()) return RefuseHttp(refusal);
  if (head_.timeout() != absl::InfiniteDuration()) {
    until_ = received_ + head_.timeout();
    deadline_ = GrpcConnection::At(head_.timeout());
  }
  absl::Status status = CheckHead();
  if (!status.ok()) {
    connection_->Refused(absl::IsUnimplemented(status) ? "unimplemented" : "head");
    return Finish(std::move(status));
  }
  connection_->ArmTimer(deadline_);
  if (!method_->stream) return SetReceiveDeadline();
  handler_ = method_->stream(shared_from_this());
  if (connection_->draining()) handler_->OnDrain();
}

// --- the way in ---

void Call::SetReceiveDeadline() {
  received_mark_ = received_bytes_;
  receive_deadline_ = GrpcConnection::At(connection_->body_timeout());
  connection_->Sooner(receive_deadline_);
}

void Call::SetSendDeadline() {
  moved_mark_ = moved_;
  send_deadline_ = GrpcConnection::At(connection_->idle_timeout());
  connection_->Sooner(send_deadline_);
}

void Call::Reset() {
  nghttp2_submit_rst_stream(connection_->session(), NGHTTP2_FLAG_NONE, stream_, NGHTTP2_CANCEL);
}

void Call::OnData(absl::string_view bytes) {
  if (finished_) return connection_->Consume(stream_, bytes.size());
  received_bytes_ += bytes.size();
  if (!reading_ || !backlog_.empty()) return Hold(bytes);
  Accept(bytes);
}

// At most a window.
void Call::Hold(absl::string_view bytes) {
  if (!connection_->budget()->Take(bytes.size())) return Finish(OutOfBudget());
  backlog_.append(bytes.data(), bytes.size());
}

void Call::DropBacklog() {
  connection_->budget()->Return(backlog_.size());
  backlog_ = std::string();
}

void Call::Accept(absl::string_view bytes) {
  accepting_ = true;
  const size_t before = bytes.size();
  while (!bytes.empty() && reading_ && !finished_ && !closed_) {
    const absl::StatusOr<bool> complete = assembler_.Take(&bytes);
    if (!complete.ok()) {
      connection_->Refused("message");
      Finish(complete.status());
    } else if (*complete) {
      OnMessage();
    }
  }
  accepting_ = false;
  if (finished_ || closed_) bytes = {};
  connection_->Consume(stream_, before - bytes.size());
  if (!bytes.empty()) Hold(bytes);
  if (finished_ || closed_ || ended_) return;
  // Only of the message: a stream may be silent.
  if (handler_ != nullptr && !assembler_.in_message()) {
    receive_deadline_ = kForever;
  } else if (receive_deadline_ == kForever || received_bytes_ - received_mark_ >= kProgress) {
    SetReceiveDeadline();
  }
}

absl::StatusOr<Buffer> Call::TakeMessage() {
  const bool compressed = assembler_.compressed();
  Buffer message = assembler_.Message();
  if (!compressed) return message;
  if (head_.encoding().empty())
    return absl::InternalError("a message is compressed, but not said how");
  absl::StatusOr<std::string> plain =
      Inflate(head_.encoding(), message.view(), connection_->limit());
  if (absl::IsResourceExhausted(plain.status())) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "Received message larger than max (decompressed, vs. ", connection_->limit(), ")"));
  }
  if (!plain.ok()) return absl::InternalError(plain.status().message());
  return Charge(connection_->budget(), Buffer::FromString(*std::move(plain)));
}

void Call::OnMessage() {
  if (handler_ == nullptr && have_message_)
    return Finish(absl::InternalError("there is more than one message"));
  absl::StatusOr<Buffer> message = TakeMessage();
  if (!message.ok()) {
    connection_->Refused("message");
    return Finish(message.status());
  }
  if (handler_ != nullptr) return handler_->OnMessage(*message);
  have_message_ = true;
  message_ = *std::move(message);
}

void Call::SetReading(bool on) {
  reading_ = on;
  // Who reads from here takes the rest, when Accept is on the stack.
  if (!on || accepting_ || closed_) return;
  if (!backlog_.empty()) {
    const std::string rest = backlog_;
    DropBacklog();
    Accept(rest);
  }
  AcceptEnd();
}

void Call::OnEnd() {
  ended_ = true;
  receive_deadline_ = kForever;
  AcceptEnd();
}

void Call::AcceptEnd() {
  if (!ended_ || end_taken_ || finished_ || closed_ || !reading_ || accepting_ ||
      !backlog_.empty()) {
    return;
  }
  end_taken_ = true;
  if (assembler_.in_message())
    return Finish(absl::InternalError("the last message is not complete"));
  if (handler_ != nullptr) return handler_->OnEnd();
  if (!have_message_) return Finish(absl::InternalError("there is no message"));
  const Buffer message = std::exchange(message_, Buffer());
  method_->unary(shared_from_this(), message);
}

// --- the end ---

void Call::OnDrain() {
  if (handler_ != nullptr && !closed_) handler_->OnDrain();
}

void Call::OnTimeout(Clock::time_point now) {
  if (deadline_ <= now) {
    deadline_ = kForever;
    // what is half sent cannot be followed by a status that would be read
    if (body_size_ != 0) Reset();
    const bool answered = finished_;
    Finish(absl::DeadlineExceededError("Deadline Exceeded"));
    if (!answered) Cancel();
  } else if (send_deadline_ <= now) {
    if (moved_ == moved_mark_) Reset();
    SetSendDeadline();
  } else if (receive_deadline_ <= now) {
    connection_->Refused("too slow");
    Finish(absl::DeadlineExceededError("the message takes too long to come"));
  }
}

void Call::Cancel() {
  over_.store(true, std::memory_order_relaxed);
  cancellation_->Cancel();
}

void Call::OnClose() {
  closed_ = true;
  DropBacklog();
  body_.clear();
  message_ = Buffer();
  const std::shared_ptr<StreamHandler> handler = std::exchange(handler_, nullptr);
  if (handler != nullptr) handler->OnClose();
  if (!finished_) Cancel();
}

}  // namespace mirin::serving
