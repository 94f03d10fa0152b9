#include "core/serving/http/api.h"

#include "absl/strings/numbers.h"
#include "core/serving/http/json_text.h"
#include "core/serving/request.h"

namespace mirin::serving {

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

void SetCommonFields(Exchange* exchange, InferRequest* request) {
  const HttpRequest& http = exchange->request();
  request->id = http.id;
  request->traceparent = http.traceparent;
  request->received = http.received;
  request->cancellation = exchange->MakeCancellation();
  uint32_t ms;
  if (!http.timeout_ms.empty() && absl::SimpleAtoi(http.timeout_ms, &ms) && ms != 0) {
    request->deadline = http.received + absl::Milliseconds(ms);
  }
}

void Infer(const Api& api, const std::shared_ptr<Exchange>& exchange,
           std::unique_ptr<InferRequest> request, InferCallback done) {
  const std::string peer = LogsAccess(api.context) ? exchange->Peer() : std::string();
  Infer(api.context, "http", peer, std::move(request), std::move(done));
}

void SetError(const absl::Status& status, HttpResponse* response) {
  response->status = HttpStatus(status.code());
  response->body = "{\"error\":";
  AppendJsonText(status.message(), &response->body);
  response->body.push_back('}');
}

void ReplyError(const std::shared_ptr<Exchange>& exchange, absl::Status status) {
  exchange->Reply(
      [status = std::move(status)](HttpResponse* response) { SetError(status, response); });
}

}  // namespace mirin::serving
