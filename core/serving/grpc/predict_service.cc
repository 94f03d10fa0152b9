// mindspore.serving.proto.MSService: application errors travel in the reply, and the call itself is well.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/serving/grpc/call.h"
#include "core/serving/grpc/ms_service.grpc.pb.h"
#include "core/serving/grpc/predict_codec.h"

namespace mirin::serving {
namespace {

using mindspore::serving::proto::MSService;

class PredictService final : public MSService::WithRawCallbackMethod_Predict<MSService::Service> {
 public:
  explicit PredictService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* message,
                                    grpc::ByteBuffer* response) override {
    PredictCall call;
    if (!ReadPredictRequest(Pieces(*message).reader(), *context_.transport.shared_memory, &call)) {
      context_.Refused("malformed");
      grpc::ServerUnaryReactor* const refused = context->DefaultReactor();
      refused->Finish({grpc::StatusCode::INTERNAL, "Unable to parse request"});
      return refused;
    }
    PredictEcho echo{call.request->servable, call.request->method, call.request->version};
    if (!call.failure.ok()) {
      context_.Refused("invalid");
      InferReply reply;
      reply.failure = Unavailable(*call.request);
      if (reply.failure.ok()) reply.failure = std::move(call.failure);
      *response = Encode(echo, reply, {});
      grpc::ServerUnaryReactor* const refused = context->DefaultReactor();
      refused->Finish(grpc::Status::OK);
      return refused;
    }
    ReadCallContext(*context, call.request.get());
    const std::shared_ptr<UnaryCall> reactor = UnaryCall::Create();
    call.request->cancellation = reactor->cancellation();
    context_.transport.engine->Infer(
        std::move(call.request),
        [this, reactor, response, echo = std::move(echo),
         buffers = std::move(call.output_buffers)](const InferReply& reply) {
          if (!reactor->Claim()) return;
          *response = Encode(echo, reply, buffers);
          reactor->Finish(grpc::Status::OK);
        });
    return reactor.get();
  }

 private:
  grpc::ByteBuffer Encode(const PredictEcho& echo, const InferReply& reply,
                          const decltype(PredictCall::output_buffers)& buffers) const {
    ReplyWriter writer;
    WritePredictReply(echo, reply, *context_.transport.shared_memory, buffers, &writer);
    return ToByteBuffer(writer.Take());
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

std::unique_ptr<grpc::Service> MakePredictService(const ServiceContext& context) {
  return std::make_unique<PredictService>(context);
}

}  // namespace mirin::serving
