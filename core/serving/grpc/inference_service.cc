// inference.GRPCInferenceService: inference. The rest of the protocol is in admin.h.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/serving/control_thread.h"
#include "core/serving/grpc/admin.h"
#include "core/serving/grpc/infer_codec.h"
#include "core/serving/grpc/infer_stream.h"
#include "core/serving/grpc/service.h"
#include "core/serving/request.h"

namespace mirin::serving {
namespace {

class InferenceService : public std::enable_shared_from_this<InferenceService> {
 public:
  explicit InferenceService(const ServiceContext& context) : context_(context), admin_(context) {}

  void AddTo(Methods* methods) {
    Named(methods, "ModelInfer").unary =
        [self = shared_from_this()](const std::shared_ptr<Call>& call, const Buffer& message) {
          self->ModelInfer(call, message);
        };
    Named(methods, "ModelStreamInfer").stream =
        [self = shared_from_this()](const std::shared_ptr<Call>& call) {
          return std::make_shared<InferStream>(self->context_, call);
        };
#define MIRIN_ADMIN_METHOD(name)                                                     \
  Named(methods, #name) = MakeUnary<inference::name##Request>(                       \
      [self = shared_from_this()](const std::shared_ptr<Call>& call,                 \
                                  const inference::name##Request& request) {         \
        inference::name##Response response;                                          \
        const absl::Status status = self->admin_.name(request, &response);           \
        return status.ok() ? call->Reply(Serialize(response)) : call->Reply(status); \
      });
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
    // These take seconds: not on the threads that serve. This waits for them when it ends.
    Named(methods, "RepositoryModelLoad") = MakeUnary<inference::RepositoryModelLoadRequest>(
        [self = shared_from_this()](const std::shared_ptr<Call>& call,
                                    inference::RepositoryModelLoadRequest request) {
          self->Later(call, [admin = &self->admin_, request = std::move(request)] {
            return admin->RepositoryModelLoad(request);
          });
        });
    Named(methods, "RepositoryModelUnload") = MakeUnary<inference::RepositoryModelUnloadRequest>(
        [self = shared_from_this()](const std::shared_ptr<Call>& call,
                                    inference::RepositoryModelUnloadRequest request) {
          self->Later(call, [admin = &self->admin_, request = std::move(request)] {
            return admin->RepositoryModelUnload(request);
          });
        });
  }

 private:
  static Method& Named(Methods* methods, absl::string_view name) {
    return (*methods)[absl::StrCat("/inference.GRPCInferenceService/", name)];
  }

  void ModelInfer(const std::shared_ptr<Call>& call, const Buffer& message) {
    ModelInferCall infer;
    call->SetCommonFields(infer.request.get());
    const absl::Status status =
        ReadModelInferRequest(MessageReader(message), *context_.transport.engine,
                              *context_.transport.shared_memory, absl::Now(), &infer);
    if (!status.ok()) {
      context_.Refused("invalid");
      return call->Reply(status);
    }
    infer.request->cancellation = call->cancellation();
    Infer(context_.transport, "grpc", context_.Peer(*call), std::move(infer.request),
          [self = shared_from_this(), call, echo = std::move(infer.echo)](const InferReply& reply) {
            if (call->over()) return;
            ReplyWriter writer;
            absl::Status status = WriteModelInferResponse(
                echo, reply, *self->context_.transport.shared_memory, false, &writer);
            call->Run([call, status = std::move(status), message = writer.Take()]() mutable {
              status.ok() ? call->Reply(std::move(message)) : call->Reply(status);
            });
          });
  }

  void Later(const std::shared_ptr<Call>& call, std::function<absl::Status()> work) {
    if (!context_.allow_repository_control) {
      return call->Reply(
          absl::PermissionDeniedError("loading and unloading is not allowed over this address"));
    }
    const bool taken = control_.Run([call, work = std::move(work)] {
      const absl::Status status = work();
      // the answers have no fields
      call->Run([call, status] { status.ok() ? call->Reply(Pieces()) : call->Reply(status); });
    });
    if (!taken) call->Reply(absl::ResourceExhaustedError("too many loads and unloads wait"));
  }

  const ServiceContext context_;
  Admin admin_;
  ControlThread control_;
};

}  // namespace

void AddInferenceService(const ServiceContext& context, Methods* methods) {
  std::make_shared<InferenceService>(context)->AddTo(methods);
}

}  // namespace mirin::serving
