#include <fcntl.h>
#include <grpcpp/generic/generic_stub.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/synchronization/blocking_counter.h"
#include "core/serving/grpc/server_fixture.h"
#include "core/serving/log.h"
#include "core/serving/testing/certificates.h"

namespace mirin::serving {
namespace {

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

TEST_F(ServerTest, CallsEndOnceWhoeverEndsThem) {
  Start();
  struct Call {
    ClientContext context;
    ModelInferRequest request = InferOf("add.hold");
    ModelInferResponse response;
  };
  constexpr int kCalls = 400;
  std::vector<std::unique_ptr<Call>> calls;
  absl::BlockingCounter left(kCalls);
  std::thread release([&] {
    for (int i = 0; i < kCalls; ++i) engine_.Release();
  });
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::make_unique<Call>());
    Call& call = *calls.back();
    inference_->async()->ModelInfer(
        &call.context, &call.request, &call.response, [&](Status status) {
          EXPECT_TRUE(status.ok() || status.error_code() == StatusCode::CANCELLED)
              << status.error_message();
          left.DecrementCount();
        });
    if (i % 3 != 0) calls[static_cast<size_t>(i / 2)]->context.TryCancel();
  }
  release.join();
  for (const auto& call : calls) call->context.TryCancel();
  left.Wait();
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

TEST_F(ServerTest, CompressedMessagesAreLimitedToo) {
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
              StatusCode::RESOURCE_EXHAUSTED);
  }
  EXPECT_EQ(engine_.requests(), 0);
  for (grpc_compression_algorithm algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    ClientContext context;
    context.set_compression_algorithm(algorithm);
    request = InferOf("add", std::string(1000, 'i'));  // small ones are not compressed
    ModelInferResponse response;
    EXPECT_TRUE(inference_->ModelInfer(&context, request, &response).ok());
    EXPECT_EQ(response.id(), request.id());
  }
}

TEST_F(ServerTest, WritesTheAccessLog) {
  std::string lines;
  LogOptions options;
  options.access = true;
  options.sink = [&](absl::string_view line) { absl::StrAppend(&lines, line, "\n"); };
  const auto log = EventLog::Create(std::move(options));
  ASSERT_TRUE(log.ok());
  log_ = log->get();
  Start();
  ClientContext context;
  context.AddMetadata("x-request-id", "my-id");
  ms::PredictReply reply;
  ASSERT_TRUE(predict_->Predict(&context, PredictOf("echo"), &reply).ok());
  ModelInferResponse response;
  EXPECT_FALSE(Infer(InferOf("add.fail"), &response).ok());
  transport_->Stop(absl::InfinitePast());
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << lines;
  EXPECT_TRUE(absl::StrContains(lines, "my-id") && absl::StrContains(lines, "unix") &&
              absl::StrContains(lines, "it failed"))
      << lines;
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
