// inference.GRPCInferenceService: inference. The rest of the protocol is in admin.h.
#include <memory>
#include <utility>

#include "core/serving/control_thread.h"
#include "core/serving/grpc/admin.h"
#include "core/serving/grpc/call.h"
#include "core/serving/grpc/infer_codec.h"
#include "core/serving/grpc/infer_stream.h"
#include "core/serving/grpc/open_inference.grpc.pb.h"

namespace mirin::serving {
namespace {

using inference::GRPCInferenceService;

// The generated service with the callbacks of the methods named.
template <template <typename> class... Methods>
struct Callbacks {
  using Service = GRPCInferenceService::Service;
};
template <template <typename> class First, template <typename> class... Others>
struct Callbacks<First, Others...> {
  using Service = First<typename Callbacks<Others...>::Service>;
};
using Generated = Callbacks<GRPCInferenceService::WithRawCallbackMethod_ModelInfer,
                            GRPCInferenceService::WithRawCallbackMethod_ModelStreamInfer,
                            GRPCInferenceService::WithCallbackMethod_ServerLive,
                            GRPCInferenceService::WithCallbackMethod_ServerReady,
                            GRPCInferenceService::WithCallbackMethod_ModelReady,
                            GRPCInferenceService::WithCallbackMethod_ServerMetadata,
                            GRPCInferenceService::WithCallbackMethod_ModelMetadata,
                            GRPCInferenceService::WithCallbackMethod_ModelConfig,
                            GRPCInferenceService::WithCallbackMethod_ModelStatistics,
                            GRPCInferenceService::WithCallbackMethod_RepositoryIndex,
                            GRPCInferenceService::WithCallbackMethod_RepositoryModelLoad,
                            GRPCInferenceService::WithCallbackMethod_RepositoryModelUnload,
                            GRPCInferenceService::WithCallbackMethod_SystemSharedMemoryStatus,
                            GRPCInferenceService::WithCallbackMethod_SystemSharedMemoryRegister,
                            GRPCInferenceService::WithCallbackMethod_SystemSharedMemoryUnregister,
                            GRPCInferenceService::WithCallbackMethod_CudaSharedMemoryStatus,
                            GRPCInferenceService::WithCallbackMethod_CudaSharedMemoryRegister,
                            GRPCInferenceService::WithCallbackMethod_CudaSharedMemoryUnregister,
                            GRPCInferenceService::WithCallbackMethod_TraceSetting,
                            GRPCInferenceService::WithCallbackMethod_LogSettings>::Service;

class InferenceService final : public Generated {
 public:
  explicit InferenceService(const ServiceContext& context) : context_(context), admin_(context) {}

  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* message,
                                       grpc::ByteBuffer* response) override {
    ModelInferCall call;
    ReadCallContext(*context, call.request.get());
    const absl::Status status =
        ReadModelInferRequest(Pieces(*message).reader(), *context_.transport.engine,
                              *context_.transport.shared_memory, absl::Now(), &call);
    if (!status.ok()) {
      context_.Refused("invalid");
      return Answer(context, status);
    }
    const std::shared_ptr<UnaryCall> reactor = UnaryCall::Create();
    call.request->cancellation = reactor->cancellation();
    context_.transport.engine->Infer(
        std::move(call.request),
        [this, reactor, response, echo = std::move(call.echo)](const InferReply& reply) {
          if (!reactor->Claim()) return;
          ReplyWriter writer;
          const absl::Status status = WriteModelInferResponse(
              echo, reply, *context_.transport.shared_memory, false, &writer);
          if (status.ok()) *response = ToByteBuffer(writer.Take());
          reactor->Finish(ToGrpcStatus(status));
        });
    return reactor.get();
  }

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ModelStreamInfer(
      grpc::CallbackServerContext* context) override {
    return InferStream::Start(context_, context);
  }

#define MIRIN_ADMIN_METHOD(name)                                                 \
  grpc::ServerUnaryReactor* name(grpc::CallbackServerContext* context,           \
                                 const inference::name##Request* request,        \
                                 inference::name##Response* response) override { \
    return Answer(context, admin_.name(*request, response));                     \
  }
  MIRIN_ADMIN_METHOD(ServerLive)
  MIRIN_ADMIN_METHOD(ServerReady)
  MIRIN_ADMIN_METHOD(ModelReady)
  MIRIN_ADMIN_METHOD(ServerMetadata)
  MIRIN_ADMIN_METHOD(ModelMetadata)
  MIRIN_ADMIN_METHOD(ModelConfig)
  MIRIN_ADMIN_METHOD(ModelStatistics)
  MIRIN_ADMIN_METHOD(RepositoryIndex)
  MIRIN_ADMIN_METHOD(SystemSharedMemoryStatus)
  MIRIN_ADMIN_METHOD(SystemSharedMemoryRegister)
  MIRIN_ADMIN_METHOD(SystemSharedMemoryUnregister)
  MIRIN_ADMIN_METHOD(CudaSharedMemoryStatus)
  MIRIN_ADMIN_METHOD(CudaSharedMemoryRegister)
  MIRIN_ADMIN_METHOD(CudaSharedMemoryUnregister)
  MIRIN_ADMIN_METHOD(TraceSetting)
  MIRIN_ADMIN_METHOD(LogSettings)
#undef MIRIN_ADMIN_METHOD

  // These take seconds: not on the threads that serve.
  grpc::ServerUnaryReactor* RepositoryModelLoad(
      grpc::CallbackServerContext* context, const inference::RepositoryModelLoadRequest* request,
      inference::RepositoryModelLoadResponse*) override {
    return Later(context, [this, copy = *request] { return admin_.RepositoryModelLoad(copy); });
  }
  grpc::ServerUnaryReactor* RepositoryModelUnload(
      grpc::CallbackServerContext* context, const inference::RepositoryModelUnloadRequest* request,
      inference::RepositoryModelUnloadResponse*) override {
    return Later(context, [this, copy = *request] { return admin_.RepositoryModelUnload(copy); });
  }

 private:
  static grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                          const absl::Status& status) {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  }

  grpc::ServerUnaryReactor* Later(grpc::CallbackServerContext* context,
                                  std::function<absl::Status()> work) {
    if (!context_.allow_repository_control) {
      return Answer(context, absl::PermissionDeniedError(
                                 "loading and unloading is not allowed over this address"));
    }
    const std::shared_ptr<UnaryCall> reactor = UnaryCall::Create();
    const bool taken = control_.Run([reactor, work = std::move(work)] {
      const absl::Status status = work();
      if (reactor->Claim()) reactor->Finish(ToGrpcStatus(status));
    });
    if (!taken && reactor->Claim()) {
      reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many loads and unloads wait"});
    }
    return reactor.get();
  }

  const ServiceContext context_;
  Admin admin_;
  ControlThread control_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeInferenceService(const ServiceContext& context) {
  return std::make_unique<InferenceService>(context);
}

}  // namespace mirin::serving
