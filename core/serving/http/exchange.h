// One HTTP request and its answer, apart from sockets.
#ifndef CORE_SERVING_HTTP_EXCHANGE_H_
#define CORE_SERVING_HTTP_EXCHANGE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/serving/message.h"

namespace mirin::serving {

struct HttpRequest {
  std::string verb;
  std::string target;      // as sent: path?query
  bool head_only = false;  // HEAD: answered as GET, without the body
  // Of the headers.
  std::string id;  // x-request-id
  std::string traceparent;
  std::string timeout_ms;  // x-request-timeout-ms or x-envoy-expected-rq-timeout-ms
  std::string json_size;   // inference-header-content-length
  std::string content_encoding;
  std::string accept_encoding;
  absl::Time received;

  Buffer body;
  char* text =
      nullptr;  // of the body, writable, with one byte more behind it; null when there is no body
};

struct HttpResponse {
  int status = 200;
  absl::string_view content_type = "application/json";
  std::vector<std::pair<absl::string_view, std::string>> headers;
  std::string body;
  std::vector<Buffer> parts;  // follow the body
  bool close = false;
};

// A body with room for one byte more, as JsonDocument needs it.
Buffer AllocateBody(size_t size, size_t json_size, char** text);

// A request that waits for its answer. Any thread may hold it; it outlives its connection.
class Exchange {
 public:
  using Fill = absl::AnyInvocable<void(HttpResponse*)>;

  virtual ~Exchange() = default;
  // Borrowed; until Reply is called.
  virtual HttpRequest& request() = 0;
  // "127.0.0.1:4711", "unix".
  virtual std::string Peer() const = 0;
  // Of a request that can be cancelled: is cancelled when the client goes away. Call it on the connection's thread.
  virtual std::shared_ptr<Cancellation> MakeCancellation() = 0;
  // Once, on any thread. `fill` makes the answer on the connection's thread; it is dropped when the client or the server is gone.
  virtual void Reply(Fill fill) = 0;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // On a connection's thread; does not block.
  virtual void Handle(std::shared_ptr<Exchange> exchange) = 0;
  // The answer to what is no good request before it reaches Handle.
  virtual void Refuse(const HttpRequest& request, int status, absl::string_view text,
                      HttpResponse* response) = 0;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_EXCHANGE_H_
