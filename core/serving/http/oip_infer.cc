#include "absl/strings/str_cat.h"
#include "core/serving/http/api.h"
#include "core/serving/http/oip_json.h"

namespace mirin::serving {

void HandleOipInfer(const Api& api, absl::string_view model, absl::string_view version,
                    const std::shared_ptr<Exchange>& exchange) {
  const auto refuse = [&](absl::Status status) {
    api.context.metrics->Refused("http", absl::IsNotFound(status) ? "not found" : "bad request");
    ReplyError(exchange, std::move(status));
  };
  const auto method = api.context.engine->Find(model, version);
  if (!method.ok()) return refuse(method.status());
  SharedMemoryRegistry* const shared_memory =
      api.allow_shared_memory ? api.context.shared_memory : nullptr;
  auto request = std::make_unique<InferRequest>();
  OipForm form;
  form.model = std::string(model);
  SetCommonFields(exchange.get(), request.get());
  absl::Status read = ReadOipRequest(&exchange->request(), shared_memory, request.get(), &form);
  if (!read.ok()) return refuse(std::move(read));
  request->servable = (*method)->servable;
  request->method = (*method)->method;
  if (!version.empty()) request->version = (*method)->version;
  request->batched = true;
  Infer(api, exchange, std::move(request),
        [exchange, form = std::move(form), shared_memory](InferReply reply) {
          exchange->Reply([form, shared_memory, reply = std::move(reply)](HttpResponse* response) {
            const Failure& failure = reply.failure.ok() && !reply.instances.empty()
                                         ? reply.instances[0].failure
                                         : reply.failure;
            absl::Status status =
                failure.ok() ? absl::OkStatus() : absl::Status(failure.status, failure.text);
            if (failure.ok() && reply.instances.empty())
              status = absl::InternalError("there is no answer");
            if (status.ok()) status = WriteOipReply(form, reply, shared_memory, response);
            if (status.ok()) return;
            *response = HttpResponse();
            SetError(status, response);
          });
        });
}

}  // namespace mirin::serving
