// A server at a Unix socket before a fake engine, and clients of it.
#ifndef CORE_SERVING_GRPC_SERVER_FIXTURE_H_
#define CORE_SERVING_GRPC_SERVER_FIXTURE_H_

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/serving/grpc/health.grpc.pb.h"
#include "core/serving/grpc/ms_service.grpc.pb.h"
#include "core/serving/grpc/open_inference.grpc.pb.h"
#include "core/serving/settings.h"
#include "core/serving/shared_memory.h"
#include "core/serving/testing/fake_engine.h"
#include "core/serving/transport.h"

namespace mirin::serving {

namespace ms = mindspore::serving::proto;
using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    char directory[] = "/tmp/mirinXXXXXX";  // the path of a socket is short
    directory_ = mkdtemp(directory);
    socket_ = directory_ + "/s";
  }
  ~ServerTest() override {
    engine_.Release();
    transport_.reset();
    unlink(socket_.c_str());
    EXPECT_EQ(rmdir(directory_.c_str()), 0) << "files are left in " << directory_;
  }

  absl::Status StartAt(std::string address, TransportOptions options) {
    options.address = std::move(address);
    absl::StatusOr<std::unique_ptr<Transport>> started =
        StartGrpc({&engine_, nullptr, &shared_memory_, &settings_, log_}, std::move(options));
    if (!started.ok()) return started.status();
    transport_ = *std::move(started);
    return absl::OkStatus();
  }
  void Start(TransportOptions options = {}) {
    ASSERT_TRUE(StartAt("unix:" + socket_, std::move(options)).ok());
    channel_ = Connect();
    predict_ = ms::MSService::NewStub(channel_);
    inference_ = GRPCInferenceService::NewStub(channel_);
    health_ = grpc::health::v1::Health::NewStub(channel_);
  }
  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("unix:" + socket_, grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  Status Infer(const ModelInferRequest& request, ModelInferResponse* response) {
    ClientContext context;
    return inference_->ModelInfer(&context, request, response);
  }
  std::string Serving(const std::string& service) {
    ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    grpc::health::v1::HealthCheckResponse response;
    request.set_service(service);
    const Status status = health_->Check(&context, request, &response);
    return status.ok()
               ? grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status())
               : absl::StrCat(status.error_code());
  }

  FakeEngine engine_;
  SharedMemoryRegistry shared_memory_;
  ServerSettings settings_;
  EventLog* log_ = nullptr;
  std::string directory_, socket_;
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<ms::MSService::Stub> predict_;
  std::unique_ptr<GRPCInferenceService::Stub> inference_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

inline const std::string kFour = "0123456789abcdef";  // four FP32

inline ms::PredictRequest PredictOf(const std::string& method) {
  ms::PredictRequest request;
  request.mutable_servable_spec()->set_name("add");
  request.mutable_servable_spec()->set_method_name(method);
  ms::Tensor& x = (*request.add_instances()->mutable_items())["x"];
  x.set_dtype(ms::MS_FLOAT32);
  x.mutable_shape()->add_dims(2);
  x.mutable_shape()->add_dims(2);
  x.set_data(kFour);
  return request;
}

inline ModelInferRequest InferOf(const std::string& model, const std::string& id = "") {
  ModelInferRequest request;
  request.set_model_name(model);
  request.set_id(id);
  auto& x = *request.add_inputs();
  x.set_name("x");
  x.set_datatype("FP32");
  x.add_shape(2);
  x.add_shape(2);
  request.add_raw_input_contents(kFour);
  return request;
}

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_SERVER_FIXTURE_H_
