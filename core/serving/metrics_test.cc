#include "core/serving/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace mirin::serving {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The value of the sample that begins with `series`, or -1.
double Sample(const std::string& text, absl::string_view series) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    double value = 0;
    if (absl::StartsWith(line, absl::StrCat(series, " ")) &&
        absl::SimpleAtod(line.substr(series.size() + 1), &value)) {
      return value;
    }
  }
  return -1;
}

TEST(Metrics, CountsRequestsByCode) {
  const auto metrics = Metrics::Create();
  MethodMetrics* method = metrics->Method("add", 1, "sum");
  method->Request(0, absl::Microseconds(80));
  method->Request(0, absl::Milliseconds(2));
  method->Request(4, absl::Seconds(1));
  method->Request(99, absl::Seconds(1000));
  const std::string text = metrics->Text();
  constexpr char kLabels[] = "method=\"sum\",servable=\"add\",version=\"1\"}";
  EXPECT_EQ(Sample(text, absl::StrCat("mirin_requests_total{code=\"OK\",", kLabels)), 2);
  EXPECT_EQ(Sample(text, absl::StrCat("mirin_requests_total{code=\"DEADLINE_EXCEEDED\",", kLabels)),
            1);
  EXPECT_EQ(Sample(text, absl::StrCat("mirin_requests_total{code=\"UNKNOWN\",", kLabels)), 1);
  EXPECT_EQ(Sample(text, absl::StrCat("mirin_request_duration_seconds_count{", kLabels)), 4);
  const std::string bucket =
      "mirin_request_duration_seconds_bucket{"
      "method=\"sum\",servable=\"add\",version=\"1\",le=\"";
  EXPECT_EQ(Sample(text, bucket + "0.0001\"}"), 1);
  EXPECT_EQ(Sample(text, bucket + "0.0025\"}"), 2);
  EXPECT_EQ(Sample(text, bucket + "+Inf\"}"), 4);
}

TEST(Metrics, DescribesBatchesAndQueues) {
  const auto metrics = Metrics::Create();
  MethodMetrics* method = metrics->Method("add", 1, "sum");
  method->Batch(3, absl::Milliseconds(1), absl::Milliseconds(2));
  method->Batch(5, absl::Milliseconds(3), absl::Milliseconds(2));
  method->QueueLength(7);
  method->QueueLength(-2);
  const std::string text = metrics->Text();
  constexpr char kLabels[] = "{method=\"sum\",servable=\"add\",version=\"1\"}";
  EXPECT_EQ(Sample(text, absl::StrCat("mirin_batch_size_sum", kLabels)), 8);
  EXPECT_EQ(Sample(text, absl::StrCat("mirin_batch_size_count", kLabels)), 2);
  EXPECT_NEAR(Sample(text, absl::StrCat("mirin_queue_duration_seconds_sum", kLabels)), 0.004, 1e-9);
  EXPECT_NEAR(Sample(text, absl::StrCat("mirin_compute_duration_seconds_sum", kLabels)), 0.004,
              1e-9);
  EXPECT_EQ(Sample(text, absl::StrCat("mirin_queue_length", kLabels)), 5);
}

TEST(Metrics, CountsWorkersConnectionsAndRefusals) {
  const auto metrics = Metrics::Create();
  metrics->WorkerStarted("add");
  metrics->WorkerStarted("add");
  metrics->WorkerEnded("add", "crash");
  metrics->Connections("grpc", 1);
  metrics->Connections("http", 1);
  metrics->Connections("http", -1);
  metrics->Refused("http", "body_too_large");
  const std::string text = metrics->Text();
  EXPECT_EQ(Sample(text, "mirin_worker_starts_total{servable=\"add\"}"), 2);
  EXPECT_EQ(Sample(text, "mirin_worker_ends_total{reason=\"crash\",servable=\"add\"}"), 1);
  EXPECT_EQ(Sample(text, "mirin_workers{servable=\"add\"}"), 1);
  EXPECT_EQ(Sample(text, "mirin_connections{protocol=\"grpc\"}"), 1);
  EXPECT_EQ(Sample(text, "mirin_connections{protocol=\"http\"}"), 0);
  EXPECT_EQ(Sample(text, "mirin_refused_total{protocol=\"http\",reason=\"body_too_large\"}"), 1);
}

TEST(Metrics, DescribesTheProcess) {
  const std::string text = Metrics::Create()->Text();
  EXPECT_GT(Sample(text, "process_resident_memory_bytes"), 100000);
  EXPECT_GT(Sample(text, "process_open_fds"), 2);
  EXPECT_GT(Sample(text, "process_start_time_seconds"), 1.6e9);
  EXPECT_GE(Sample(text, "process_cpu_seconds_total"), 0);
}

TEST(Metrics, WritesTheExpositionFormat) {
  const auto metrics = Metrics::Create();
  metrics->Method("a\"b\\c\nd", 1, "m")->Request(0, absl::Seconds(1));
  metrics->Method("\xff", 1, "m");
  const std::string text = metrics->Text();
  EXPECT_THAT(text, HasSubstr("# HELP mirin_requests_total "));
  EXPECT_THAT(text, HasSubstr("# TYPE mirin_requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE mirin_request_duration_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE mirin_queue_length gauge\n"));
  EXPECT_THAT(text, HasSubstr("servable=\"a\\\"b\\\\c\\nd\""));
  EXPECT_THAT(text, Not(HasSubstr("\xff")));
  EXPECT_EQ(text.back(), '\n');
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line.empty() || absl::StartsWith(line, "# ")) continue;
    double value = 0;
    const size_t space = line.rfind(' ');
    ASSERT_NE(space, absl::string_view::npos) << line;
    EXPECT_TRUE(absl::SimpleAtod(line.substr(space + 1), &value)) << line;
  }
}

TEST(Metrics, GivesTheSameObjectForTheSameLabels) {
  const auto metrics = Metrics::Create();
  EXPECT_EQ(metrics->Method("a", 1, "m"), metrics->Method("a", 1, "m"));
  EXPECT_NE(metrics->Method("a", 1, "m"), metrics->Method("a", 2, "m"));
}

TEST(Metrics, BoundsItsLabels) {
  const auto metrics = Metrics::Create();
  for (int i = 0; i < 3000; ++i) {
    metrics->Method("s", i, "m");
    metrics->Refused("http", absl::StrCat("reason ", i));
    metrics->WorkerStarted(absl::StrCat("servable ", i));
  }
  EXPECT_EQ(metrics->Method("s", 2998, "m"), metrics->Method("s", 2999, "n"));
  EXPECT_NE(metrics->Method("s", 1, "m"), metrics->Method("s", 2, "m"));
  const std::string text = metrics->Text();
  EXPECT_EQ(Sample(text, "mirin_refused_total{protocol=\"http\",reason=\"other\"}"), 3000 - 64);
  EXPECT_EQ(Sample(text, "mirin_workers{servable=\"other\"}"), 3000 - 500);
}

TEST(Metrics, CountsFromManyThreads) {
  const auto metrics = Metrics::Create();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics, t] {
      for (int i = 0; i < 1000; ++i) {
        MethodMetrics* method = metrics->Method("a", i % 3, "m");
        method->Request(i % 17, absl::Microseconds(i));
        method->Batch(1, absl::ZeroDuration(), absl::ZeroDuration());
        metrics->Refused("grpc", "r");
        if (t == 0 && i % 100 == 0) {
          EXPECT_THAT(metrics->Text(), HasSubstr("mirin_"));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string text = metrics->Text();
  double total = 0;
  for (int version = 0; version < 3; ++version) {
    total += Sample(text, absl::StrCat("mirin_request_duration_seconds_count{method=\"m\","
                                       "servable=\"a\",version=\"",
                                       version, "\"}"));
  }
  EXPECT_EQ(total, 4000);
  EXPECT_EQ(Sample(text, "mirin_refused_total{protocol=\"grpc\",reason=\"r\"}"), 4000);
}

}  // namespace
}  // namespace mirin::serving
