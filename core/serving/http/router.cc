#include "core/serving/http/router.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/serving/http/rest_json.h"
#include "core/serving/log.h"
#include "core/serving/request.h"

namespace mirin::serving {
namespace {

bool IsRest(absl::string_view target) { return absl::StartsWith(target, "/model/"); }

}  // namespace

Router::Router(const TransportContext& context, const TransportOptions& options) {
  api_.context = context;
  api_.always_ok = options.always_ok;
  api_.allow_repository_control = options.allow_repository_control;
  api_.allow_shared_memory = options.allow_shared_memory;
  api_.control = &control_;
}

void Router::Handle(std::shared_ptr<Exchange> exchange) {
  HttpRequest& request = exchange->request();
  if (request.id.empty()) request.id = MakeRequestId();
  if (IsRest(request.target)) return HandleRest(api_, exchange);
  const Url url = ParseUrl(request.target);
  if (!url.valid) return ReplyError(exchange, absl::InvalidArgumentError("the URL is malformed"));
  if (!url.segments.empty() && url.segments[0] == "v2") return HandleOip(api_, url, exchange);
  const Page page =
      url.segments.size() <= 1 ? pages_.Find(url.segments.empty() ? "" : url.segments[0]) : nullptr;
  if (page != nullptr && (request.verb == "GET" || request.verb == "HEAD")) {
    return exchange->Reply(
        [this, page](HttpResponse* response) { (pages_.*page)(api_, response); });
  }
  if (page != nullptr && !api_.always_ok) {
    return exchange->Reply([](HttpResponse* response) {
      SetError(absl::InvalidArgumentError("only GET is allowed here"), response);
      response->status = 405;
      response->headers.emplace_back("Allow", "GET, HEAD");
    });
  }
  // What is left is MindSpore Serving's, which knows one path.
  if (request.verb == "POST" || api_.always_ok) return HandleRest(api_, exchange);
  ReplyError(exchange, absl::NotFoundError("there is nothing at this path"));
}

void Router::Refuse(const HttpRequest& request, int status, absl::string_view text,
                    HttpResponse* response) {
  if (api_.context.log != nullptr && api_.context.log->Enabled(LogLevel::kDebug)) {
    api_.context.log->Event(LogLevel::kDebug, "request refused",
                            {{"protocol", "http"}, {"status", status}, {"reason", text}});
  }
  if (IsRest(request.target)) {
    response->body = ErrorMessageJson(text);
    // 413 is an answer of the dialect; what is no HTTP is not.
    response->status = api_.always_ok && status == 413 ? 200 : status;
    return;
  }
  SetError(absl::InvalidArgumentError(text), response);
  response->status = status;
}

}  // namespace mirin::serving
