#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/serving/grpc/health.grpc.pb.h"
#include "core/serving/grpc/ms_service.grpc.pb.h"
#include "core/serving/grpc/open_inference.grpc.pb.h"
#include "core/serving/settings.h"
#include "core/serving/shared_memory.h"
#include "core/serving/testing/certificates.h"
#include "core/serving/testing/fake_engine.h"
#include "core/serving/transport.h"

namespace mirin::serving {
namespace {

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
        StartGrpc({&engine_, nullptr, &shared_memory_, &settings_}, std::move(options));
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
  std::string directory_, socket_;
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<ms::MSService::Stub> predict_;
  std::unique_ptr<GRPCInferenceService::Stub> inference_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

const std::string kFour = "0123456789abcdef";  // four FP32

ms::PredictRequest PredictOf(const std::string& method) {
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

ModelInferRequest InferOf(const std::string& model, const std::string& id = "") {
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

// --- MSService -----------------------------------------------------------------------------------------------------------------

TEST_F(ServerTest, Predicts) {
  Start();
  ms::PredictRequest request = PredictOf("echo");
  request.mutable_servable_spec()->set_version_number(1);
  *request.add_instances() = request.instances(0);
  ClientContext context;
  ms::PredictReply reply;
  ASSERT_TRUE(predict_->Predict(&context, request, &reply).ok());
  ASSERT_EQ(reply.error_msg_size(), 0) << reply.error_msg(0).error_msg();
  EXPECT_EQ(reply.servable_spec().SerializeAsString(), request.servable_spec().SerializeAsString());
  ASSERT_EQ(reply.instances_size(), 2);
  EXPECT_EQ(reply.instances(1).items().at("x").data(), kFour);
  EXPECT_EQ(reply.instances(1).items().at("x").shape().dims_size(), 2);
}

TEST_F(ServerTest, PredictFailuresTravelInTheReply) {
  Start();
  const auto error = [&](const ms::PredictRequest& request) {
    ClientContext context;
    ms::PredictReply reply;
    const Status status = predict_->Predict(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(reply.instances_size(), 0);
    return reply.error_msg_size() != 1
               ? "no error"
               : absl::StrCat(reply.error_msg(0).error_code(), ":", reply.error_msg(0).error_msg());
  };
  EXPECT_EQ(error(PredictOf("fail")), "3:it failed");
  EXPECT_EQ(error(PredictOf("nope")),
            "2:Request servable(add) method(nope) , method is not available");
  ms::PredictRequest request = PredictOf("echo");
  request.mutable_servable_spec()->set_version_number(9);
  EXPECT_EQ(error(request),
            "2:Request servable(add) method(echo)  version(9) , servable is not available");
  request.mutable_instances(0)->mutable_items()->at("x").set_data("short");
  // what is not there comes before what is wrong with the request
  EXPECT_EQ(error(request),
            "2:Request servable(add) method(echo)  version(9) , servable is not available");
  request.mutable_servable_spec()->set_version_number(0);
  EXPECT_EQ(
      error(request),
      "2:Instances input x check failed, detail: Tensor check failed: input data size 5 invalid");
  EXPECT_EQ(error(ms::PredictRequest()),
            "2:Request servable() method() , servable is not available");
  request.clear_instances();
  EXPECT_EQ(error(request), "2:Instances count of request cannot be 0");
}

TEST_F(ServerTest, PredictUsesRegisteredSharedMemory) {
  Start();
  const std::string key = absl::StrCat("/mirin_grpc_test_", getpid());
  const int fd = shm_open(key.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  ASSERT_EQ(pwrite(fd, (kFour + std::string(16, ' ')).data(), 32, 0), 32);
  ASSERT_TRUE(shared_memory_.Register("r", key, 0, 32).ok());
  shm_unlink(key.c_str());
  ms::PredictRequest request = PredictOf("echo");
  ms::ShmTensorData& place =
      *request.mutable_instances(0)->mutable_items()->at("x").mutable_shm_data();
  place.set_memory_key("r");
  place.set_data_size(16);
  ms::ShmTensorData& out = (*request.mutable_instances(0)->mutable_output_buffers())["x"];
  out.set_memory_key("r");
  out.set_bytes_size(32);
  out.set_data_offset(16);
  out.set_data_size(16);
  ClientContext context;
  ms::PredictReply reply;
  ASSERT_TRUE(predict_->Predict(&context, request, &reply).ok());
  ASSERT_EQ(reply.error_msg_size(), 0) << reply.error_msg(0).error_msg();
  EXPECT_EQ(reply.instances(0).items().at("x").shm_data().SerializeAsString(),
            out.SerializeAsString());
  char bytes[17] = {};
  ASSERT_EQ(pread(fd, bytes, 16, 16), 16);
  EXPECT_EQ(bytes, kFour);

  // outside the region: the output cannot be handed over
  (*request.mutable_instances(0)->mutable_output_buffers())["x"].set_data_offset(20);
  ClientContext again;
  ASSERT_TRUE(predict_->Predict(&again, request, &reply).ok());
  ASSERT_EQ(reply.error_msg_size(), 1);
  EXPECT_EQ(reply.error_msg(0).error_code(), 2);
  close(fd);
}

// --- Open Inference ------------------------------------------------------------------------------------------------------------

TEST_F(ServerTest, Infers) {
  Start();
  ModelInferRequest request = InferOf("add", "id 1");
  request.set_model_version("1");
  ModelInferResponse response;
  ASSERT_TRUE(Infer(request, &response).ok());
  EXPECT_EQ(response.model_name(), "add");
  EXPECT_EQ(response.model_version(), "1");
  EXPECT_EQ(response.id(), "id 1");
  ASSERT_EQ(response.outputs_size(), 1);
  EXPECT_EQ(response.outputs(0).datatype(), "FP32");
  EXPECT_EQ(response.outputs(0).shape_size(), 2);
  EXPECT_EQ(response.raw_output_contents(0), kFour);
}

TEST_F(ServerTest, InfersLargeTensorsUnharmed) {
  Start();
  std::string bytes(16 << 20, '\0');
  std::mt19937 random(7);
  for (size_t i = 0; i < bytes.size(); i += 4096) bytes[i] = static_cast<char>(random());
  ModelInferRequest request;
  request.set_model_name("add");
  for (const char* name : {"a", "b", "c"}) {
    auto& input = *request.add_inputs();
    input.set_name(name);
    input.set_datatype("UINT8");
    input.add_shape(static_cast<int64_t>(bytes.size()));
    request.add_raw_input_contents(bytes);
    bytes[0]++;
  }
  ModelInferResponse response;
  const Status status = Infer(request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(response.raw_output_contents(i) == request.raw_input_contents(i));
}

TEST_F(ServerTest, TypedContentsBecomeBytes) {
  Start();
  ModelInferRequest request;
  request.set_model_name("add");
  const auto input = [&](const char* datatype) {
    auto* in = request.add_inputs();
    in->set_name(datatype);
    in->set_datatype(datatype);
    in->add_shape(2);
    return in->mutable_contents();
  };
  const auto add2 = [](auto* field, auto a, auto b) { field->Add(a), field->Add(b); };
  add2(input("BOOL")->mutable_bool_contents(), true, false);
  add2(input("INT8")->mutable_int_contents(), -1, 2);
  add2(input("INT16")->mutable_int_contents(), -1, 2);
  add2(input("INT32")->mutable_int_contents(), -1, 2);
  add2(input("INT64")->mutable_int64_contents(), int64_t{-1}, int64_t{2});
  add2(input("UINT8")->mutable_uint_contents(), 255u, 2u);
  add2(input("UINT16")->mutable_uint_contents(), 65535u, 2u);
  add2(input("UINT32")->mutable_uint_contents(), ~0u, 2u);
  add2(input("UINT64")->mutable_uint64_contents(), ~uint64_t{0}, uint64_t{2});
  add2(input("FP32")->mutable_fp32_contents(), 1.f, 2.f);
  add2(input("FP64")->mutable_fp64_contents(), 1., 2.);
  auto* texts = input("BYTES");
  texts->add_bytes_contents("a");
  texts->add_bytes_contents("");
  ModelInferResponse response;
  const Status status = Infer(request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const std::string ff(8, '\xff');
  const auto with_2 = [&](size_t n) { return ff.substr(0, n) + '\2' + std::string(n - 1, '\0'); };
  const float f[2] = {1, 2};
  const double d[2] = {1, 2};
  const std::vector<std::string> expected = {{'\1', '\0'},
                                             with_2(1),
                                             with_2(2),
                                             with_2(4),
                                             with_2(8),
                                             with_2(1),
                                             with_2(2),
                                             with_2(4),
                                             with_2(8),
                                             std::string(reinterpret_cast<const char*>(f), 8),
                                             std::string(reinterpret_cast<const char*>(d), 16),
                                             std::string("\1\0\0\0a\0\0\0\0", 9)};
  for (int i = 0; i < request.inputs_size(); ++i) {
    EXPECT_EQ(response.raw_output_contents(i), expected[static_cast<size_t>(i)])
        << request.inputs(i).datatype();
  }
}

TEST_F(ServerTest, InferRefusalsSayWhy) {
  Start();
  int cases = 0;
  const auto expect = [&](StatusCode code, const std::string& text,
                          const std::function<void(ModelInferRequest*)>& change) {
    ModelInferRequest request = InferOf("add");
    change(&request);
    ModelInferResponse response;
    const Status status = Infer(request, &response);
    EXPECT_EQ(status.error_code(), code) << text;
    EXPECT_TRUE(absl::StrContains(status.error_message(), text)) << status.error_message();
    ++cases;
  };
  const StatusCode invalid = StatusCode::INVALID_ARGUMENT;
  const auto parameter = [](ModelInferRequest* r, const char* name) -> inference::InferParameter& {
    return (*r->mutable_parameters())[name];
  };
  expect(StatusCode::NOT_FOUND, "unknown model", [](auto* r) { r->set_model_name("nope"); });
  expect(StatusCode::NOT_FOUND, "unknown model", [](auto* r) { r->set_model_version("7"); });
  expect(StatusCode::INTERNAL, "it failed", [](auto* r) { r->set_model_name("add.fail"); });
  expect(invalid, "no inputs", [](auto* r) { r->clear_inputs(), r->clear_raw_input_contents(); });
  expect(invalid, "given twice",
         [](auto* r) { *r->add_inputs() = r->inputs(0), r->add_raw_input_contents(kFour); });
  expect(invalid, "raw_input_contents has no entry", [](auto* r) {
    *r->add_inputs() = r->inputs(0);
    r->mutable_inputs(1)->set_name("y");
  });
  expect(invalid, "raw_input_contents has 2 entries for 1",
         [](auto* r) { r->add_raw_input_contents("a"); });
  expect(invalid, "must not be specified when using raw",
         [](auto* r) { r->mutable_inputs(0)->mutable_contents(); });
  expect(invalid, "needs 4 elements, not 0", [](auto* r) { r->clear_raw_input_contents(); });
  expect(invalid, "does not fit 3 bytes", [](auto* r) { r->set_raw_input_contents(0, "abc"); });
  expect(invalid, "unknown datatype 'X'", [](auto* r) { r->mutable_inputs(0)->set_datatype("X"); });
  expect(invalid, "negative size", [](auto* r) { r->mutable_inputs(0)->set_shape(0, -2); });
  expect(invalid, "too large", [](auto* r) {
    r->mutable_inputs(0)->mutable_shape()->Resize(2, 0),
        r->mutable_inputs(0)->set_shape(0, int64_t{1} << 62),
        r->mutable_inputs(0)->set_shape(1, int64_t{1} << 62);
  });
  expect(invalid, "does not fit 16 bytes",
         [](auto* r) { r->mutable_inputs(0)->set_shape(0, int64_t{1} << 61); });
  expect(invalid, "rank 9 is too large",
         [](auto* r) { r->mutable_inputs(0)->mutable_shape()->Resize(9, 1); });
  expect(invalid, "not 4 strings", [](auto* r) { r->mutable_inputs(0)->set_datatype("BYTES"); });
  expect(invalid, "does not fit 16 bytes", [](auto* r) {
    r->mutable_inputs(0)->set_datatype("BYTES");
    r->mutable_inputs(0)->set_shape(0, int64_t{1} << 60);
  });
  expect(invalid, "do not belong to datatype FP32", [](auto* r) {
    r->clear_raw_input_contents();
    r->mutable_inputs(0)->mutable_contents()->add_int_contents(1);
  });
  expect(invalid, "out of the range of INT8", [](auto* r) {
    r->clear_raw_input_contents();
    r->mutable_inputs(0)->set_datatype("INT8");
    for (int i = 0; i < 4; ++i) r->mutable_inputs(0)->mutable_contents()->add_int_contents(128);
  });
  expect(invalid, "can only come in raw_input_contents", [](auto* r) {
    r->clear_raw_input_contents();
    r->mutable_inputs(0)->set_datatype("FP16");
  });
  expect(invalid, "parameter 'priority' must be a number",
         [&](auto* r) { parameter(r, "priority").set_int64_param(-1); });
  expect(invalid, "parameter 'timeout' must be a number",
         [&](auto* r) { parameter(r, "timeout").set_string_param("1"); });
  expect(invalid, "parameter 'sequence_start' must be a bool",
         [&](auto* r) { parameter(r, "sequence_start").set_int64_param(1); });
  expect(invalid, "reserved", [&](auto* r) { parameter(r, "triton_x").set_int64_param(1); });
  expect(StatusCode::UNIMPLEMENTED, "classification", [](auto* r) {
    auto& output = *r->add_outputs();
    output.set_name("x");
    (*output.mutable_parameters())["classification"].set_int64_param(1);
  });
  expect(invalid, "requested twice",
         [](auto* r) { r->add_outputs()->set_name("x"), r->add_outputs()->set_name("x"); });
  expect(StatusCode::NOT_FOUND, "Unable to find shared memory region: 'r'", [](auto* r) {
    auto& output = *r->add_outputs();
    output.set_name("x");
    (*output.mutable_parameters())["shared_memory_region"].set_string_param("r");
    (*output.mutable_parameters())["shared_memory_byte_size"].set_int64_param(16);
  });
  expect(invalid, "needs 'shared_memory_byte_size'", [](auto* r) {
    (*r->mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("r");
  });
  EXPECT_EQ(cases, 28);
}

TEST_F(ServerTest, SharedMemoryCarriesInputsAndOutputs) {
  TransportOptions options;
  options.allow_shared_memory = true;
  Start(std::move(options));
  const std::string key = absl::StrCat("/mirin_grpc_test_", getpid());
  const int fd = shm_open(key.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  ASSERT_EQ(pwrite(fd, (kFour + std::string(32, ' ')).data(), 48, 0), 48);
  {
    ClientContext context;
    inference::SystemSharedMemoryRegisterRequest request;
    inference::SystemSharedMemoryRegisterResponse response;
    request.set_name("r");
    request.set_key(key);
    request.set_byte_size(48);
    const Status status = inference_->SystemSharedMemoryRegister(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  shm_unlink(key.c_str());
  ModelInferRequest request = InferOf("add");
  request.clear_raw_input_contents();
  auto& in = *request.mutable_inputs(0)->mutable_parameters();
  in["shared_memory_region"].set_string_param("r");
  in["shared_memory_byte_size"].set_int64_param(16);
  auto& output = *request.add_outputs();
  output.set_name("x");
  auto& out = *output.mutable_parameters();
  out["shared_memory_region"].set_string_param("r");
  out["shared_memory_byte_size"].set_int64_param(20);
  out["shared_memory_offset"].set_int64_param(24);
  ModelInferResponse response;
  Status status = Infer(request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.outputs(0).parameters().at("shared_memory_byte_size").int64_param(), 16);
  EXPECT_EQ(response.outputs(0).parameters().at("shared_memory_region").string_param(), "r");
  EXPECT_EQ(response.raw_output_contents(0), "");
  char bytes[17] = {};
  ASSERT_EQ(pread(fd, bytes, 16, 24), 16);
  EXPECT_EQ(bytes, kFour);
  out["shared_memory_byte_size"].set_int64_param(15);
  status = Infer(request, &response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);

  ClientContext list, unregister, list_again;
  inference::SystemSharedMemoryStatusResponse regions;
  ASSERT_TRUE(inference_->SystemSharedMemoryStatus(&list, {}, &regions).ok());
  EXPECT_EQ(regions.regions().at("r").byte_size(), 48u);
  inference::SystemSharedMemoryUnregisterResponse unregistered;
  ASSERT_TRUE(inference_->SystemSharedMemoryUnregister(&unregister, {}, &unregistered).ok());
  ASSERT_TRUE(inference_->SystemSharedMemoryStatus(&list_again, {}, &regions).ok());
  EXPECT_TRUE(regions.regions().empty());
  close(fd);
}

TEST_F(ServerTest, ParametersAndHeadersReachTheEngine) {
  Start();
  std::unique_ptr<InferRequest> seen;
  engine_.set_override([&](std::unique_ptr<InferRequest> request, const InferCallback& done) {
    seen = std::move(request);
    InferReply reply;
    reply.instances.resize(1);
    done(std::move(reply));
  });
  ModelInferRequest request = InferOf("add.hold");
  auto& parameters = *request.mutable_parameters();
  parameters["sequence_id"].set_uint64_param(77);
  parameters["sequence_start"].set_bool_param(true);
  parameters["sequence_end"].set_bool_param(true);
  parameters["priority"].set_uint64_param(3);
  parameters["own"].set_double_param(3);
  request.add_outputs()->set_name("y");
  ClientContext context;
  context.AddMetadata("x-request-id", "rq");
  context.AddMetadata("traceparent", "00-1-2-01");
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::hours(1));
  ModelInferResponse response;
  ASSERT_TRUE(inference_->ModelInfer(&context, request, &response).ok());
  EXPECT_EQ(seen->servable, "add");
  EXPECT_EQ(seen->method, "hold");
  EXPECT_TRUE(seen->batched);
  EXPECT_EQ(seen->session, "77");
  EXPECT_TRUE(seen->session_start && seen->session_end);
  EXPECT_EQ(seen->priority, 3);
  EXPECT_EQ(seen->outputs, std::vector<std::string>{"y"});
  EXPECT_EQ(seen->id, "rq");
  EXPECT_EQ(seen->traceparent, "00-1-2-01");
  EXPECT_NE(seen->cancellation, nullptr);
  EXPECT_LT(seen->deadline, absl::Now() + absl::Minutes(70));  // gRPC rounds it
  EXPECT_GT(seen->deadline, absl::Now() + absl::Minutes(50));

  parameters["timeout"].set_int64_param(60'000'000);
  request.set_id("own id");
  ASSERT_TRUE(Infer(request, &response).ok());
  EXPECT_EQ(seen->id, "own id");
  EXPECT_LT(seen->deadline, absl::Now() + absl::Minutes(1));
  parameters.erase("timeout");
  request.clear_id();
  ASSERT_TRUE(Infer(request, &response).ok());
  EXPECT_EQ(seen->deadline, absl::InfiniteFuture());
  EXPECT_EQ(seen->id.size(), 17u);
  engine_.set_override(nullptr);
}

TEST_F(ServerTest, ClientsThatGoCancelTheirRequests) {
  Start();
  ClientContext unary_context, predict_context, stream_context;
  std::thread unary([&] {
    ModelInferResponse response;
    EXPECT_EQ(inference_->ModelInfer(&unary_context, InferOf("add.hold"), &response).error_code(),
              StatusCode::CANCELLED);
  });
  std::thread predict([&] {
    ms::PredictReply reply;
    EXPECT_EQ(predict_->Predict(&predict_context, PredictOf("hold"), &reply).error_code(),
              StatusCode::CANCELLED);
  });
  auto stream = inference_->ModelStreamInfer(&stream_context);
  ASSERT_TRUE(stream->Write(InferOf("add.hold")));
  engine_.AwaitHeld(3);
  unary_context.TryCancel();
  predict_context.TryCancel();
  stream_context.TryCancel();
  unary.join();
  predict.join();
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  engine_.AwaitCancelled(3);
}

TEST_F(ServerTest, DeadlinesEndRequestsOfASlowEngine) {
  Start();
  ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  ModelInferResponse response;
  EXPECT_EQ(inference_->ModelInfer(&context, InferOf("add.hold"), &response).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  engine_.AwaitCancelled(1);
}

TEST_F(ServerTest, StreamsAnswerInTheOrderInWhichRequestsEnd) {
  Start();
  ClientContext context;
  auto stream = inference_->ModelStreamInfer(&context);
  ASSERT_TRUE(stream->Write(InferOf("add.hold", "1")));
  ASSERT_TRUE(stream->Write(InferOf("add.hold", "2")));
  ModelInferRequest wrong = InferOf("add", "3");
  wrong.set_raw_input_contents(0, "short");
  ASSERT_TRUE(stream->Write(wrong));
  ASSERT_TRUE(stream->Write(InferOf("nope", "4")));
  ModelInferRequest good = InferOf("add", "5");
  (*good.mutable_parameters())["triton_enable_empty_final_response"].set_bool_param(true);
  ASSERT_TRUE(stream->Write(good));
  ModelStreamInferResponse response;
  for (const char* id : {"3", "4"}) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_NE(response.error_message(), "");
    EXPECT_EQ(response.infer_response().id(), id);
  }
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error_message(), "");
  EXPECT_EQ(response.infer_response().id(), "5");
  EXPECT_EQ(response.infer_response().raw_output_contents(0), kFour);
  EXPECT_TRUE(response.infer_response().parameters().at("triton_final_response").bool_param());
  engine_.AwaitHeld(2);
  ASSERT_TRUE(stream->WritesDone());
  engine_.Release();  // the newest first
  std::set<std::string> ids;
  while (stream->Read(&response)) ids.insert(response.infer_response().id());
  EXPECT_EQ(ids, (std::set<std::string>{"1", "2"}));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServerTest, StreamsOfManyRequestsLoseNone) {
  Start();
  ClientContext context;
  auto stream = inference_->ModelStreamInfer(&context);
  constexpr int kRequests = 2000;
  std::thread writer([&] {
    for (int i = 0; i < kRequests; ++i) EXPECT_TRUE(stream->Write(InferOf("add", absl::StrCat(i))));
    stream->WritesDone();
  });
  std::set<std::string> ids;
  ModelStreamInferResponse response;
  while (stream->Read(&response)) ids.insert(response.infer_response().id());
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(ids.size(), static_cast<size_t>(kRequests));
}

// --- the rest of Open Inference ------------------------------------------------------------------------------------------------

TEST_F(ServerTest, DescribesModels) {
  Start();
  inference::ServerMetadataResponse server;
  inference::ModelMetadataResponse model;
  inference::ModelConfigResponse config;
  inference::ModelStatisticsResponse statistics;
  inference::RepositoryIndexResponse index;
  inference::ModelReadyResponse ready;
  {
    ClientContext context;
    ASSERT_TRUE(inference_->ServerMetadata(&context, {}, &server).ok());
    EXPECT_EQ(server.name(), "mirin");
  }
  inference::ModelMetadataRequest name;
  name.set_name("add");
  {
    ClientContext context;
    ASSERT_TRUE(inference_->ModelMetadata(&context, name, &model).ok());
    EXPECT_EQ(model.versions_size(), 2);
    EXPECT_EQ(model.inputs(0).datatype(), "FP32");
    EXPECT_EQ(std::vector<int64_t>(model.inputs(0).shape().begin(), model.inputs(0).shape().end()),
              (std::vector<int64_t>{-1, 2, 2}));
  }
  {
    ClientContext context;
    inference::ModelConfigRequest request;
    request.set_name("add");
    ASSERT_TRUE(inference_->ModelConfig(&context, request, &config).ok());
    EXPECT_EQ(config.config().max_batch_size(), 8);
    EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_FP32);
    EXPECT_EQ(config.config().input(0).dims_size(), 2);
    EXPECT_EQ(config.config().dynamic_batching().max_queue_delay_microseconds(), 100u);
  }
  {
    ClientContext context;
    ASSERT_TRUE(inference_->ModelStatistics(&context, {}, &statistics).ok());
    ASSERT_EQ(statistics.model_stats_size(), 6);
    EXPECT_EQ(statistics.model_stats(0).inference_count(), 7u);
    EXPECT_EQ(statistics.model_stats(0).batch_stats(0).compute_infer().ns(), 4u);
  }
  {
    ClientContext context;
    ASSERT_TRUE(inference_->RepositoryIndex(&context, {}, &index).ok());
    EXPECT_EQ(index.models_size(), 3);
    EXPECT_EQ(index.models(2).state(), "UNAVAILABLE");
  }
  for (const char* model_name : {"add", "nope"}) {
    ClientContext context;
    inference::ModelReadyRequest request;
    request.set_name(model_name);
    ASSERT_TRUE(inference_->ModelReady(&context, request, &ready).ok());
    EXPECT_EQ(ready.ready(), request.name() == "add");
  }
  {
    ClientContext context;
    name.set_name("nope");
    EXPECT_EQ(inference_->ModelMetadata(&context, name, &model).error_code(),
              StatusCode::NOT_FOUND);
  }
}

TEST_F(ServerTest, ControlIsOnlyForAddressesThatAllowIt) {
  Start();
  inference::RepositoryModelLoadRequest load;
  inference::RepositoryModelLoadResponse loaded;
  load.set_model_name("add");
  (*load.mutable_parameters())["config"].set_string_param("{}");
  {
    ClientContext context;
    EXPECT_EQ(inference_->RepositoryModelLoad(&context, load, &loaded).error_code(),
              StatusCode::PERMISSION_DENIED);
  }
  {
    ClientContext context;
    inference::SystemSharedMemoryRegisterResponse response;
    EXPECT_EQ(inference_->SystemSharedMemoryRegister(&context, {}, &response).error_code(),
              StatusCode::PERMISSION_DENIED);
  }
  {
    ClientContext context;
    inference::CudaSharedMemoryRegisterResponse response;
    EXPECT_EQ(inference_->CudaSharedMemoryRegister(&context, {}, &response).error_code(),
              StatusCode::UNIMPLEMENTED);
  }
  transport_.reset();
  TransportOptions options;
  options.allow_repository_control = true;
  Start(std::move(options));
  {
    ClientContext context;
    ASSERT_TRUE(inference_->RepositoryModelLoad(&context, load, &loaded).ok());
    EXPECT_EQ(engine_.loads().at(0).at("config"), "{}");
  }
  {
    ClientContext context;
    load.set_model_name("nope");
    EXPECT_EQ(inference_->RepositoryModelLoad(&context, load, &loaded).error_code(),
              StatusCode::NOT_FOUND);
  }
  {
    ClientContext context;
    inference::RepositoryModelUnloadRequest request;
    inference::RepositoryModelUnloadResponse response;
    request.set_model_name("add");
    EXPECT_TRUE(inference_->RepositoryModelUnload(&context, request, &response).ok());
  }
}

TEST_F(ServerTest, SettingsCanBeChanged) {
  Start();
  inference::TraceSettingRequest trace;
  inference::TraceSettingResponse traces;
  (*trace.mutable_settings())["trace_rate"].add_value("5");
  trace.set_model_name("add");
  {
    ClientContext context;
    ASSERT_TRUE(inference_->TraceSetting(&context, trace, &traces).ok());
    EXPECT_EQ(traces.settings().at("trace_rate").value(0), "5");
  }
  {
    ClientContext context;
    (*trace.mutable_settings())["trace_file"].add_value("/tmp/x");
    EXPECT_EQ(inference_->TraceSetting(&context, trace, &traces).error_code(),
              StatusCode::INVALID_ARGUMENT);
  }
  inference::LogSettingsRequest log;
  inference::LogSettingsResponse logs;
  (*log.mutable_settings())["log_verbose_level"].set_uint32_param(0);
  (*log.mutable_settings())["log_error"].set_bool_param(true);
  {
    ClientContext context;
    ASSERT_TRUE(inference_->LogSettings(&context, log, &logs).ok());
    EXPECT_TRUE(logs.settings().at("log_error").bool_param());
    EXPECT_EQ(logs.settings().at("log_verbose_level").uint32_param(), 0u);
  }
}

TEST_F(ServerTest, HealthFollowsTheEngine) {
  Start();
  EXPECT_EQ(Serving(""), "SERVING");
  EXPECT_EQ(Serving("add"), "SERVING");
  EXPECT_EQ(Serving("inference.GRPCInferenceService"), "SERVING");
  EXPECT_EQ(Serving("gone"), "NOT_SERVING");
  EXPECT_EQ(Serving("nope"), absl::StrCat(StatusCode::NOT_FOUND));
  ClientContext context;
  auto watch = health_->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  engine_.set_ready(false);
  EXPECT_EQ(Serving(""), "NOT_SERVING");
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  context.TryCancel();
  while (watch->Read(&response)) {
  }
}

TEST_F(ServerTest, ReflectionKnowsTheServices) {
  Start();
  // ServerReflectionRequest.list_services (field 7)
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  ClientContext context;
  const std::string list("\x3a\0", 2);
  const grpc::Slice slice(list);
  auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  void* tag;
  bool ok;
  call->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::ByteBuffer reply;
  call->Read(&reply, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::Slice bytes;
  ASSERT_TRUE(reply.DumpToSingleSlice(&bytes).ok());
  const absl::string_view text(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
  for (const char* service : {"mindspore.serving.proto.MSService", "inference.GRPCInferenceService",
                              "grpc.health.v1.Health"}) {
    EXPECT_TRUE(absl::StrContains(text, service)) << service;
  }
  call->WritesDone(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
}

// --- life cycle ----------------------------------------------------------------------------------------------------------------

TEST_F(ServerTest, AddressesAreCheckedAndFree) {
  EXPECT_EQ(StartAt("127.0.0.1", {}).message(),
            "The format of the Serving gRPC address '127.0.0.1' is illegal");
  ASSERT_TRUE(StartAt("127.0.0.1:0", {}).ok());
  const int port = transport_->port();
  ASSERT_GT(port, 0);
  const std::unique_ptr<Transport> first = std::move(transport_);
  const std::string address = absl::StrCat("127.0.0.1:", port);
  const absl::Status taken = StartAt(address, {});
  EXPECT_EQ(taken.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(
      taken.message(),
      absl::StrCat("Serving gRPC server start failed, create server failed, address ", address));
  auto stub = GRPCInferenceService::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  ClientContext context;
  inference::ServerLiveResponse live;
  ASSERT_TRUE(stub->ServerLive(&context, {}, &live).ok());
  EXPECT_TRUE(live.live());
}

TEST_F(ServerTest, SocketFilesArePrivateAndReplacedWhenDead) {
  const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(dead);
  Start();
  struct stat info;
  ASSERT_EQ(stat(socket_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(transport_->port(), 0);
  const std::unique_ptr<Transport> first = std::move(transport_);
  const absl::Status taken = StartAt("unix:" + socket_, {});
  EXPECT_EQ(taken.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(taken.message(), "another server listens")) << taken.message();
  EXPECT_EQ(Serving(""), "SERVING");
  first->Stop(absl::InfinitePast());
  EXPECT_NE(access(socket_.c_str(), F_OK), 0);
  EXPECT_FALSE(StartAt("unix:" + directory_ + "/no/such/folder", {}).ok());
}

TEST_F(ServerTest, StopWaitsForCallsAndThenEndsThem) {
  Start();
  ClientContext unary_context, stream_context, idle_context, watch_context;
  Status unary_status;
  std::thread unary([&] {
    ModelInferResponse response;
    unary_status = inference_->ModelInfer(&unary_context, InferOf("add.hold"), &response);
  });
  auto stream = inference_->ModelStreamInfer(&stream_context);
  ASSERT_TRUE(stream->Write(InferOf("add.hold", "s")));
  auto idle = inference_->ModelStreamInfer(&idle_context);
  ASSERT_TRUE(idle->Write(InferOf("add")));
  ModelStreamInferResponse response;
  ASSERT_TRUE(idle->Read(&response));
  auto watch = health_->Watch(&watch_context, {});
  grpc::health::v1::HealthCheckResponse health;
  ASSERT_TRUE(watch->Read(&health));
  engine_.AwaitHeld(2);
  std::thread stop([&] { transport_->Stop(absl::InfiniteFuture()); });
  // streams without work end at once
  EXPECT_FALSE(idle->Read(&response));
  EXPECT_EQ(idle->Finish().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_FALSE(watch->Read(&health));
  engine_.Release();
  unary.join();
  EXPECT_TRUE(unary_status.ok()) << unary_status.error_message();
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.infer_response().id(), "s");
  EXPECT_FALSE(stream->Read(&response));
  stop.join();

  Start();
  Status late;
  std::thread held([&] {
    ClientContext context;
    ms::PredictReply reply;
    late = predict_->Predict(&context, PredictOf("hold"), &reply);
  });
  engine_.AwaitHeld(1);
  transport_->Stop(absl::InfinitePast());
  held.join();
  EXPECT_FALSE(late.ok());
  engine_.AwaitCancelled(1);
}

TEST_F(ServerTest, MessagesHaveALimit) {
  TransportOptions options;
  options.max_message_bytes = 100000;
  Start(std::move(options));
  ModelInferRequest request = InferOf("add");
  request.set_raw_input_contents(0, std::string(200000, 'a'));
  ModelInferResponse response;
  EXPECT_EQ(Infer(request, &response).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(engine_.requests(), 0);
  EXPECT_TRUE(Infer(InferOf("add"), &response).ok());
}

TEST_F(ServerTest, CompressedMessagesAreRefused) {
  TransportOptions options;
  options.max_message_bytes = 1 << 20;
  Start(std::move(options));
  ModelInferRequest request = InferOf("add");
  request.set_raw_input_contents(0, std::string(64 << 20, 'a'));  // 64 KiB compressed
  for (grpc_compression_algorithm algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    ClientContext context;
    context.set_compression_algorithm(algorithm);
    ModelInferResponse response;
    EXPECT_EQ(inference_->ModelInfer(&context, request, &response).error_code(),
              StatusCode::UNIMPLEMENTED);
  }
  EXPECT_EQ(engine_.requests(), 0);
}

TEST_F(ServerTest, LongErrorsAreCut) {
  Start();
  engine_.failure.text = std::string(100000, 'e');
  ModelInferResponse response;
  const Status status = Infer(InferOf("add.fail"), &response);
  EXPECT_EQ(status.error_code(), StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message().size(), 2003u);
}

// --- TLS -----------------------------------------------------------------------------------------------------------------------

class TlsTest : public ServerTest {
 protected:
  void StartTls(bool verify_client) {
    TransportOptions options;
    options.tls = std::make_unique<TlsOptions>();
    options.tls->certificate = server_.certificate;
    options.tls->private_key = server_.key;
    options.tls->client_ca = authority_.certificate;
    options.tls->verify_client = verify_client;
    const absl::Status status = StartAt("127.0.0.1:0", std::move(options));
    ASSERT_TRUE(status.ok()) << status;
  }
  Status Live(const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto stub = GRPCInferenceService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", transport_->port()), credentials, arguments));
    ClientContext context;
    inference::ServerLiveResponse live;
    return stub->ServerLive(&context, {}, &live);
  }
  std::shared_ptr<grpc::ChannelCredentials> Client(const std::string& root,
                                                   const PemPair& pair = {}) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = root;
    options.pem_private_key = pair.key;
    options.pem_cert_chain = pair.certificate;
    return grpc::SslCredentials(options);
  }

  const PemPair authority_ = MakeAuthority("authority");
  const PemPair other_ = MakeAuthority("other");
  const PemPair server_ = MakeCertificate("localhost", authority_);
};

TEST_F(TlsTest, ServesThoseWhoTrustIt) {
  StartTls(false);
  EXPECT_TRUE(Live(Client(authority_.certificate)).ok());
  EXPECT_EQ(Live(Client(other_.certificate)).error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(Live(grpc::InsecureChannelCredentials()).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, ServesOnlyClientsOfItsAuthority) {
  StartTls(true);
  EXPECT_TRUE(Live(Client(authority_.certificate, MakeCertificate("client", authority_))).ok());
  EXPECT_FALSE(Live(Client(authority_.certificate)).ok());
  EXPECT_FALSE(Live(Client(authority_.certificate, MakeCertificate("client", other_))).ok());
}

TEST_F(TlsTest, SaysWhatIsWrongWithCertificates) {
  const auto error = [&](const std::string& certificate, const std::string& key,
                         const std::string& ca) {
    TransportOptions options;
    options.tls = std::make_unique<TlsOptions>();
    *options.tls = {certificate, key, ca, true};
    const absl::Status status = StartAt("127.0.0.1:0", std::move(options));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(error("x", server_.key, authority_.certificate),
            "TLS: the certificate is not a certificate in PEM form");
  EXPECT_EQ(error(server_.certificate, "x", authority_.certificate),
            "TLS: the private key is not a key in PEM form without a password");
  EXPECT_EQ(error(server_.certificate, other_.key, authority_.certificate),
            "TLS: the private key is not that of the certificate");
  // without one, the library would take the system's authorities
  EXPECT_EQ(error(server_.certificate, server_.key, ""),
            "TLS: the clients' authority is not a certificate in PEM form");
}

// --- hostile bytes -------------------------------------------------------------------------------------------------------------

Status CallRaw(grpc::GenericStub* stub, const std::string& method, const std::string& bytes) {
  grpc::CompletionQueue queue;
  ClientContext context;
  const grpc::Slice slice(bytes);
  grpc::ByteBuffer request(&slice, 1), reply;
  auto call = stub->PrepareUnaryCall(&context, method, request, &queue);
  Status status;
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void* tag;
  bool ok;
  queue.Next(&tag, &ok);
  return status;
}

TEST_F(ServerTest, SurvivesDamagedMessages) {
  Start();
  grpc::GenericStub stub(channel_);
  EXPECT_EQ(CallRaw(&stub, "/mindspore.serving.proto.MSService/Predict", "\xff\xff").error_code(),
            StatusCode::INTERNAL);
  EXPECT_EQ(CallRaw(&stub, "/inference.GRPCInferenceService/ModelInfer", "\xff\xff").error_code(),
            StatusCode::INTERNAL);
  EXPECT_EQ(CallRaw(&stub, "/inference.GRPCInferenceService/Nope", "").error_code(),
            StatusCode::UNIMPLEMENTED);
  ms::PredictRequest predict = PredictOf("echo");
  ms::Tensor& text = (*predict.mutable_instances(0)->mutable_items())["s"];
  text.set_dtype(ms::MS_STRING);
  text.add_bytes_val("text");
  ModelInferRequest infer = InferOf("add", "id");
  (*infer.mutable_parameters())["priority"].set_int64_param(1);
  infer.add_outputs()->set_name("x");
  ModelInferRequest typed = InferOf("add", "id");
  typed.clear_raw_input_contents();
  for (int i = 0; i < 4; ++i) typed.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  std::mt19937 random(4711);
  for (int i = 0; i < 600; ++i) {
    std::string bytes = (i % 3 == 0   ? predict.SerializeAsString()
                         : i % 3 == 1 ? infer.SerializeAsString()
                                      : typed.SerializeAsString());
    for (uint32_t n = 1 + random() % 3; n != 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    const Status status = CallRaw(&stub,
                                  i % 3 == 0 ? "/mindspore.serving.proto.MSService/Predict"
                                             : "/inference.GRPCInferenceService/ModelInfer",
                                  bytes);
    EXPECT_NE(status.error_code(), StatusCode::UNAVAILABLE) << "seed 4711, round " << i;
  }
  ModelInferResponse response;
  EXPECT_TRUE(Infer(InferOf("add"), &response).ok());
}

TEST_F(ServerTest, SurvivesWhatIsNotGrpc) {
  Start();
  std::mt19937 random(99);
  for (int i = 0; i < 50; ++i) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::string bytes = i % 3 == 0   ? "GET / HTTP/1.1\r\n\r\n"
                        : i % 3 == 1 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                     : "";
    for (int n = 0; n < 200; ++n) bytes += static_cast<char>(random());
    send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (i % 2 == 0) shutdown(fd, SHUT_WR);
    close(fd);
  }
  ModelInferResponse response;
  EXPECT_TRUE(Infer(InferOf("add"), &response).ok());
}

}  // namespace
}  // namespace mirin::serving
