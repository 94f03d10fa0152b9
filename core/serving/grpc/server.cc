// The gRPC face.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/log.h"
#include "core/base/status.h"
#include "core/serving/address.h"
#include "core/serving/grpc/connection.h"
#include "core/serving/grpc/service.h"
#include "core/serving/net/listener.h"
#include "core/serving/transport.h"

namespace mirin::serving {
namespace {

constexpr uint64_t kLeastQuota = 1u << 30;

// Lines of the library (a damaged message, say) are for who looks for them.
void LogProtobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  if (LogEnabled(LogLevel::kDebug)) Log(LogLevel::kDebug, absl::StrCat("protobuf: ", message));
}

class GrpcServer final : public Transport {
 public:
  GrpcServer(const TransportContext& context, TransportOptions options)
      : listener_(&state_, [this](std::shared_ptr<Loop> loop, Connection::Socket socket) {
          return std::make_shared<GrpcConnection>(std::move(loop), &state_, std::move(socket));
        }) {
    state_.name = "grpc";
    state_.metrics = context.metrics;
    // a message's length has four bytes, and generated code counts in int
    state_.limit =
        std::min<uint64_t>(options.max_message_bytes, std::numeric_limits<int32_t>::max());
    state_.budget = std::make_shared<MemoryBudget>(
        options.memory_quota != 0 ? options.memory_quota
                                  : std::max<uint64_t>(8 * state_.limit, kLeastQuota));
    const ServiceContext services{context, options.allow_repository_control,
                                  options.allow_shared_memory, &state_.draining};
    AddPredictService(services, &state_.methods);
    AddInferenceService(services, &state_.methods);
    if (options.allow_client_memory) AddMemoryService(services, &state_.methods);
    AddHealthService(services, &state_.methods);
    AddReflectionService(&state_.methods);
    state_.options = std::move(options);
  }
  ~GrpcServer() override { Stop(absl::InfinitePast()); }

  absl::Status Start() {
    MIRIN_ASSIGN_OR_RETURN(const Address address,
                           ParseAddress("Serving gRPC", state_.options.address, true));
    if (state_.options.tls != nullptr) {
      MIRIN_ASSIGN_OR_RETURN(state_.tls, MakeSslContext(*state_.options.tls, "h2"));
    }
    const absl::Status status = listener_.Start(address);
    if (status.ok()) return status;
    return absl::UnavailableError(absl::StrCat(
        "Serving gRPC server start failed, create server failed, address ", state_.options.address,
        status.message().empty() ? "" : ": ", status.message()));
  }

  int port() const override { return listener_.port(); }
  void Stop(absl::Time deadline) override { listener_.Stop(deadline); }

 private:
  GrpcState state_;
  Listener listener_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> StartGrpc(const TransportContext& context,
                                                     TransportOptions options) {
  static const bool prepared = [] {
    google::protobuf::SetLogHandler(LogProtobuf);
    return true;
  }();
  static_cast<void>(prepared);
  auto server = std::make_unique<GrpcServer>(context, std::move(options));
  MIRIN_RETURN_IF_ERROR(server->Start());
  return server;
}

}  // namespace mirin::serving
