// The services of a gRPC server.
#ifndef CORE_SERVING_GRPC_SERVICE_H_
#define CORE_SERVING_GRPC_SERVICE_H_

#include <google/protobuf/message_lite.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "core/serving/grpc/call.h"
#include "core/serving/transport.h"

namespace mirin::serving {

// The server of a service. All outlive the services.
struct ServiceContext {
  TransportContext transport;
  bool allow_repository_control = false;
  bool allow_shared_memory = false;
  const std::atomic<bool>* draining = nullptr;

  void Refused(absl::string_view reason) const {
    if (transport.metrics != nullptr) transport.metrics->Refused("grpc", reason);
  }
  // For the access log.
  std::string Peer(const Call& call) const;
};

// What the methods need lives as long as they do.
void AddPredictService(const ServiceContext& context, Methods* methods);
void AddInferenceService(const ServiceContext& context, Methods* methods);
void AddMemoryService(const ServiceContext& context, Methods* methods);
void AddHealthService(const ServiceContext& context, Methods* methods);
void AddReflectionService(Methods* methods);

// What answers bytes that are not the message they should be.
absl::Status Malformed();
Pieces Serialize(const google::protobuf::MessageLite& message);

// A unary method of generated messages: run(call, request) answers.
template <typename Request, typename Run>
Method MakeUnary(Run run) {
  Method method;
  method.unary = [run = std::move(run)](const std::shared_ptr<Call>& call, const Buffer& message) {
    Request request;
    if (!request.ParseFromArray(message.data(), static_cast<int>(message.size())))
      return call->Reply(Malformed());
    run(call, std::move(request));
  };
  return method;
}

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_SERVICE_H_
