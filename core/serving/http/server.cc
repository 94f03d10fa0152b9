// The HTTP face.
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/serving/address.h"
#include "core/serving/http/connection.h"
#include "core/serving/http/router.h"
#include "core/serving/net/listener.h"
#include "core/serving/transport.h"

namespace mirin::serving {
namespace {

class HttpServer : public Transport {
 public:
  HttpServer(const TransportContext& context, TransportOptions options)
      : router_(context, options),
        listener_(&state_, [this](std::shared_ptr<Loop> loop, Connection::Socket socket) {
          return std::make_shared<HttpConnection>(std::move(loop), &state_, &router_,
                                                  std::move(socket));
        }) {
    state_.name = "http";
    state_.options = std::move(options);
    state_.metrics = context.metrics;
  }
  ~HttpServer() override { Stop(absl::InfinitePast()); }

  absl::Status Start() {
    MIRIN_ASSIGN_OR_RETURN(
        const Address address,
        ParseAddress("RESTful server", state_.options.address, /*allow_port_zero=*/true));
    if (state_.options.tls != nullptr) {
      MIRIN_ASSIGN_OR_RETURN(state_.tls, MakeSslContext(*state_.options.tls, "http/1.1"));
    }
    if (!listener_.Start(address).ok()) {
      return absl::UnavailableError(
          absl::StrCat("RESTful server start failed, bind to the socket address ",
                       state_.options.address, " failed"));
    }
    return absl::OkStatus();
  }

  int port() const override { return listener_.port(); }

  void Stop(absl::Time deadline) override {
    listener_.Stop(deadline);
    router_.Stop();
  }

 private:
  FaceState state_;
  Router router_;
  Listener listener_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> StartHttp(const TransportContext& context,
                                                     TransportOptions options) {
  auto server = std::make_unique<HttpServer>(context, std::move(options));
  MIRIN_RETURN_IF_ERROR(server->Start());
  return server;
}

}  // namespace mirin::serving
