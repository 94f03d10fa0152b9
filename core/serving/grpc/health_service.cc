// grpc.health.v1.Health: "" and our services follow the server's readiness; servables, and models as Open Inference names them,
// are there or not.
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <utility>

#include "core/serving/grpc/health.pb.h"
#include "core/serving/grpc/service.h"

namespace mirin::serving {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr std::chrono::milliseconds kWatchPeriod(500);

// SERVICE_UNKNOWN for what is not there.
HealthCheckResponse::ServingStatus StatusOf(const ServiceContext& context,
                                            const std::string& service) {
  const Engine& engine = *context.transport.engine;
  const bool ready = engine.Ready() && !*context.draining;
  if (service.empty() || service == "mindspore.serving.proto.MSService" ||
      service == "inference.GRPCInferenceService") {
    return ready ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  }
  if (engine.Find(service, "").ok())
    return ready ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  for (const ServableState& state : engine.List()) {
    if (state.name == service) return HealthCheckResponse::NOT_SERVING;
  }
  return HealthCheckResponse::SERVICE_UNKNOWN;
}

// Looks again from time to time while somebody watches.
class Watch final : public StreamHandler, public std::enable_shared_from_this<Watch> {
 public:
  Watch(const ServiceContext& context, std::shared_ptr<Call> call)
      : context_(context), call_(std::move(call)), timer_(call_->context()) {}

  void OnMessage(const Buffer& message) override {
    HealthCheckRequest request;
    if (watching_ || !request.ParseFromArray(message.data(), static_cast<int>(message.size())))
      return call_->Finish(Malformed());
    watching_ = true;
    service_ = request.service();
    Look();
  }
  void OnEnd() override {
    if (!watching_) call_->Finish(Malformed());
  }
  void OnDrain() override { call_->Finish(absl::UnavailableError("the server stops")); }
  void OnClose() override {
    call_ = nullptr;
    timer_.cancel();
  }

 private:
  void Look() {
    const HealthCheckResponse::ServingStatus status = StatusOf(context_, service_);
    // a client that does not read hears the newest when it does
    if (call_->unsent() == 0 && status != sent_) {
      sent_ = status;
      HealthCheckResponse response;
      response.set_status(status);
      call_->Send(Serialize(response));
    }
    timer_.expires_after(kWatchPeriod);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->call_ == nullptr) return;
      self->call_->Run([self] {
        if (self->call_ != nullptr) self->Look();
      });
    });
  }

  const ServiceContext context_;
  std::shared_ptr<Call> call_;  // null when it is over
  boost::asio::steady_timer timer_;
  std::string service_;
  bool watching_ = false;
  int sent_ = -1;
};

}  // namespace

void AddHealthService(const ServiceContext& context, Methods* methods) {
  (*methods)["/grpc.health.v1.Health/Check"] = MakeUnary<HealthCheckRequest>(
      [context](const std::shared_ptr<Call>& call, const HealthCheckRequest& request) {
        HealthCheckResponse response;
        response.set_status(StatusOf(context, request.service()));
        if (response.status() == HealthCheckResponse::SERVICE_UNKNOWN)
          return call->Reply(absl::NotFoundError("unknown service"));
        call->Reply(Serialize(response));
      });
  (*methods)["/grpc.health.v1.Health/Watch"].stream = [context](const std::shared_ptr<Call>& call) {
    return std::make_shared<Watch>(context, call);
  };
}

}  // namespace mirin::serving
