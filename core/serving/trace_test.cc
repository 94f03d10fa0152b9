#include "core/serving/trace.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/serving/otlp.h"

namespace mirin::serving {
namespace {

using ::testing::HasSubstr;

constexpr char kParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// Takes POSTs, one connection each, and answers all with one status line.
class Collector {
 public:
  explicit Collector(std::string status = "200 OK") : status_(std::move(status)) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 8), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    endpoint_ = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~Collector() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }

  const std::string& endpoint() const { return endpoint_; }
  // The next request, head and body.
  std::string Next() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](std::vector<std::string>* requests) { return !requests->empty(); }, &requests_));
    std::string first = std::move(requests_.front());
    requests_.erase(requests_.begin());
    return first;
  }

 private:
  void Serve() {
    int client;
    while ((client = accept(fd_, nullptr, nullptr)) >= 0) {
      std::string request;
      size_t want = std::string::npos;
      while (request.size() < want) {
        char buffer[4096];
        const ssize_t got = recv(client, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        request.append(buffer, static_cast<size_t>(got));
        const size_t head = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
        if (want == std::string::npos && head != std::string::npos) {
          want = head + 4 + std::strtoul(request.c_str() + length + 16, nullptr, 10);
        }
      }
      const std::string answer = absl::StrCat("HTTP/1.1 ", status_, "\r\n\r\n");
      EXPECT_EQ(send(client, answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
      close(client);
      absl::MutexLock lock(&mutex_);
      requests_.push_back(std::move(request));
    }
  }

  const std::string status_;
  int fd_;
  std::string endpoint_;
  absl::Mutex mutex_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

rapidjson::Document Json(const std::string& text) {
  rapidjson::Document document;
  document.Parse(text.c_str());
  EXPECT_FALSE(document.HasParseError()) << text;
  return document;
}

std::string FileText(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

InferRequest Request(std::string traceparent = "") {
  InferRequest request;
  request.servable = "add";
  request.method = "sum";
  request.id = "r\"1";
  request.traceparent = std::move(traceparent);
  return request;
}

TracerOptions Quick() {
  TracerOptions options;
  options.interval = absl::Milliseconds(1);
  return options;
}

TEST(Traceparent, ReadsWhatItWrites) {
  const auto context = ParseTraceparent(kParent);
  ASSERT_TRUE(context.has_value());
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->trace[0], 0x0a);
  EXPECT_EQ(context->span[7], 0x31);
  EXPECT_EQ(MakeTraceparent(*context), kParent);
  const auto later =
      ParseTraceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-what comes later");
  ASSERT_TRUE(later.has_value());
  EXPECT_FALSE(later->sampled);
}

TEST(Traceparent, RefusesEverythingElse) {
  const std::string good = kParent;
  for (const std::string& bad : {
           std::string(),
           good.substr(0, 54),
           good + "-01",
           good + "x",
           "ff" + good.substr(2),
           "zz" + good.substr(2),
           std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
           std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
           std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
           std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x"),
           std::string("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
           std::string(100000, '0'),
       }) {
    EXPECT_FALSE(ParseTraceparent(bad).has_value()) << bad.substr(0, 80);
  }
}

TEST(Tracer, ExportsSpansToACollector) {
  Collector collector;
  TracerOptions options = Quick();
  options.endpoint = collector.endpoint();
  const auto tracer = *Tracer::Create(options);
  const auto trace = tracer->Start(Request(kParent));
  ASSERT_NE(trace, nullptr);
  const absl::Time t = absl::FromUnixSeconds(1700000000);
  trace->Span("queue", t, t + absl::Milliseconds(1));
  trace->Span("compute", t + absl::Milliseconds(1), t + absl::Milliseconds(2));
  trace->Event("retried", t);
  const auto child = ParseTraceparent(trace->traceparent());
  trace->End({Code::kFailed, absl::StatusCode::kUnavailable, "no worker"}, 7);
  trace->End({}, 8);  // once

  const std::string request = collector.Next();
  EXPECT_THAT(request, HasSubstr("POST /v1/traces HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Type: application/json\r\n"));
  const rapidjson::Document document = Json(request.substr(request.find("\r\n\r\n") + 4));
  const auto& scope = document["resourceSpans"][0]["scopeSpans"][0];
  ASSERT_EQ(scope["spans"].Size(), 3u);
  const auto& root = scope["spans"][0];
  EXPECT_STREQ(root["traceId"].GetString(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_STREQ(root["parentSpanId"].GetString(), "b7ad6b7169203331");
  EXPECT_STREQ(root["name"].GetString(), "add.sum");
  EXPECT_EQ(root["kind"].GetInt(), 2);
  EXPECT_EQ(root["status"]["code"].GetInt(), 2);
  EXPECT_STREQ(root["status"]["message"].GetString(), "UNAVAILABLE: no worker");
  EXPECT_STREQ(root["attributes"][2]["value"]["intValue"].GetString(), "7");
  EXPECT_STREQ(root["attributes"][3]["value"]["stringValue"].GetString(), "r\"1");
  EXPECT_STREQ(root["events"][0]["name"].GetString(), "retried");
  const auto& queue = scope["spans"][1];
  EXPECT_STREQ(queue["name"].GetString(), "queue");
  EXPECT_STREQ(queue["parentSpanId"].GetString(), root["spanId"].GetString());
  EXPECT_STREQ(queue["startTimeUnixNano"].GetString(), "1700000000000000000");
  EXPECT_STREQ(queue["endTimeUnixNano"].GetString(), "1700000000001000000");
  ASSERT_TRUE(child.has_value());
  EXPECT_THAT(MakeTraceparent(*child), HasSubstr(root["spanId"].GetString()));
  EXPECT_TRUE(child->sampled);
}

TEST(Tracer, SamplesByTheFlagOrTheRate) {
  Collector collector;
  TracerOptions options = Quick();
  options.endpoint = collector.endpoint();
  const auto never = *Tracer::Create(options);
  EXPECT_EQ(never->Start(Request()), nullptr);
  EXPECT_EQ(never->Start(Request("nonsense")), nullptr);
  EXPECT_NE(never->Start(Request(kParent)), nullptr);
  options.rate = 1;
  const auto always = *Tracer::Create(options);
  EXPECT_NE(always->Start(Request()), nullptr);
  std::string unsampled = kParent;
  unsampled.back() = '0';
  EXPECT_EQ(always->Start(Request(unsampled)), nullptr);
  options.endpoint = "";
  EXPECT_EQ((*Tracer::Create(options))->Start(Request(kParent)), nullptr);
}

TEST(Tracer, ExportsWhatWaitsBeforeItGoes) {
  Collector collector;
  TracerOptions options;
  options.interval = absl::Hours(1);
  options.endpoint = collector.endpoint();
  {
    const auto tracer = *Tracer::Create(options);
    for (int i = 0; i < 600; ++i) tracer->Start(Request(kParent))->End({}, 1);
  }
  size_t spans = 0;
  for (int i = 0; i < 2; ++i) {
    const std::string request = collector.Next();
    spans += Json(request.substr(request.find("\r\n\r\n") +
                                 4))["resourceSpans"][0]["scopeSpans"][0]["spans"]
                 .Size();
  }
  EXPECT_EQ(spans, 600u);
}

TEST(Tracer, DropsAndSaysSoWhenTheCollectorFails) {
  Collector collector("503 Busy");
  std::vector<std::string> lines;
  LogOptions log_options;
  log_options.sink = [&](absl::string_view line) { lines.emplace_back(line); };
  const auto log = *EventLog::Create(log_options);
  TracerOptions options = Quick();
  options.endpoint = collector.endpoint();
  options.log = log.get();
  auto tracer = *Tracer::Create(options);
  tracer->Start(Request(kParent))->End({}, 1);
  EXPECT_THAT(collector.Next(), HasSubstr("POST"));
  tracer.reset();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("answered 'HTTP/1.1 503 Busy'"));
}

TEST(Tracer, BoundsItsQueue) {
  Collector collector;
  TracerOptions options;
  options.interval = absl::Hours(1);
  options.queue = 3;
  options.endpoint = collector.endpoint();
  const auto tracer = *Tracer::Create(options);
  for (int i = 0; i < 10; ++i) tracer->Start(Request(kParent))->End({}, 1);
  EXPECT_EQ(tracer->dropped(), 7u);
}

TEST(Tracer, RequestsMayOutliveIt) {
  Collector collector;
  TracerOptions options = Quick();
  options.endpoint = collector.endpoint();
  auto tracer = *Tracer::Create(options);
  const auto trace = tracer->Start(Request(kParent));
  tracer.reset();
  trace->End({}, 1);
}

TEST(Tracer, WritesTritonsFileAsTheSettingsSay) {
  TracerOptions options = Quick();
  options.file = ::testing::TempDir() + "/trace.json";
  ServerSettings::Trace settings = {{"trace_level", {"OFF"}}};
  uint64_t version = 0;
  options.settings = [&](absl::string_view) { return settings; };
  options.settings_version = [&] { return version; };
  auto tracer = *Tracer::Create(options);
  EXPECT_EQ(tracer->Start(Request(kParent)), nullptr);  // off; and the flag is the collector's
  settings = {{"trace_level", {"TIMESTAMPS"}}, {"trace_rate", {"2"}}, {"trace_count", {"2"}}};
  ++version;
  int traced = 0;
  for (int i = 0; i < 8; ++i) {
    const auto trace = tracer->Start(Request());
    if (trace == nullptr) continue;
    ++traced;
    const absl::Time t = absl::Now();
    trace->Span("queue", t, t);
    trace->Span("compute", t, t + absl::Nanoseconds(5));
    trace->End({}, 1);
  }
  EXPECT_EQ(traced, 2);
  tracer.reset();
  const rapidjson::Document document = Json(FileText(options.file));
  ASSERT_EQ(document.Size(), 4u);
  EXPECT_STREQ(document[0]["model_name"].GetString(), "add");
  EXPECT_EQ(document[0]["model_version"].GetInt(), 1);
  EXPECT_STREQ(document[0]["request_id"].GetString(), "r\"1");
  EXPECT_EQ(document[0]["id"].GetInt(), document[1]["id"].GetInt());
  std::vector<std::string> names;
  for (const auto& stamp : document[1]["timestamps"].GetArray()) {
    names.push_back(stamp["name"].GetString());
  }
  EXPECT_EQ(names.front(), "REQUEST_START");
  EXPECT_THAT(names, ::testing::IsSupersetOf(
                         {"QUEUE_START", "COMPUTE_START", "COMPUTE_END", "REQUEST_END"}));
}

TEST(Tracer, SplitsItsFileByLogFrequency) {
  TracerOptions options = Quick();
  options.file = ::testing::TempDir() + "/split.json";
  options.settings = [](absl::string_view) {
    return ServerSettings::Trace{
        {"trace_level", {"TIMESTAMPS"}}, {"trace_rate", {"1"}}, {"log_frequency", {"2"}}};
  };
  auto tracer = *Tracer::Create(options);
  for (int i = 0; i < 3; ++i) tracer->Start(Request())->End({}, 1);
  tracer.reset();
  EXPECT_EQ(Json(FileText(options.file + ".0")).Size(), 4u);
  EXPECT_EQ(Json(FileText(options.file + ".1")).Size(), 2u);
}

TEST(Tracer, RefusesWhatItCannotUse) {
  TracerOptions options;
  options.file = ::testing::TempDir() + "/missing/trace.json";
  EXPECT_EQ(Tracer::Create(options).status().code(), absl::StatusCode::kNotFound);
  options.file = "";
  options.rate = 1.5;
  EXPECT_EQ(Tracer::Create(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Collector, AddressesAreReadOrRefused) {
  const auto address = ParseCollector("http://collector:4318/v1/other");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->host, "collector");
  EXPECT_EQ(address->port, "4318");
  EXPECT_EQ(address->path, "/v1/other");
  EXPECT_EQ(ParseCollector("[::1]:4318")->host, "::1");
  EXPECT_EQ(ParseCollector("h:4318/")->path, "/v1/traces");
  for (const char* bad : {"https://h:1", "h", "h:0", "h:65536", ":1", "[::1:1", "http://h:1/a b"}) {
    EXPECT_EQ(ParseCollector(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(Tracer, TracesFromManyThreads) {
  Collector collector;
  TracerOptions options = Quick();
  options.queue = 100000;
  options.endpoint = collector.endpoint();
  auto tracer = *Tracer::Create(options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&tracer] {
      for (int i = 0; i < 250; ++i) {
        const auto trace = tracer->Start(Request(kParent));
        trace->Span("queue", absl::Now(), absl::Now());
        trace->End({}, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t spans = 0;
  while (spans < 2000) {
    const std::string request = collector.Next();
    spans += Json(request.substr(request.find("\r\n\r\n") +
                                 4))["resourceSpans"][0]["scopeSpans"][0]["spans"]
                 .Size();
  }
  EXPECT_EQ(spans, 2000u);
  EXPECT_EQ(tracer->dropped(), 0u);
}

}  // namespace
}  // namespace mirin::serving
