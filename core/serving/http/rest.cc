#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/serving/http/api.h"
#include "core/serving/http/json_document.h"
#include "core/serving/http/rest_json.h"

namespace mirin::serving {
namespace {

void Fill(const InferReply& reply, bool always_ok, HttpResponse* response) {
  const Failure* failure = WholeFailure(reply);
  if (failure != nullptr) {
    response->body = ErrorMessageJson(failure->text);
  } else {
    AppendInstances(reply, &response->body);
    // Good when any instance is.
    for (const InstanceReply& instance : reply.instances) {
      if (instance.failure.ok()) return;
      if (failure == nullptr) failure = &instance.failure;
    }
  }
  if (failure != nullptr && !failure->ok() && !always_ok)
    response->status = HttpStatus(failure->status);
}

}  // namespace

void HandleRest(const Api& api, const std::shared_ptr<Exchange>& exchange) {
  HttpRequest& http = exchange->request();
  const bool always_ok = api.always_ok;
  const auto refuse = [&](int status, absl::string_view text, absl::string_view allow = "") {
    api.context.metrics->Refused("http", status == 404   ? "not found"
                                         : status == 405 ? "method"
                                                         : "bad request");
    exchange->Reply([always_ok, status, text = std::string(text), allow](HttpResponse* response) {
      response->status = always_ok ? 200 : status;
      response->body = ErrorMessageJson(text);
      if (!allow.empty()) response->headers.emplace_back("Allow", std::string(allow));
    });
  };
  if (http.verb != "POST") return refuse(405, "http message only support POST right now", "POST");
  if (http.body.size() == 0) return refuse(400, "http message invalid");
  JsonDocument document;
  const absl::Status parsed = document.Parse(http.text, http.body.size());
  if (!parsed.ok()) return refuse(400, absl::StrCat("Illegal JSON format.", parsed.message()));
  ModelPath path = ParseModelPath(http.target);
  if (!path.error.empty())
    return refuse(absl::StrContains(path.error, "must contain") ? 404 : 400, path.error);
  absl::StatusOr<std::vector<Instance>> instances = ParseInstances(document.root());
  if (!instances.ok()) return refuse(400, instances.status().message());

  auto request = std::make_unique<InferRequest>();
  request->servable = std::move(path.name);
  request->method = std::move(path.method);
  request->version = path.version;
  request->instances = *std::move(instances);
  SetCommonFields(exchange.get(), request.get());
  Infer(api, exchange, std::move(request), [exchange, always_ok](InferReply reply) {
    exchange->Reply([reply = std::move(reply), always_ok](HttpResponse* response) {
      Fill(reply, always_ok, response);
    });
  });
}

}  // namespace mirin::serving
