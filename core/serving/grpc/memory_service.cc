// ClientMemory: attaches memory of clients on this machine to their connections.
#include <utility>

#include "core/serving/grpc/ms_service.pb.h"
#include "core/serving/grpc/service.h"
#include "core/serving/shared_memory.h"

namespace mirin::serving {
namespace {

namespace pb = mindspore::serving::proto;

void Attach(const ServiceContext& context, const std::shared_ptr<Call>& call,
            const pb::AttachRequest& request) {
  absl::StatusOr<std::shared_ptr<const void>> memory =
      context.transport.shared_memory->attached().Attach(
          {request.process_id(), request.fd(), request.bytes_size(), request.secret()});
  if (!memory.ok()) {
    context.Refused("memory");
    return call->Reply(memory.status());
  }
  pb::AttachReply reply;
  reply.set_memory_key(AttachedMemory::KeyOf(request.secret()));
  const absl::Status status = call->kept().Add(reply.memory_key(), *std::move(memory));
  if (!status.ok()) return call->Reply(status);
  call->Reply(Serialize(reply));
}

}  // namespace

void AddMemoryService(const ServiceContext& context, Methods* methods) {
  (*methods)["/mindspore.serving.proto.ClientMemory/Attach"] = MakeUnary<pb::AttachRequest>(
      [context](const std::shared_ptr<Call>& call, const pb::AttachRequest& request) {
        Attach(context, call, request);
      });
  (*methods)["/mindspore.serving.proto.ClientMemory/Detach"] = MakeUnary<pb::DetachRequest>(
      [](const std::shared_ptr<Call>& call, const pb::DetachRequest& request) {
        const absl::Status status = call->kept().Remove(request.memory_key());
        if (!status.ok()) return call->Reply(status);
        call->Reply(Serialize(pb::DetachReply()));
      });
}

}  // namespace mirin::serving
