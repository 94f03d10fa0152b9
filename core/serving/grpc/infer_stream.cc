#include "core/serving/grpc/infer_stream.h"

#include <utility>

#include "core/base/wire_writer.h"

namespace mirin::serving {
namespace {

// ModelStreamInferResponse with an error, and what it answers.
std::vector<ReplyWriter::Piece> ErrorResponse(const InferEcho& echo, const absl::Status& status) {
  WireWriter response;
  if (!echo.model.empty()) response.Bytes(1, echo.model);
  if (!echo.version.empty()) response.Bytes(2, echo.version);
  if (!echo.id.empty()) response.Bytes(3, echo.id);
  WireWriter message;
  message.Bytes(
      1, status.message().empty() ? absl::StatusCodeToString(status.code()) : status.message());
  message.Message(2, response);
  std::vector<ReplyWriter::Piece> pieces;
  pieces.push_back({message.Take(), Buffer()});
  return pieces;
}

// Puts a ModelInferResponse into a ModelStreamInferResponse.
std::vector<ReplyWriter::Piece> Wrap(std::vector<ReplyWriter::Piece> response) {
  size_t size = 0;
  for (const ReplyWriter::Piece& piece : response) size += piece.text.size() + piece.buffer.size();
  WireWriter prefix;
  prefix.Prefix(2, size);
  response.insert(response.begin(), {prefix.Take(), Buffer()});
  return response;
}

}  // namespace

InferStream* InferStream::Start(const ServiceContext& context, grpc::CallbackServerContext* call) {
  auto stream = std::make_shared<InferStream>();
  stream->context_ = context;
  stream->call_ = call;
  stream->self_ = stream;
  {
    absl::MutexLock lock(&stream->mutex_);
    stream->Continue();
  }
  context.streams->Add(stream);
  return stream.get();
}

// Starts whatever can go on.
void InferStream::Continue() {
  if (finished_) return;
  if (!writing_ && !outgoing_.empty()) {
    writing_ = true;
    StartWrite(&outgoing_.front());
  }
  const bool idle = in_flight_.empty() && !handling_ && !writing_;
  if (cancelled_ ? !writing_ : idle && (closed_ || draining_)) {
    finished_ = true;
    Finish(cancelled_ ? grpc::Status::CANCELLED
           : closed_  ? grpc::Status::OK
                      : grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server stops"));
    return;
  }
  if (!reading_ && !closed_ && !draining_ && !cancelled_ &&
      in_flight_.size() + outgoing_.size() < kMaxInFlight) {
    reading_ = true;
    StartRead(&incoming_);
  }
}

void InferStream::Drain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  Continue();
}

void InferStream::OnReadDone(bool ok) {
  if (ok) {
    {
      absl::MutexLock lock(&mutex_);
      handling_ = true;
    }
    Handle();
  }
  absl::MutexLock lock(&mutex_);
  handling_ = false;
  reading_ = false;
  closed_ = closed_ || !ok;
  Continue();
}

void InferStream::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  outgoing_.pop_front();
  if (!ok) {
    cancelled_ = true;
    outgoing_.clear();
  }
  Continue();
}

void InferStream::OnCancel() {
  std::vector<std::shared_ptr<Cancellation>> in_flight;
  const std::shared_ptr<InferStream> self = shared_from_this();
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    in_flight.assign(in_flight_.begin(), in_flight_.end());
    Continue();
  }
  for (const std::shared_ptr<Cancellation>& cancellation : in_flight) cancellation->Cancel();
}

void InferStream::OnDone() {
  context_.streams->Remove(this);
  std::shared_ptr<InferStream>().swap(self_);
}

void InferStream::Handle() {
  ModelInferCall call;
  // the deadline of the stream is that of its requests
  ReadCallContext(*call_, call.request.get());
  const Pieces pieces(incoming_);
  const absl::Status status =
      ReadModelInferRequest(pieces.reader(), *context_.transport.engine,
                            *context_.transport.shared_memory, absl::Now(), &call);
  if (!status.ok()) {
    context_.Refused("invalid");
    Send(ToByteBuffer(ErrorResponse(call.echo, status)), nullptr);
    return;
  }
  const auto cancellation = std::make_shared<Cancellation>();
  call.request->cancellation = cancellation;
  {
    absl::MutexLock lock(&mutex_);
    if (cancelled_) return;
    in_flight_.insert(cancellation);
  }
  context_.transport.engine->Infer(
      std::move(call.request), [self = shared_from_this(), cancellation,
                                echo = std::move(call.echo)](const InferReply& reply) {
        if (!self->Wanted()) return;
        ReplyWriter writer;
        const absl::Status status = WriteModelInferResponse(
            echo, reply, *self->context_.transport.shared_memory, true, &writer);
        self->Send(ToByteBuffer(status.ok() ? Wrap(writer.Take()) : ErrorResponse(echo, status)),
                   cancellation);
      });
}

bool InferStream::Wanted() {
  absl::MutexLock lock(&mutex_);
  return !cancelled_ && !finished_;
}

// `done` ends with this answer.
void InferStream::Send(grpc::ByteBuffer message, const std::shared_ptr<Cancellation>& done) {
  absl::MutexLock lock(&mutex_);
  if (done != nullptr) in_flight_.erase(done);
  if (cancelled_ || finished_) return;
  outgoing_.push_back(std::move(message));
  Continue();
}

}  // namespace mirin::serving
