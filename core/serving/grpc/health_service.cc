// grpc.health.v1.Health: "" and our services follow the server's readiness; servables, and models as Open Inference names them,
// are there or not.
#include <grpcpp/alarm.h>

#include <chrono>
#include <memory>
#include <utility>

#include "core/serving/grpc/call.h"
#include "core/serving/grpc/health.grpc.pb.h"

namespace mirin::serving {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr std::chrono::milliseconds kWatchPeriod(500);

// SERVICE_UNKNOWN for what is not there.
HealthCheckResponse::ServingStatus StatusOf(const ServiceContext& context,
                                            const std::string& service) {
  const Engine& engine = *context.transport.engine;
  const bool ready = engine.Ready() && !context.streams->draining();
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
class WatchCall final : public grpc::ServerWriteReactor<HealthCheckResponse>, public Stream {
 public:
  static WatchCall* Start(const ServiceContext& context, std::string service) {
    auto call = std::make_shared<WatchCall>();
    call->context_ = context;
    call->service_ = std::move(service);
    call->self_ = call;
    context.streams->Add(call);
    call->Look(call);
    return call.get();
  }

  void Drain() override {
    absl::MutexLock lock(&mutex_);
    End();
  }
  void OnCancel() override {
    absl::MutexLock lock(&mutex_);
    End();
  }
  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok || ending_) End();
  }
  void OnDone() override {
    context_.streams->Remove(this);
    {
      absl::MutexLock lock(&mutex_);
      if (alarm_ != nullptr) alarm_->Cancel();
    }
    std::shared_ptr<WatchCall>().swap(self_);
  }

 private:
  void Look(const std::shared_ptr<WatchCall>& self) {
    absl::MutexLock lock(&mutex_);  // OnDone waits for it, so that the engine is there
    if (ending_) {
      alarm_ = nullptr;  // it holds this, and this holds it
      return;
    }
    const HealthCheckResponse::ServingStatus status = StatusOf(context_, service_);
    if (!writing_ && status != sent_) {
      sent_ = status;
      response_.set_status(status);
      writing_ = true;
      StartWrite(&response_);
    }
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(std::chrono::system_clock::now() + kWatchPeriod, [self](bool ok) {
      if (ok) return self->Look(self);
      absl::MutexLock ended(&self->mutex_);
      self->alarm_ = nullptr;
    });
  }
  void End() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ending_ = true;
    if (writing_ || finished_) return;
    finished_ = true;
    Finish({grpc::StatusCode::UNAVAILABLE, "the server stops"});
  }

  ServiceContext context_;
  std::string service_;
  std::shared_ptr<WatchCall> self_;  // gRPC's
  absl::Mutex mutex_;
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
  HealthCheckResponse response_;
  int sent_ ABSL_GUARDED_BY(mutex_) = -1;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

class HealthService final : public Health::CallbackService {
 public:
  explicit HealthService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const HealthCheckRequest* request,
                                  HealthCheckResponse* response) override {
    const HealthCheckResponse::ServingStatus status = StatusOf(context_, request->service());
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    response->set_status(status);
    reactor->Finish(status == HealthCheckResponse::SERVICE_UNKNOWN
                        ? grpc::Status(grpc::StatusCode::NOT_FOUND, "unknown service")
                        : grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<HealthCheckResponse>* Watch(grpc::CallbackServerContext*,
                                                       const HealthCheckRequest* request) override {
    return WatchCall::Start(context_, request->service());
  }

 private:
  const ServiceContext context_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeHealthService(const ServiceContext& context) {
  return std::make_unique<HealthService>(context);
}

}  // namespace mirin::serving
