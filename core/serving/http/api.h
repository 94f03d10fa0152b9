// What the dialects of the HTTP face share.
#ifndef CORE_SERVING_HTTP_API_H_
#define CORE_SERVING_HTTP_API_H_

#include <memory>

#include "core/serving/control_thread.h"
#include "core/serving/http/exchange.h"
#include "core/serving/http/url.h"
#include "core/serving/transport.h"

namespace mirin::serving {

struct Api {
  TransportContext context;
  bool always_ok = false;
  bool allow_repository_control = false;
  bool allow_shared_memory = false;
  ControlThread* control = nullptr;
};

// The HTTP status for a gRPC code.
int HttpStatus(absl::StatusCode code);

// Id, trace and deadline of a request from its headers.
void SetCommonFields(Exchange* exchange, InferRequest* request);

// Gives `request` to the engine; done(reply) is called as Engine::Infer says. Writes the access log.
void Infer(const Api& api, const std::shared_ptr<Exchange>& exchange,
           std::unique_ptr<InferRequest> request, InferCallback done);

// {"error": text}, with the status of its code.
void SetError(const absl::Status& status, HttpResponse* response);
void ReplyError(const std::shared_ptr<Exchange>& exchange, absl::Status status);

// POST /model/{name}[/version/{n}]:{method}: MindSpore Serving's REST.
void HandleRest(const Api& api, const std::shared_ptr<Exchange>& exchange);

// /v2/..: the Open Inference Protocol with its extensions.
void HandleOip(const Api& api, const Url& url, const std::shared_ptr<Exchange>& exchange);
void HandleOipInfer(const Api& api, absl::string_view model, absl::string_view version,
                    const std::shared_ptr<Exchange>& exchange);

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_API_H_
