// One client's connection: reads requests, one at a time, and writes their answers in order. Everything but Reply runs on the thread of
// its loop.
#ifndef CORE_SERVING_HTTP_CONNECTION_H_
#define CORE_SERVING_HTTP_CONNECTION_H_

#include <memory>
#include <string>
#include <vector>

#include "core/serving/http/exchange.h"
#include "core/serving/net/connection.h"

namespace mirin::serving {

class RequestParser;

class HttpConnection : public Connection, public Exchange {
 public:
  HttpConnection(std::shared_ptr<Loop> loop, FaceState* state, HttpHandler* handler, Socket socket);
  ~HttpConnection() override;

  void Start() override;
  void Drain() override;
  void Close() override;
  void OnTimeout() override;

  HttpRequest& request() override { return request_; }
  std::string Peer() const override { return PeerName(); }
  std::shared_ptr<Cancellation> MakeCancellation() override;
  void Reply(Fill fill) override;

 private:
  enum class Phase {
    kHead,      // waits for a request or reads its head
    kBody,      // reads a body of known length
    kChunks,    // reads a chunked body
    kHandling,  // waits for the answer
    kWriting,
    kDraining,  // the answer is written and was the last; reads what the client still sends
    kClosed,
  };

  std::shared_ptr<HttpConnection> Self() {
    return std::static_pointer_cast<HttpConnection>(shared_from_this());
  }
  // Between requests.
  bool idle() const { return phase_ == Phase::kHead && pending_.empty() && parser_ == nullptr; }

  // Reading.
  void WaitRead();
  void OnReadable();
  bool ReadSome();  // false: wait
  void OnEnd(bool failed);
  void Consume(absl::string_view input);
  size_t ConsumeHead(absl::string_view input);
  void OnHead();
  size_t ConsumeBody(absl::string_view input);
  size_t ConsumeChunks(absl::string_view input);
  void GrowBody();
  void OnBody();
  bool Decode();
  void Handle();
  // Answers what is no request, and ends.
  void Refuse(int status, absl::string_view text);

  bool WantsRead() const;

  // Writing.
  void Deliver(Fill fill);
  void BeginWrite(HttpResponse response);
  void ContinueWrite();
  void OnWritten();
  void WaitWrite();

  HttpHandler* const handler_;  // while not closed
  Phase phase_ = Phase::kHead;
  bool waiting_read_ = false;
  bool waiting_write_ = false;
  bool read_ended_ = false;
  bool keep_alive_ = true;
  bool version10_ = false;
  bool consuming_ = false;   // Consume is on the stack
  bool in_handler_ = false;  // the handler is on the stack; a reply waits in reply_

  std::string pending_;  // read, but not consumed
  std::unique_ptr<RequestParser> parser_;
  size_t head_size_ = 0;  // bytes of it that the parser has
  HttpRequest request_;
  uint64_t body_size_ = 0;  // by Content-Length
  uint64_t body_have_ = 0;
  uint64_t body_room_ = 0;
  uint64_t body_mark_ = 0;    // body_have_ when the deadline was set
  uint64_t body_prefix_ = 0;  // JSON in front of binary tensors
  std::shared_ptr<Cancellation> cancellation_;

  Fill reply_;
  std::string head_;
  HttpResponse response_;
  std::vector<absl::string_view> unsent_;
  size_t sent_parts_ = 0;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_CONNECTION_H_
