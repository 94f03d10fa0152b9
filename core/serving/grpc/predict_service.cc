// mindspore.serving.proto.MSService: application errors travel in the reply, and the call itself is well.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/serving/grpc/predict_codec.h"
#include "core/serving/grpc/service.h"
#include "core/serving/request.h"

namespace mirin::serving {
namespace {

class PredictService : public std::enable_shared_from_this<PredictService> {
 public:
  explicit PredictService(const ServiceContext& context) : context_(context) {}

  void Predict(const std::shared_ptr<Call>& call, const Buffer& message) {
    PredictCall predict;
    if (!ReadPredictRequest(MessageReader(message), *context_.transport.shared_memory, &predict)) {
      context_.Refused("malformed");
      return call->Reply(Malformed());
    }
    // What does not come in the message counts as if it did. Clients that read of their memory in an error do without it.
    const uint64_t size = message.size() + predict.attached_bytes;
    if (size > call->limit() && predict.failure.ok()) {
      predict.failure = InvalidInputs(absl::StrCat("'", predict.attached_key,
                                                   "' holds more than messages may: ", size,
                                                   " vs. ", call->limit()));
    }
    predict.result_memory.size = std::min(predict.result_memory.size, call->limit());
    PredictEcho echo{predict.request->servable, predict.request->method, predict.request->version};
    if (!predict.failure.ok()) {
      context_.Refused("invalid");
      InferReply reply;
      reply.failure = Unavailable(*predict.request);
      if (reply.failure.ok()) reply.failure = std::move(predict.failure);
      return call->Reply(Encode(echo, reply, {}, {}));
    }
    call->SetCommonFields(predict.request.get());
    predict.request->cancellation = call->cancellation();
    Infer(context_.transport, "grpc", context_.Peer(*call), std::move(predict.request),
          [self = shared_from_this(), call, echo = std::move(echo),
           buffers = std::move(predict.output_buffers),
           results = std::move(predict.result_memory)](const InferReply& reply) {
            if (call->over()) return;
            call->Run([call, message = self->Encode(echo, reply, buffers, results)]() mutable {
              call->Reply(std::move(message));
            });
          });
  }

 private:
  Pieces Encode(const PredictEcho& echo, const InferReply& reply,
                const decltype(PredictCall::output_buffers)& buffers,
                const SharedPlace& results) const {
    ReplyWriter writer;
    WritePredictReply(echo, reply, *context_.transport.shared_memory, buffers, results, &writer);
    return writer.Take();
  }

  // A request for what is not there hears that first, whatever else is wrong with it.
  Failure Unavailable(const InferRequest& request) const {
    const Engine& engine = *context_.transport.engine;
    const std::vector<uint64_t> versions = engine.Versions(request.servable);
    const bool runs = request.version == 0
                          ? !versions.empty()
                          : std::count(versions.begin(), versions.end(), request.version) != 0;
    const std::string version = request.version == 0 ? "" : absl::StrCat(request.version);
    const std::string model = request.method.empty()
                                  ? request.servable
                                  : absl::StrCat(request.servable, ".", request.method);
    if (runs && engine.Find(model, version).ok()) return Failure();
    return {Code::kInvalidInputs, absl::StatusCode::kNotFound,
            NotAvailableText(request.servable, request.method, runs ? 0 : request.version,
                             runs ? "method" : "servable")};
  }

  const ServiceContext context_;
};

}  // namespace

void AddPredictService(const ServiceContext& context, Methods* methods) {
  (*methods)["/mindspore.serving.proto.MSService/Predict"].unary =
      [service = std::make_shared<PredictService>(context)](const std::shared_ptr<Call>& call,
                                                            const Buffer& message) {
        service->Predict(call, message);
      };
}

}  // namespace mirin::serving
