#include "core/serving/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <limits>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

struct Lines {
  std::vector<std::string> lines;
  absl::Time now = absl::FromUnixSeconds(1700000000);
  std::unique_ptr<EventLog> log;

  explicit Lines(LogOptions options = {}) {
    options.sink = [this](absl::string_view line) { lines.emplace_back(line); };
    options.now = [this] { return now; };
    log = *EventLog::Create(std::move(options));
  }
};

LogOptions Json() {
  LogOptions options;
  options.format = LogFormat::kJson;
  return options;
}

TEST(EventLog, WritesText) {
  Lines lines;
  lines.log->Event(LogLevel::kWarning, "worker ended",
                   {{"servable", "add"}, {"reason", "killed by 9"}, {"pid", 12}, {"again", true}});
  EXPECT_THAT(lines.lines,
              ElementsAre("2023-11-14T22:13:20.000000Z warning \"worker ended\" servable=add "
                          "reason=\"killed by 9\" pid=12 again=true"));
}

TEST(EventLog, WritesJson) {
  Lines lines(Json());
  lines.log->Event(LogLevel::kInfo, "loaded",
                   {{"servable", "a\"b\n\xff"},
                    {"load_ms", absl::Microseconds(1500)},
                    {"nan", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_THAT(
      lines.lines,
      ElementsAre(
          "{\"time\":\"2023-11-14T22:13:20.000000Z\",\"level\":\"info\",\"event\":"
          "\"loaded\",\"servable\":\"a\\\"b\\u000a\\ufffd\",\"load_ms\":1.5,\"nan\":null}"));
}

TEST(EventLog, KeepsToItsLevel) {
  Lines lines;
  EXPECT_FALSE(lines.log->Enabled(LogLevel::kDebug));
  lines.log->Event(LogLevel::kDebug, "detail");
  EXPECT_THAT(lines.lines, SizeIs(0));
  lines.log->SetLevel(LogLevel::kDebug);
  lines.log->Event(LogLevel::kDebug, "detail");
  EXPECT_THAT(lines.lines, SizeIs(1));
  lines.log->SetLevel(LogLevel::kOff);
  lines.log->Event(LogLevel::kError, "failure");
  EXPECT_THAT(lines.lines, SizeIs(1));
}

TEST(EventLog, LeavesRepeatsOutAndCountsThem) {
  LogOptions options;
  options.repeats = 2;
  Lines lines(std::move(options));
  for (int i = 0; i < 5; ++i) lines.log->Event(LogLevel::kInfo, "refused", {{"i", i}});
  lines.log->Event(LogLevel::kInfo, "other");
  EXPECT_THAT(lines.lines, SizeIs(3));
  lines.now += absl::Seconds(10);
  lines.log->Event(LogLevel::kInfo, "refused", {{"i", 5}});
  EXPECT_THAT(lines.lines.back(), HasSubstr("refused i=5 left_out=3"));
  lines.log->Event(LogLevel::kInfo, "refused", {{"i", 6}});
  EXPECT_THAT(lines.lines.back(), Not(HasSubstr("left_out")));
}

TEST(EventLog, ClientsCannotWriteLinesOfTheirOwn) {
  Lines lines;
  lines.log->SetAccess(true);
  InferRequest request;
  request.servable = std::string(100000, 'a');
  request.id = "x\n2023-11-14T22:13:20.000000Z info fake";
  lines.log->Access("http", "127.0.0.1:1", request, InferReply());
  ASSERT_THAT(lines.lines, SizeIs(1));
  EXPECT_THAT(lines.lines[0], Not(HasSubstr("\n")));
  EXPECT_THAT(lines.lines[0], HasSubstr("id=\"x\\u000a2023"));
  EXPECT_LT(lines.lines[0].size(), 2000);
}

TEST(EventLog, DescribesRequestsWhenAsked) {
  Lines lines;
  InferRequest request;
  request.servable = "add";
  request.method = "sum";
  request.id = "r1";
  request.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  request.instances.emplace_back();
  request.instances[0].push_back({"secret name", {}});
  InferReply reply;
  reply.version = 3;
  reply.failure = {Code::kFailed, absl::StatusCode::kUnavailable, "no worker"};
  lines.log->Access("grpc", "unix", request, reply);
  EXPECT_THAT(lines.lines, SizeIs(0));  // off by default
  lines.log->SetAccess(true);
  lines.log->Access("grpc", "unix", request, reply);
  ASSERT_THAT(lines.lines, SizeIs(1));
  EXPECT_THAT(lines.lines[0],
              HasSubstr("info request protocol=grpc peer=unix servable=add method=sum version=3 "
                        "id=r1 instances=0 failed=0 code=UNAVAILABLE duration_ms="));
  EXPECT_THAT(lines.lines[0], HasSubstr(" traceparent=00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_THAT(lines.lines[0], HasSubstr(" error=\"no worker\""));
  EXPECT_THAT(lines.lines[0], Not(HasSubstr("secret")));

  reply.failure = {};
  reply.instances.resize(3);
  reply.instances[1].failure = {Code::kInvalidInputs, absl::StatusCode::kInvalidArgument, "shape"};
  lines.log->Access("grpc", "unix", request, reply);
  EXPECT_THAT(lines.lines[1], HasSubstr(" instances=3 failed=1 code=INVALID_ARGUMENT "));
  EXPECT_THAT(lines.lines[1], HasSubstr(" error=shape"));
}

TEST(EventLog, FollowsTheLoggingSettings) {
  Lines lines;
  lines.log->Apply({{"log_info", "false"}, {"log_warning", "true"}});
  EXPECT_FALSE(lines.log->Enabled(LogLevel::kInfo));
  EXPECT_TRUE(lines.log->Enabled(LogLevel::kWarning));
  lines.log->Apply({{"log_verbose_level", "1"}});
  EXPECT_TRUE(lines.log->Enabled(LogLevel::kDebug));
  EXPECT_TRUE(lines.log->access());
  lines.log->Apply({{"log_info", "false"}, {"log_warning", "false"}, {"log_error", "false"}});
  EXPECT_FALSE(lines.log->Enabled(LogLevel::kError));
  EXPECT_FALSE(lines.log->access());
}

TEST(EventLog, AppendsToAFileOfItsOwner) {
  LogOptions options;
  options.file = ::testing::TempDir() + "/events.log";
  std::remove(options.file.c_str());
  for (int i = 0; i < 2; ++i) {
    (*EventLog::Create(options))->Event(LogLevel::kInfo, "started", {{"i", i}});
  }
  std::ifstream in(options.file);
  std::string first, second, third;
  EXPECT_TRUE(std::getline(in, first) && std::getline(in, second));
  EXPECT_FALSE(std::getline(in, third));
  EXPECT_TRUE(absl::EndsWith(second, "info started i=1")) << second;
  struct stat info;
  ASSERT_EQ(stat(options.file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  options.file = ::testing::TempDir() + "/missing/events.log";
  EXPECT_EQ(EventLog::Create(options).status().code(), absl::StatusCode::kNotFound);
}

TEST(EventLog, WritesWholeLinesFromManyThreads) {
  LogOptions options = Json();
  options.repeats = 1000000;
  Lines lines(std::move(options));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&lines] {
      for (int i = 0; i < 500; ++i) lines.log->Event(LogLevel::kInfo, "tick", {{"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(lines.lines, SizeIs(2000));
  for (const std::string& line : lines.lines) EXPECT_TRUE(absl::EndsWith(line, "}")) << line;
}

TEST(EventLog, RefusesUnknownNames) {
  EXPECT_EQ(*EventLog::ParseLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(*EventLog::ParseFormat("json"), LogFormat::kJson);
  EXPECT_FALSE(EventLog::ParseLevel("loud").ok());
  EXPECT_FALSE(EventLog::ParseFormat("xml").ok());
}

}  // namespace
}  // namespace mirin::serving
