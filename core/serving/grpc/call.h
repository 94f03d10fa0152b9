// One call of a client: what came with it, and the way to answer.
#ifndef CORE_SERVING_GRPC_CALL_H_
#define CORE_SERVING_GRPC_CALL_H_

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/serving/grpc/call_head.h"
#include "core/serving/grpc/kept.h"
#include "core/serving/grpc/message_assembler.h"
#include "core/serving/grpc/output.h"
#include "core/serving/grpc/reply_writer.h"
#include "core/serving/message.h"
#include "core/serving/net/loop.h"

namespace mirin::serving {

class Call;
class GrpcConnection;
struct GrpcState;

// The pieces of one message.
using Pieces = std::vector<ReplyWriter::Piece>;

// Hears what happens on a call that lasts. Everything comes on the call's thread, nothing after OnClose.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void OnMessage(const Buffer& message) = 0;
  // The client sends no more.
  virtual void OnEnd() = 0;
  // A message that was sent is on its way: Call::unsent() is smaller.
  virtual void OnSent() {}
  // The server stops: no more is begun, and the call ends when what is in progress has ended.
  virtual void OnDrain() = 0;
  // The call is over.
  virtual void OnClose() = 0;
};

// A method, of one of two kinds. Both are called on the call's thread, and do not block.
struct Method {
  // Gets the one message when it is complete, and answers by one of the Call's Reply, soon or later.
  std::function<void(const std::shared_ptr<Call>&, const Buffer& message)> unary;
  // Answers by Call::Send and Finish.
  std::function<std::shared_ptr<StreamHandler>(const std::shared_ptr<Call>&)> stream;
};
// By path: "/package.Service/Method".
using Methods = absl::flat_hash_map<std::string, Method>;

// Everything but Run and over() is for the thread of the call's connection.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<GrpcConnection> connection, int32_t stream);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // --- for services ---

  // Runs `work` on the call's thread, at once where that is possible, or drops it when the connection is gone. Any thread.
  void Run(absl::AnyInvocable<void()> work);

  // Nobody waits for an answer any more. Any thread.
  bool over() const { return over_.load(std::memory_order_relaxed); }

  // Id, traceparent, arrival and deadline. An id is made where the client sends none.
  void SetCommonFields(InferRequest* request);
  // "127.0.0.1:4711", "unix"; while the call is open.
  std::string Peer() const;
  // Is cancelled when nobody waits for the answer any more.
  const std::shared_ptr<Cancellation>& cancellation() const { return cancellation_; }
  boost::asio::io_context& context();
  // Of the connection.
  Kept& kept();
  uint64_t limit() const;  // bytes of a message

  // What comes after Finish, or when the call is over, is dropped.
  void Send(Pieces message);
  void Finish(absl::Status status);
  // Of a unary call.
  void Reply(Pieces message);
  void Reply(const absl::Status& status) { Finish(status); }
  // Messages that wait to be sent.
  size_t unsent() const { return ends_.size(); }
  // Without it, what the client sends piles up on its side.
  void SetReading(bool on);

  // --- for the connection ---

  void OnHeader(absl::string_view name, absl::string_view value);
  // The client sends more headers than anybody needs.
  bool excessive_head() const { return head_.excessive(); }
  void OnHead();
  void OnData(absl::string_view bytes);
  void OnEnd();
  // The stream is gone.
  void OnClose();
  void OnDrain();
  void OnSent();
  // Ends the call when its time is over.
  void OnTimeout(Loop::Clock::time_point now);
  Loop::Clock::time_point next_deadline() const { return deadline_; }
  Loop::Clock::time_point next_timeout() const {
    return std::min({deadline_, receive_deadline_, send_deadline_});
  }
  // Moves `size` bytes of the body to `out`; true: messages were sent completely.
  bool Move(size_t size, Output* out);

 private:
  // Refuses what is no gRPC, by HTTP's means.
  void RefuseHttp(const char* status);
  absl::Status CheckHead() const;
  void Accept(absl::string_view bytes);
  void OnMessage();
  absl::StatusOr<Buffer> TakeMessage();
  void AcceptEnd();
  // Keeps what cannot be accepted now, and forgets it.
  void Hold(absl::string_view bytes);
  void DropBacklog();
  void Reset();
  void Cancel();
  void SetReceiveDeadline();
  void SetSendDeadline();
  void Queue(Pieces message, uint64_t size);
  void SubmitTrailers();
  ssize_t ReadBody(size_t size, uint32_t* flags);
  static ssize_t ReadBodyOf(nghttp2_session*, int32_t, uint8_t*, size_t size, uint32_t* flags,
                            nghttp2_data_source* source, void*);

  const std::shared_ptr<GrpcConnection> connection_;
  const int32_t stream_;
  const std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();

  CallHead head_;
  const Method* method_ = nullptr;
  absl::Time received_ = absl::Now();
  absl::Time until_ = absl::InfiniteFuture();
  Loop::Clock::time_point deadline_ = Loop::Clock::time_point::max();  // until_
  // For some of a message to come, or of an answer to be taken.
  Loop::Clock::time_point receive_deadline_ = Loop::Clock::time_point::max();
  Loop::Clock::time_point send_deadline_ = Loop::Clock::time_point::max();

  // The way in.
  std::shared_ptr<StreamHandler> handler_;  // of a stream
  MessageAssembler assembler_;
  bool have_message_ = false;
  Buffer message_;  // of a unary call
  uint64_t received_bytes_ = 0;
  uint64_t received_mark_ = 0;  // received_bytes_ when receive_deadline_ was set
  bool reading_ = true;
  bool accepting_ = false;  // Accept is on the stack
  std::string backlog_;     // came while not reading
  bool ended_ = false;      // the client sends no more
  bool end_taken_ = false;  // and who answers knows it

  // The way out.
  std::atomic<bool> over_{false};
  bool closed_ = false;
  bool started_ = false;   // the head is sent
  bool finished_ = false;  // status_ is what it ends with
  bool deferred_ = false;  // nghttp2 waits for more
  absl::Status status_;
  std::deque<ReplyWriter::Piece> body_;
  size_t body_offset_ = 0;     // in the first piece
  uint64_t body_size_ = 0;     // of what is left
  uint64_t moved_ = 0;         // of all
  uint64_t moved_mark_ = 0;    // moved_ when send_deadline_ was set
  uint64_t queued_ = 0;        // of all
  std::deque<uint64_t> ends_;  // of messages, counted as moved_
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_CALL_H_
