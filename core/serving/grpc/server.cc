#include <google/protobuf/stubs/logging.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/log.h"
#include "core/base/status.h"
#include "core/serving/address.h"
#include "core/serving/grpc/call.h"
#include "core/serving/tls.h"
#include "core/serving/transport.h"

namespace mirin::serving {
namespace {

constexpr int kMaxFrame = 1 << 20;
constexpr int kMaxSyncThreads = 8;  // of the reflection service: each of its streams holds one

// Lines of the library (a client's failed handshake, say) are for who looks for them.
void LogLine(gpr_log_func_args* args) {
  if (LogEnabled(LogLevel::kDebug)) Log(LogLevel::kDebug, absl::StrCat("grpc: ", args->message));
}

void LogProtobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  if (LogEnabled(LogLevel::kDebug)) Log(LogLevel::kDebug, absl::StrCat("protobuf: ", message));
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const TlsOptions* tls) {
  if (tls == nullptr) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(
      tls->verify_client ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                         : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  options.pem_key_cert_pairs.push_back({tls->private_key, tls->certificate});
  if (tls->verify_client) options.pem_root_certs = tls->client_ca;
  return grpc::SslServerCredentials(options);
}

int Milliseconds(absl::Duration d) {
  return static_cast<int>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(d), 1, std::numeric_limits<int>::max()));
}

// A Unix socket is bound in a folder that nobody else can enter, and moved to its place with its final mode.
class BoundSocket {
 public:
  BoundSocket() = default;
  BoundSocket(const BoundSocket&) = delete;
  ~BoundSocket() {
    if (directory_.empty()) return;
    unlink(bound_.c_str());
    rmdir(directory_.c_str());
  }

  absl::Status Prepare(const std::string& path) {
    MIRIN_RETURN_IF_ERROR(RemoveStaleSocket(path));
    path_ = path;
    const size_t slash = path.rfind('/');
    directory_ = absl::StrCat(slash == path.npos ? "" : path.substr(0, slash + 1), ".XXXXXX");
    if (mkdtemp(&directory_[0]) == nullptr) {
      const absl::Status status = absl::ErrnoToStatus(errno, path);
      directory_.clear();
      return status;
    }
    bound_ = directory_ + "/s";
    return absl::OkStatus();
  }
  const std::string& bound() const { return bound_; }
  absl::Status Publish() {
    if (chmod(bound_.c_str(), 0600) != 0 || rename(bound_.c_str(), path_.c_str()) != 0) {
      return absl::ErrnoToStatus(errno, path_);
    }
    rmdir(directory_.c_str());
    directory_.clear();
    return file_.Own(path_);
  }
  void Remove() { file_.Remove(); }

 private:
  std::string path_, directory_, bound_;
  SocketFile file_;
};

class GrpcTransport final : public Transport {
 public:
  ~GrpcTransport() override { Stop(absl::InfinitePast()); }

  absl::Status Start(const TransportContext& context, const TransportOptions& options) {
    MIRIN_ASSIGN_OR_RETURN(const Address address,
                           ParseAddress("Serving gRPC", options.address, true));
    if (options.tls != nullptr) MIRIN_RETURN_IF_ERROR(CheckTls(*options.tls));
    const std::string failed = absl::StrCat(
        "Serving gRPC server start failed, create server failed, address ", options.address);
    std::string listen;
    if (address.is_unix) {
      const absl::Status status = socket_.Prepare(address.path);
      if (!status.ok()) return absl::UnavailableError(absl::StrCat(failed, ": ", status.message()));
      listen = absl::StrCat("unix:", socket_.bound());
    } else {
      const bool v6 = address.host.find(':') != std::string::npos;
      listen = absl::StrCat(v6 ? "[" : "", address.host, v6 ? "]" : "", ":", address.port);
    }

    const ServiceContext service_context{context, options.allow_repository_control,
                                         options.allow_shared_memory, &streams_};
    services_.push_back(MakePredictService(service_context));
    services_.push_back(MakeInferenceService(service_context));
    services_.push_back(MakeHealthService(service_context));
    grpc::ServerBuilder builder;
    Configure(options, &builder);
    int port = 0;
    builder.AddListeningPort(listen, Credentials(options.tls.get()), &port);
    for (const auto& service : services_) builder.RegisterService(service.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || (!address.is_unix && port == 0))
      return absl::UnavailableError(failed);
    if (address.is_unix) {
      const absl::Status status = socket_.Publish();
      if (!status.ok()) return absl::UnavailableError(absl::StrCat(failed, ": ", status.message()));
    }
    port_ = address.is_unix ? 0 : port;
    return absl::OkStatus();
  }

  int port() const override { return port_; }

  void Stop(absl::Time deadline) override {
    if (server_ == nullptr) return;
    socket_.Remove();
    streams_.Drain();
    const absl::Time horizon =
        absl::Now() + absl::Hours(24 * 365);  // chrono's end overflows in gRPC
    server_->Shutdown(absl::ToChronoTime(std::clamp(deadline, absl::UnixEpoch(), horizon)));
    server_.reset();
  }

 private:
  static void Configure(const TransportOptions& options, grpc::ServerBuilder* builder) {
    const uint64_t limit =
        std::min<uint64_t>(options.max_message_bytes, std::numeric_limits<int>::max());
    builder->SetMaxReceiveMessageSize(static_cast<int>(limit));
    builder->SetMaxSendMessageSize(static_cast<int>(limit));
    grpc::ResourceQuota quota("mirin");
    quota.Resize(options.memory_quota != 0 ? options.memory_quota
                                           : std::max<uint64_t>(8 * limit, 1u << 30));
    quota.SetMaxThreads(kMaxSyncThreads);
    builder->SetResourceQuota(quota);
    builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a taken port is an error
    builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                                static_cast<int>(options.max_streams));
    builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                                Milliseconds(options.header_timeout));
    builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                                Milliseconds(options.idle_timeout));
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_time));
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                                Milliseconds(options.keepalive_timeout));
    builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                                Milliseconds(options.min_ping_interval));
    builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kMaxFrame);
    // The size limit is that of the compressed message: 100 MiB could become 100 GiB.
    builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
    builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    // Only reflection is served by threads of its own.
    builder->SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder->SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
    builder->SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
    builder->SetSyncServerOption(grpc::ServerBuilder::CQ_TIMEOUT_MSEC, 3600 * 1000);
  }

  Streams streams_;
  BoundSocket socket_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> StartGrpc(const TransportContext& context,
                                                     TransportOptions options) {
  // Of the library, not of one server.
  static const bool prepared = [] {
    // Kept for good: ending the library with the last server can take the 10 seconds that its poller of writes sleeps.
    grpc_init();
    gpr_set_log_function(LogLine);
    google::protobuf::SetLogHandler(LogProtobuf);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  static_cast<void>(prepared);
  auto transport = std::make_unique<GrpcTransport>();
  MIRIN_RETURN_IF_ERROR(transport->Start(context, options));
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace mirin::serving
