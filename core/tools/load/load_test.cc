#include "core/tools/load/load.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/wire.h"
#include "core/base/wire_writer.h"
#include "core/tools/load/latency.h"
#include "core/tools/load/payload.h"
#include "core/tools/load/run.h"

namespace mirin::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(LatencyHistogram, GivesQuantilesWithinABucket) {
  LatencyHistogram histogram;
  for (int64_t i = 1; i <= 100000; ++i) histogram.Add(i * 1000);
  EXPECT_EQ(histogram.count(), 100000u);
  EXPECT_EQ(histogram.min(), 1000u);
  EXPECT_EQ(histogram.max(), 100000000u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50000500.0);
  for (const double q : {0.001, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = q * 1e8;
    EXPECT_GE(static_cast<double>(histogram.Quantile(q)), exact);
    EXPECT_LE(static_cast<double>(histogram.Quantile(q)), exact * (1 + 1.0 / 256));
  }
  EXPECT_EQ(histogram.Quantile(1), histogram.max());
}

TEST(LatencyHistogram, TakesEverything) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  histogram.Add(-5);
  histogram.Add(INT64_MAX);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), static_cast<uint64_t>(INT64_MAX));
  LatencyHistogram other;
  other.Add(255);
  other.Merge(histogram);
  EXPECT_EQ(other.count(), 3u);
  EXPECT_EQ(other.Quantile(0.5), 255u);
}

std::vector<Input> Example() { return *InputsFromText("x:FP32:2,2;n:INT64:2;s:BYTES:1"); }

TEST(Payload, WritesOpenInferenceJson) {
  Target target;
  target.model = "add";
  target.method = "sum";
  target.version = 3;
  const Call call = *InferCall(Protocol::kOipHttp, target, Example());
  EXPECT_EQ(call.path, "/v2/models/add.sum/versions/3/infer");
  rapidjson::Document body;
  body.Parse(call.body.c_str());
  ASSERT_FALSE(body.HasParseError()) << call.body;
  ASSERT_EQ(body["inputs"].Size(), 3u);
  EXPECT_STREQ(body["inputs"][0]["datatype"].GetString(), "FP32");
  EXPECT_EQ(body["inputs"][0]["shape"][1].GetInt(), 2);
  EXPECT_EQ(body["inputs"][0]["data"].Size(), 4u);
  EXPECT_TRUE(body["inputs"][1]["data"][0].IsInt64());
  EXPECT_STREQ(body["inputs"][2]["data"][0].GetString(), "mirin");
}

TEST(Payload, WritesTheBinaryExtension) {
  Target target;
  target.model = "add";
  target.binary = true;
  const Call call = *InferCall(Protocol::kOipHttp, target, Example());
  const size_t head = call.body.find("\"binary_data_output\":true}}") + 27;
  EXPECT_THAT(call.headers, HasSubstr(absl::StrCat("Inference-Header-Content-Length: ", head)));
  EXPECT_EQ(call.body.size(), head + 16 + 16 + 9);
}

TEST(Payload, WritesOpenInferenceMessages) {
  Target target;
  target.model = "add";
  const Call call = *InferCall(Protocol::kOipGrpc, target, Example());
  EXPECT_EQ(call.path, "/inference.GRPCInferenceService/ModelInfer");
  std::vector<std::string> names;
  std::vector<size_t> raw;
  WireReader request(call.body);
  while (request.Next()) {
    if (request.field() == 1) {
      EXPECT_EQ(request.bytes(), "add");
    }
    if (request.field() == 7) raw.push_back(request.bytes().size());
    if (request.field() != 5) continue;
    WireReader input(request.bytes());
    while (input.Next()) {
      if (input.field() == 1) names.emplace_back(input.bytes());
    }
  }
  EXPECT_TRUE(request.ok());
  EXPECT_THAT(names, ElementsAre("x", "n", "s"));
  EXPECT_THAT(raw, ElementsAre(16, 16, 9));
}

TEST(Payload, WritesMindSporeServingsForms) {
  Target target;
  target.model = "add";
  target.method = "sum";
  target.version = 2;
  target.instances = 3;
  Call call = *InferCall(Protocol::kMsHttp, target, Example());
  EXPECT_EQ(call.path, "/model/add/version/2:sum");
  rapidjson::Document body;
  body.Parse(call.body.c_str());
  ASSERT_FALSE(body.HasParseError()) << call.body;
  ASSERT_EQ(body["instances"].Size(), 3u);
  EXPECT_EQ(body["instances"][2]["x"][1].Size(), 2u);
  EXPECT_EQ(body["instances"][2]["n"].Size(), 2u);
  EXPECT_STREQ(body["instances"][2]["s"].GetString(), "mirin");

  call = *InferCall(Protocol::kMsGrpc, target, Example());
  EXPECT_EQ(call.path, "/mindspore.serving.proto.MSService/Predict");
  int instances = 0;
  WireReader request(call.body);
  while (request.Next()) instances += request.field() == 2;
  EXPECT_TRUE(request.ok());
  EXPECT_EQ(instances, 3);
}

TEST(Payload, RefusesWhatAFormCannotHold) {
  Target target;
  target.model = "add";
  EXPECT_EQ(InferCall(Protocol::kOipHttp, target, *InputsFromText("x:FP16:2")).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(InferCall(Protocol::kMsHttp, target, *InputsFromText("s:BYTES:2")).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(InferCall(Protocol::kMsGrpc, target, *InputsFromText("x:BF16:2")).status().code(),
            absl::StatusCode::kUnimplemented);
  std::vector<Input> nan = *InputsFromText("x:FP32:1");
  nan[0].value.data = serving::Buffer::Copy(absl::string_view("\0\0\xc0\x7f", 4));
  EXPECT_EQ(InferCall(Protocol::kOipHttp, target, nan).status().code(),
            absl::StatusCode::kInvalidArgument);
  for (const char* bad : {"x", ":FP32:1", "x:FP33:1", "x:FP32:-1", "x:FP32:a", "x:FP32:1:1",
                          "x:FP32:4294967296,4294967296,4294967296", "x:INT8:4000000000"}) {
    EXPECT_FALSE(InputsFromText(bad).ok()) << bad;
  }
}

TEST(Payload, MakesInputsOfMetadata) {
  const std::string json =
      R"({"name":"add","inputs":[{"name":"x","datatype":"FP32","shape":[-1,-1,3]}]})";
  const std::vector<Input> inputs = *InputsFromMetadata(false, json, 4);
  ASSERT_EQ(inputs.size(), 1u);
  EXPECT_THAT(inputs[0].value.dims, ElementsAre(4, 1, 3));
  for (const char* bad : {"", "[]", "{}", R"({"inputs":[1]})",
                          R"({"inputs":[{"name":"x","datatype":"FP32","shape":["a"]}]})"}) {
    EXPECT_FALSE(InputsFromMetadata(false, bad, 1).ok()) << bad;
  }
  EXPECT_FALSE(InputsFromMetadata(true, "\xff", 1).ok());
}

TEST(Payload, WritesFloatsAsFloats) {
  Target target;
  target.model = "add";
  target.method = "sum";
  // random values of that many elements include 0
  const Call call = *InferCall(Protocol::kMsHttp, target, *InputsFromText("x:FP32:64,256"));
  rapidjson::Document body;
  body.Parse(call.body.c_str());
  ASSERT_FALSE(body.HasParseError());
  bool zero = false;
  for (const auto& row : body["instances"][0]["x"].GetArray()) {
    for (const auto& value : row.GetArray()) {
      ASSERT_TRUE(value.IsDouble());
      zero |= value.GetDouble() == 0;
    }
  }
  EXPECT_TRUE(zero);
}

TEST(Payload, FindsMindSporeServingsErrors) {
  EXPECT_EQ(AnswerError(Protocol::kMsHttp, R"({"instances":[{"y":1}]})"), "");
  EXPECT_EQ(AnswerError(Protocol::kMsHttp, R"({"error_msg":"no"})"), "error_msg");
  WireWriter error, reply;
  error.Integer(1, 2);
  reply.Message(4, error);
  EXPECT_EQ(AnswerError(Protocol::kMsGrpc, reply.bytes()), "error 2");
  EXPECT_EQ(AnswerError(Protocol::kMsGrpc, ""), "");
}

// Answers HTTP requests on kept-alive connections, each with handler(number, head).
class HttpServer {
 public:
  using Handler = std::function<std::string(int number, const std::string& head)>;

  explicit HttpServer(Handler handler, bool split = false)
      : handler_(std::move(handler)), split_(split) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 64), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] {
      int client;
      while ((client = accept(fd_, nullptr, nullptr)) >= 0) {
        clients_.emplace_back([this, client] { Serve(client); });
      }
    });
  }
  ~HttpServer() {
    shutdown(fd_, SHUT_RDWR);
    accepting_.join();
    for (std::thread& client : clients_) client.join();  // clients have gone
    close(fd_);
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_); }
  serving::Address address() const {
    serving::Address out;
    out.host = "127.0.0.1";
    out.port = port_;
    return out;
  }

  static std::string Answer(absl::string_view status, absl::string_view body) {
    return absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  }

 private:
  void Serve(int client) {
    std::string bytes;
    while (true) {
      size_t head = bytes.find("\r\n\r\n"), want = std::string::npos;
      if (head != std::string::npos) {
        const size_t length = bytes.find("Content-Length: ");
        want = head + 4;
        if (length < head) want += std::strtoul(bytes.c_str() + length + 16, nullptr, 10);
      }
      if (want != std::string::npos && bytes.size() >= want) {
        const std::string answer = handler_(requests_++, bytes.substr(0, head));
        if (answer.empty()) break;
        const size_t first = split_ ? answer.find("\r\n\r\n") + 4 : answer.size();
        if (send(client, answer.data(), first, MSG_NOSIGNAL) < 0) break;
        if (split_) {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));  // a packet of its own
          if (send(client, answer.data() + first, answer.size() - first, MSG_NOSIGNAL) < 0) break;
        }
        bytes.erase(0, want);
        continue;
      }
      char buffer[4096];
      const ssize_t got = recv(client, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      bytes.append(buffer, static_cast<size_t>(got));
    }
    close(client);
  }

  const Handler handler_;
  const bool split_;  // head and body of an answer in two pieces
  int fd_;
  uint16_t port_ = 0;
  std::atomic<int> requests_{0};
  std::vector<std::thread> clients_;  // of the accepting thread
  std::thread accepting_;
};

rapidjson::Document RunProgram(const std::vector<std::string>& args, int status) {
  ::testing::internal::CaptureStdout();
  std::vector<std::string> all = args;
  all.push_back("--json");
  EXPECT_EQ(tools::Load(all), status);
  rapidjson::Document out;
  const std::string text = ::testing::internal::GetCapturedStdout();
  out.Parse(text.c_str());
  EXPECT_FALSE(out.HasParseError()) << text;
  return out;
}

constexpr char kMetadata[] =
    R"({"name":"add","inputs":[{"name":"x","datatype":"FP32","shape":[2,2]}]})";

TEST(Load, CountsRequestsOverHttp) {
  HttpServer server([](int, const std::string& head) {
    if (absl::StartsWith(head, "GET /v2/models/add "))
      return HttpServer::Answer("200 OK", kMetadata);
    EXPECT_TRUE(absl::StartsWith(head, "POST /v2/models/add/infer ")) << head;
    return HttpServer::Answer("200 OK", "{\"outputs\":[]}");
  });
  const auto report = RunProgram({server.url(), "--model=add", "--concurrency=3", "--threads=2",
                                  "--requests=200", "--warmup=0", "--duration=600"},
                                 0);
  EXPECT_EQ(report["requests"].GetInt(), 200);
  EXPECT_EQ(report["failed"].GetInt(), 0);
  EXPECT_EQ(report["bytes_received"].GetInt(), 200 * 14);
  EXPECT_GT(report["throughput"].GetDouble(), 0);
  EXPECT_LE(report["latency_us"]["p50"].GetDouble(), report["latency_us"]["p99.9"].GetDouble());
  EXPECT_LE(report["latency_us"]["p99.9"].GetDouble(), report["latency_us"]["max"].GetDouble());
}

TEST(Load, TakesAnswersInPieces) {
  HttpServer server([](int, const std::string&) { return HttpServer::Answer("200 OK", "{}"); },
                    true);
  const auto report = RunProgram({server.url(), "--model=add", "--shape=x:FP32:2", "--requests=5",
                                  "--warmup=0", "--duration=600"},
                                 0);
  EXPECT_EQ(report["failed"].GetInt(), 0);
}

TEST(Load, CountsErrorsByCode) {
  HttpServer server([](int number, const std::string&) {
    if (number % 4 == 1) return HttpServer::Answer("503 Busy", "queue full");
    if (number % 4 == 2) return std::string();  // closes
    if (number % 4 == 3) return std::string("nonsense\r\n\r\n");
    return HttpServer::Answer("200 OK", "{}");
  });
  const auto report = RunProgram({server.url(), "--model=add", "--shape=x:FP32:2", "--requests=8",
                                  "--warmup=0", "--duration=600"},
                                 1);
  EXPECT_EQ(report["requests"].GetInt(), 8);
  EXPECT_EQ(report["failed"].GetInt(), 6);
  EXPECT_EQ(report["errors"]["503"]["count"].GetInt(), 2);
  EXPECT_STREQ(report["errors"]["503"]["text"].GetString(), "queue full");
  EXPECT_EQ(report["errors"]["closed"]["count"].GetInt(), 2);
  EXPECT_EQ(report["errors"]["malformed"]["count"].GetInt(), 2);
}

TEST(Load, EndsRequestsAtTheirTimeout) {
  HttpServer server([](int number, const std::string&) {
    // held until the client has gone: nothing may come after its timeout
    if (number == 0) std::this_thread::sleep_for(std::chrono::milliseconds(400));
    return HttpServer::Answer("200 OK", "{}");
  });
  const auto report = RunProgram({server.url(), "--model=add", "--shape=x:FP32:2", "--requests=2",
                                  "--warmup=0", "--duration=600", "--timeout=0.05"},
                                 1);
  EXPECT_GE(report["errors"]["timeout"]["count"].GetInt(), 1);
}

// A server that stands still delays all requests that were to begin meanwhile, and all of them must say so.
TEST(Load, LatencyCountsFromTheIntendedStart) {
  constexpr auto kHeld = std::chrono::milliseconds(60);
  HttpServer server([&](int number, const std::string&) {
    if (number == 0) std::this_thread::sleep_for(kHeld);
    return HttpServer::Answer("200 OK", "{}");
  });
  LoadOptions options;
  options.address = server.address();
  options.rate = 1000;
  options.requests = 41;
  options.duration = absl::Hours(1);
  options.warmup = absl::ZeroDuration();
  Target target;
  target.model = "add";
  const absl::StatusOr<LoadResult> result =
      RunLoad(options, *InferCall(Protocol::kOipHttp, target, *InputsFromText("x:FP32:2")));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->latency.count(), 41u);
  // request i begins at i ms and is answered after 60 ms: whatever the machine does, 60 - i at least
  EXPECT_GE(result->latency.max(), 60000000u);
  EXPECT_GE(result->latency.Quantile(0.5), 40000000u);
  EXPECT_GE(result->latency.min(), 20000000u);
}

TEST(Load, KeepsToItsRate) {
  HttpServer server([](int, const std::string&) { return HttpServer::Answer("200 OK", "{}"); });
  const auto report =
      RunProgram({server.url(), "--model=add", "--shape=x:FP32:2", "--rate=1000", "--requests=100",
                  "--concurrency=4", "--threads=2", "--warmup=0", "--duration=600"},
                 0);
  EXPECT_EQ(report["requests"].GetInt(), 100);
  EXPECT_GE(report["seconds"].GetDouble(), 0.098);  // the last one begins no earlier
}

// Answers metadata and inference as Open Inference and MindSpore Serving do.
class GrpcServer final : public grpc::CallbackGenericService {
 public:
  GrpcServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~GrpcServer() override { server_->Shutdown(); }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    class Reactor final : public grpc::ServerGenericBidiReactor {
     public:
      explicit Reactor(std::string method) : method_(std::move(method)) { StartRead(&request_); }
      void OnReadDone(bool ok) override {
        if (!ok) return Finish(grpc::Status::CANCELLED);
        WireWriter reply;
        if (absl::EndsWith(method_, "/ModelMetadata")) {
          WireWriter input;
          input.Bytes(1, "x");
          input.Bytes(2, "FP32");
          input.Packed(3, std::vector<int64_t>{-1, 2});
          reply.Message(4, input);
        } else if (absl::EndsWith(method_, "/ModelInfer")) {
          reply.Bytes(1, "add");
        } else if (absl::EndsWith(method_, "/Predict")) {
          WireWriter error;
          error.Integer(1, 5);
          reply.Message(4, error);
        } else {
          return Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, method_));
        }
        const grpc::Slice slice(reply.bytes());
        reply_ = grpc::ByteBuffer(&slice, 1);
        StartWriteAndFinish(&reply_, grpc::WriteOptions(), grpc::Status::OK);
      }
      void OnDone() override { delete this; }

     private:
      const std::string method_;
      grpc::ByteBuffer request_, reply_;
    };
    return new Reactor(context->method());
  }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST(Load, CountsRequestsOverGrpc) {
  GrpcServer server;
  const auto report = RunProgram({server.address(), "--model=add", "--concurrency=3", "--threads=2",
                                  "--requests=100", "--warmup=0", "--duration=600"},
                                 0);
  EXPECT_EQ(report["requests"].GetInt(), 100);
  EXPECT_EQ(report["failed"].GetInt(), 0);
  EXPECT_EQ(report["bytes_received"].GetInt(), 100 * 5);
  EXPECT_STREQ(report["protocol"].GetString(), "oip-grpc");
}

TEST(Load, CountsMindSporeServingsErrorsOverGrpc) {
  GrpcServer server;
  const auto report = RunProgram(
      {server.address(), "--model=add", "--method=sum", "--protocol=ms-grpc", "--shape=x:FP32:2",
       "--requests=5", "--rate=1000", "--warmup=0", "--duration=600"},
      1);
  EXPECT_EQ(report["errors"]["error 5"]["count"].GetInt(), 5);
}

TEST(Load, SaysWhyItCannotRun) {
  EXPECT_EQ(tools::Load({}), 2);
  EXPECT_EQ(tools::Load({"127.0.0.1:1"}), 2);
  EXPECT_EQ(tools::Load({"nowhere", "--model=add"}), 2);
  EXPECT_EQ(tools::Load({"https://127.0.0.1:1", "--model=add"}), 2);
  EXPECT_EQ(tools::Load({"127.0.0.1:1", "--model=add", "--protocol=ms-grpc"}), 2);
  EXPECT_EQ(tools::Load({"http://127.0.0.1:1", "--model=add", "--protocol=oip-grpc"}), 2);
  EXPECT_EQ(tools::Load({"http://127.0.0.1:1", "--model=add", "--rate=-1"}), 2);
  // nobody listens there
  EXPECT_EQ(
      tools::Load({absl::StrCat("http://unix:", ::testing::TempDir(), "none"), "--model=add"}), 2);
  EXPECT_EQ(tools::Load({"--help"}), 0);
}

}  // namespace
}  // namespace mirin::load
