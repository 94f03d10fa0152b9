#include "core/serving/grpc/infer_stream.h"

#include <utility>

#include "core/base/wire_writer.h"
#include "core/serving/request.h"

namespace mirin::serving {
namespace {

// ModelStreamInferResponse with an error, and what it answers.
Pieces ErrorResponse(const InferEcho& echo, const absl::Status& status) {
  WireWriter response;
  if (!echo.model.empty()) response.Bytes(1, echo.model);
  if (!echo.version.empty()) response.Bytes(2, echo.version);
  if (!echo.id.empty()) response.Bytes(3, echo.id);
  WireWriter message;
  message.Bytes(
      1, status.message().empty() ? absl::StatusCodeToString(status.code()) : status.message());
  message.Message(2, response);
  Pieces pieces;
  pieces.push_back({message.Take(), Buffer()});
  return pieces;
}

// Puts a ModelInferResponse into a ModelStreamInferResponse.
Pieces Wrap(Pieces response) {
  size_t size = 0;
  for (const ReplyWriter::Piece& piece : response) size += piece.text.size() + piece.buffer.size();
  WireWriter prefix;
  prefix.Prefix(2, size);
  response.insert(response.begin(), {prefix.Take(), Buffer()});
  return response;
}

}  // namespace

void InferStream::OnMessage(const Buffer& message) {
  ModelInferCall call;
  // the deadline of the stream is that of its requests
  call_->SetCommonFields(call.request.get());
  const absl::Time now = absl::Now();
  const absl::Status status =
      ReadModelInferRequest(MessageReader(message), *context_.transport.engine,
                            *context_.transport.shared_memory, now, &call);
  if (!status.ok()) {
    context_.Refused("invalid");
    call_->Send(ErrorResponse(call.echo, status));
    return Continue();
  }
  call.request->received = now;
  const auto cancellation = std::make_shared<Cancellation>();
  call.request->cancellation = cancellation;
  in_flight_.insert(cancellation);
  Infer(context_.transport, "grpc", context_.Peer(*call_), std::move(call.request),
        [self = shared_from_this(), call = call_, cancellation,
         echo = std::move(call.echo)](const InferReply& reply) {
          if (call->over()) return;
          ReplyWriter writer;
          const absl::Status status = WriteModelInferResponse(
              echo, reply, *self->context_.transport.shared_memory, true, &writer);
          Pieces message = status.ok() ? Wrap(writer.Take()) : ErrorResponse(echo, status);
          call->Run([self, cancellation, message = std::move(message)]() mutable {
            self->Answer(cancellation, std::move(message));
          });
        });
  Continue();
}

void InferStream::Answer(const std::shared_ptr<Cancellation>& done, Pieces message) {
  in_flight_.erase(done);
  if (call_ == nullptr) return;
  call_->Send(std::move(message));
  Continue();
}

void InferStream::OnEnd() {
  ended_ = true;
  Continue();
}

void InferStream::OnDrain() {
  draining_ = true;
  Continue();
}

void InferStream::OnClose() {
  call_ = nullptr;
  for (const std::shared_ptr<Cancellation>& cancellation : std::exchange(in_flight_, {}))
    cancellation->Cancel();
}

void InferStream::Continue() {
  if (call_ == nullptr) return;
  const std::shared_ptr<Call> call = call_;  // reading may end it
  if (in_flight_.empty() && (ended_ || draining_)) {
    return call->Finish(ended_ ? absl::OkStatus() : absl::UnavailableError("the server stops"));
  }
  call->SetReading(!draining_ && in_flight_.size() + call->unsent() < kMaxInFlight);
}

}  // namespace mirin::serving
