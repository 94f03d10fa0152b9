#include <fcntl.h>
#include <sys/mman.h>

#include <chrono>
#include <functional>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "core/serving/grpc/server_fixture.h"

namespace mirin::serving {
namespace {

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

TEST_F(ServerTest, BytesAreTextWhereTheyCanBe) {
  Start();
  bool is_bytes = false;
  engine_.set_override([&](std::unique_ptr<InferRequest> request, const InferCallback& done) {
    is_bytes = request->instances.at(0).at(0).value.is_bytes;
    InferReply reply;
    reply.instances.resize(1);
    done(std::move(reply));
  });
  for (const char* text : {"h\xc3\xa9", "\xff\xfe"}) {
    ModelInferRequest request = InferOf("add");
    request.clear_raw_input_contents();
    auto& input = *request.mutable_inputs(0);
    input.set_datatype("BYTES");
    input.mutable_shape()->Resize(1, 0);
    input.set_shape(0, 1);
    input.mutable_contents()->add_bytes_contents(text);
    ModelInferResponse response;
    ASSERT_TRUE(Infer(request, &response).ok());
    EXPECT_EQ(is_bytes, text[0] != 'h');
  }
  engine_.set_override(nullptr);
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
  EXPECT_EQ(seen->id.size(), 16u);
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

}  // namespace
}  // namespace mirin::serving
