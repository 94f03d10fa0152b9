#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/generic_stub.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "core/serving/grpc/reflection.grpc.pb.h"
#include "core/serving/grpc/server_fixture.h"

namespace mirin::serving {
namespace {

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

TEST_F(ServerTest, ReflectionDescribesFiles) {
  namespace reflection = grpc::reflection::v1;
  Start();
  ClientContext context;
  const auto stub = reflection::ServerReflection::NewStub(channel_);
  auto stream = stub->ServerReflectionInfo(&context);
  const auto ask = [&](const reflection::ServerReflectionRequest& request) {
    reflection::ServerReflectionResponse response;
    EXPECT_TRUE(stream->Write(request) && stream->Read(&response));
    EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
    return response;
  };
  // Files with what they import, so that a client can make types of them.
  const auto files = [&](const reflection::ServerReflectionRequest& request) {
    google::protobuf::DescriptorPool pool;
    const auto response = ask(request);
    const auto& all = response.file_descriptor_response().file_descriptor_proto();
    for (auto bytes = all.rbegin(); bytes != all.rend(); ++bytes) {
      google::protobuf::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(*bytes) && pool.BuildFile(file) != nullptr);
    }
    return std::make_pair(
        pool.FindServiceByName("inference.GRPCInferenceService") != nullptr,
        pool.FindMessageTypeByName("grpc.reflection.v1.ErrorResponse") != nullptr);
  };
  reflection::ServerReflectionRequest request;
  request.set_file_containing_symbol("inference.GRPCInferenceService.ModelInfer");
  EXPECT_EQ(files(request), std::make_pair(true, false));
  request.set_file_containing_symbol("grpc.reflection.v1.ServerReflection");
  EXPECT_EQ(files(request), std::make_pair(false, true));
  const auto response = ask(request);
  google::protobuf::FileDescriptorProto file;
  ASSERT_TRUE(file.ParseFromString(response.file_descriptor_response().file_descriptor_proto(0)));
  request.set_file_by_filename(file.name());
  EXPECT_EQ(files(request), std::make_pair(false, true));
  request.set_file_by_filename("no/such.proto");
  EXPECT_EQ(ask(request).error_response().error_code(), StatusCode::NOT_FOUND);
  request.set_all_extension_numbers_of_type("x");
  EXPECT_EQ(ask(request).error_response().error_code(), StatusCode::NOT_FOUND);
  request.Clear();
  EXPECT_EQ(ask(request).error_response().error_code(), StatusCode::UNIMPLEMENTED);
  EXPECT_TRUE(stream->WritesDone());
  EXPECT_TRUE(stream->Finish().ok());
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

}  // namespace
}  // namespace mirin::serving
