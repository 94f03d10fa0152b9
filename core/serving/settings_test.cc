#include "core/serving/settings.h"

#include <gtest/gtest.h>

#include "core/base/log.h"

namespace mirin::serving {
namespace {

TEST(Settings, ModelsHaveTheServersValuesUnlessTheirOwn) {
  ServerSettings settings;
  EXPECT_EQ(settings.TraceOf("").at("trace_rate"), std::vector<std::string>{"1000"});
  ASSERT_TRUE(settings.UpdateTrace("m", {{"trace_rate", {"5"}}}).ok());
  ASSERT_TRUE(
      settings.UpdateTrace("", {{"trace_rate", {"7"}}, {"trace_level", {"TIMESTAMPS", "TENSORS"}}})
          .ok());
  EXPECT_EQ(settings.TraceOf("m").at("trace_rate"), std::vector<std::string>{"5"});
  EXPECT_EQ(settings.TraceOf("m").at("trace_level").size(), 2u);
  ASSERT_TRUE(settings.UpdateTrace("m", {{"trace_rate", {}}}).ok());
  EXPECT_EQ(settings.TraceOf("m").at("trace_rate"), std::vector<std::string>{"7"});
  ASSERT_TRUE(settings.UpdateTrace("", {{"trace_rate", {}}}).ok());
  EXPECT_EQ(settings.TraceOf("m").at("trace_rate"), std::vector<std::string>{"1000"});
}

TEST(Settings, RefusesAllWhenOneIsWrong) {
  ServerSettings settings;
  const ServerSettings::Trace wrong[] = {
      {{"nope", {"1"}}},
      {{"nope", {}}},
      {{"trace_rate", {"0"}}},
      {{"trace_rate", {"1", "2"}}},
      {{"trace_count", {"-2"}}},
      {{"trace_level", {"LOUD"}}},
      {{"trace_file", {"/etc/x"}}},
      {{"trace_mode", {"x"}}},
      {{"log_frequency", {"a"}}},
  };
  for (ServerSettings::Trace trace : wrong) {
    trace["trace_level"].push_back("TENSORS");
    EXPECT_EQ(settings.UpdateTrace("", trace).code(), absl::StatusCode::kInvalidArgument)
        << trace.begin()->first;
  }
  EXPECT_EQ(settings.TraceOf("").at("trace_level"), std::vector<std::string>{"OFF"});
  for (const ServerSettings::Log& log : {ServerSettings::Log{{"log_info", "yes"}},
                                         {{"log_file", "x"}},
                                         {{"x", "1"}},
                                         {{"log_verbose_level", "-1"}},
                                         {{"log_format", "xml"}}}) {
    EXPECT_EQ(settings.UpdateLogging(log).code(), absl::StatusCode::kInvalidArgument)
        << log.begin()->first;
  }
}

TEST(Settings, LoggingSetsTheLevel) {
  SetLogLevel(LogLevel::kWarning);
  ServerSettings settings;
  EXPECT_EQ(settings.Logging().at("log_info"), "false");
  EXPECT_EQ(settings.Logging().at("log_warning"), "true");
  ASSERT_TRUE(settings.UpdateLogging({{"log_info", "true"}}).ok());
  EXPECT_TRUE(LogEnabled(LogLevel::kInfo));
  EXPECT_FALSE(LogEnabled(LogLevel::kDebug));
  ASSERT_TRUE(settings.UpdateLogging({{"log_verbose_level", "2"}}).ok());
  EXPECT_TRUE(LogEnabled(LogLevel::kDebug));
  ASSERT_TRUE(settings
                  .UpdateLogging({{"log_verbose_level", "0"},
                                  {"log_info", "false"},
                                  {"log_warning", "false"},
                                  {"log_error", "false"}})
                  .ok());
  EXPECT_FALSE(LogEnabled(LogLevel::kError));
}

}  // namespace
}  // namespace mirin::serving
