#include "core/serving/http/pages.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "core/base/json.h"
#include "core/serving/http/openapi.h"
#include "core/serving/http/status_page.h"
#include "core/serving/oip/model_json.h"

namespace mirin::serving {
namespace {

std::string HashSource(absl::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::StrCat(
      "'sha256-",
      absl::Base64Escape(absl::string_view(reinterpret_cast<char*>(digest), sizeof digest)), "'");
}

std::string Html(absl::string_view title, absl::string_view body, absl::string_view script) {
  return absl::StrCat("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>",
                      title,
                      "</title><meta name=\"viewport\" content=\"width=device-width\"><link "
                      "rel=\"icon\" href=\"data:,\"><style>",
                      kPageStyle, "</style></head><body>", body, script.empty() ? "" : "<script>",
                      script, script.empty() ? "" : "</script>", "</body></html>\n");
}

void NoStore(HttpResponse* response) {
  response->headers.emplace_back("Cache-Control", "no-store");
}

std::string ServableJson(const ServableState& state) {
  std::vector<std::string> methods;
  for (const std::string& method : state.methods) methods.push_back(JsonString(method));
  return absl::StrCat("{\"name\":", JsonString(state.name), ",\"version\":", state.version,
                      ",\"state\":", JsonString(state.state),
                      ",\"reason\":", JsonString(state.reason), ",\"methods\":[",
                      absl::StrJoin(methods, ","), "],\"workers\":", state.workers,
                      ",\"queued\":", state.queued, "}");
}

absl::string_view Bool(bool value) { return value ? "true" : "false"; }

}  // namespace

Pages::Pages()
    : policy_(absl::StrCat("default-src 'none'; script-src ", HashSource(kStatusScript),
                           "; style-src ", HashSource(kPageStyle),
                           "; connect-src 'self'; img-src data:; base-uri 'none'; form-action "
                           "'none'; frame-ancestors 'none'")) {}

Page Pages::Find(absl::string_view name) const {
  if (name == "") return &Pages::Status;
  if (name == "status") return &Pages::StatusData;
  if (name == "metrics") return &Pages::Metrics;
  if (name == "health") return &Pages::Health;
  if (name == "openapi.json") return &Pages::OpenApi;
  if (name == "docs") return &Pages::Docs;
  return nullptr;
}

void Pages::SetHtml(std::string html, HttpResponse* response) const {
  response->content_type = "text/html; charset=utf-8";
  response->headers.emplace_back("Content-Security-Policy", policy_);
  response->headers.emplace_back("X-Frame-Options", "DENY");
  response->headers.emplace_back("Referrer-Policy", "no-referrer");
  response->body = std::move(html);
}

void Pages::Status(const Api&, HttpResponse* response) const {
  SetHtml(Html("Model server", kStatusBody, kStatusScript), response);
}

void Pages::Docs(const Api&, HttpResponse* response) const {
  SetHtml(Html("Operations", DocsBody(), ""), response);
}

void Pages::StatusData(const Api& api, HttpResponse* response) const {
  const Engine& engine = *api.context.engine;
  std::vector<std::string> servables, statistics;
  for (const ServableState& state : engine.List()) servables.push_back(ServableJson(state));
  for (const auto& method : engine.Methods()) {
    const auto values = engine.Statistics(*method);
    if (values.ok())
      statistics.push_back(ModelStatisticsJson(absl::StrCat(method->servable, ".", method->method),
                                               *method, *values));
  }
  NoStore(response);
  response->body = absl::StrCat(
      "{\"version\":", JsonString(mirin_version_string()), ",\"live\":", Bool(engine.Live()),
      ",\"ready\":", Bool(engine.Ready()), ",\"time_ms\":", absl::ToUnixMillis(absl::Now()),
      ",\"servables\":[", absl::StrJoin(servables, ","), "],\"model_stats\":[",
      absl::StrJoin(statistics, ","), "]}");
}

void Pages::Metrics(const Api& api, HttpResponse* response) const {
  response->content_type = "text/plain; version=0.0.4; charset=utf-8";
  NoStore(response);
  response->body = api.context.metrics->Text();
}

void Pages::Health(const Api& api, HttpResponse* response) const {
  const bool ready = api.context.engine->Ready();
  NoStore(response);
  response->status = ready ? 200 : 503;
  response->body =
      absl::StrCat("{\"live\":", Bool(api.context.engine->Live()), ",\"ready\":", Bool(ready), "}");
}

void Pages::OpenApi(const Api&, HttpResponse* response) const { response->body = OpenApiJson(); }

}  // namespace mirin::serving
