#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/serving/worker/testing/pool.h"
#include "core/serving/worker/worker.h"

namespace mirin::serving::worker {
namespace {

TEST(Supervision, ReplacesWorkersThatDie) {
  CountingMetrics metrics;
  Caller caller(Running(Options(), &metrics));
  const int64_t first = WorkerPid(caller);
  const Results killed = caller.Run(kDie, {{Numbers({SIGKILL})}});
  EXPECT_EQ(killed.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(killed.status().message(),
            "worker 0 of servable 'fake' was killed by signal 9 (Killed)");
  const int64_t second = WorkerPid(caller);
  EXPECT_GT(second, 0);
  EXPECT_NE(second, first);
  const Results fault = caller.Run(kDie, {{Numbers({SIGSEGV})}});
  EXPECT_EQ(fault.status().message(),
            "worker 0 of servable 'fake' was killed by signal 11 (Segmentation fault)");
  const Results left = caller.Run(kExit, {{Numbers({0})}});
  EXPECT_EQ(left.status().message(), "worker 0 of servable 'fake' exited with code 0");
  EXPECT_GT(WorkerPid(caller), 0);
  EXPECT_EQ(metrics.started, 4);
  EXPECT_EQ(metrics.ended("crash"), 2);
  EXPECT_EQ(metrics.ended("exit"), 1);
}

TEST(Supervision, ReplacesIdleWorkersThatAreKilled) {
  Caller caller(Running(Options("fake", 2)));
  const int64_t victim = WorkerPid(caller);
  ASSERT_EQ(::kill(static_cast<pid_t>(victim), SIGKILL), 0);
  // either the other answers or, for a call that the victim got, nothing is known
  for (int i = 0; i < 20; ++i) {
    const Results results = caller.Run(kEcho, {{Numbers({i})}});
    EXPECT_TRUE(results.ok() || results.status().code() == absl::StatusCode::kUnavailable)
        << results.status();
  }
  caller.AwaitAlive(2);
  for (int i = 0; i < 2; ++i) EXPECT_NE(WorkerPid(caller), victim);
}

TEST(Supervision, EndsCallsThatHang) {
  CountingMetrics metrics;
  WorkerPoolOptions options = Options();
  options.call_timeout = absl::Milliseconds(200);
  Caller caller(Running(options, &metrics));
  EXPECT_TRUE(caller.Run(kEcho, {{Numbers({1})}}).ok());
  for (int i = 0; i < 2; ++i) {
    const Results results = caller.Run(kHang, {{}});
    EXPECT_EQ(results.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(results.status().message(),
              "worker 0 of servable 'fake' hung: a call took longer than 200ms");
  }
  caller.AwaitAlive(1);
  EXPECT_EQ(metrics.ended("hang"), 2);
}

TEST(Supervision, EndsWorkersThatBreakTheProtocol) {
  Caller caller(Running(Options("fake", 8)));
  const int64_t faults = Number(caller.Run(kCountFaults, {{}}));
  ASSERT_GT(faults, 20);
  for (int64_t i = 0; i < faults; ++i) {
    const Results results = caller.Run(kFault, {{Numbers({i})}});
    EXPECT_EQ(results.status().code(), absl::StatusCode::kUnavailable) << i;
    EXPECT_TRUE(absl::StrContains(results.status().message(),
                                  i + 1 == faults ? "closed its socket" : "broke the protocol: "))
        << i << ": " << results.status();
  }
  EXPECT_TRUE(caller.Run(kEcho, {{Numbers({1})}}).ok());
}

TEST(Supervision, WaitsLongerForWorkersThatKeepDying) {
  Backoff backoff;
  EXPECT_EQ(backoff.Next(absl::Seconds(1)), absl::ZeroDuration());
  EXPECT_EQ(backoff.Next(absl::Seconds(1)), absl::Milliseconds(100));
  EXPECT_EQ(backoff.Next(absl::ZeroDuration()), absl::Milliseconds(200));
  EXPECT_EQ(backoff.Next(absl::Seconds(30)), absl::ZeroDuration());
  EXPECT_EQ(backoff.Next(absl::Seconds(1)), absl::Milliseconds(400));
  for (int i = 0; i < 100; ++i) EXPECT_LE(backoff.Next(absl::Seconds(1)), absl::Seconds(10));
  EXPECT_EQ(backoff.Next(absl::Seconds(1)), absl::Seconds(10));
  EXPECT_EQ(backoff.Next(absl::Seconds(61)), absl::ZeroDuration());
  EXPECT_EQ(backoff.Next(absl::Seconds(1)), absl::ZeroDuration());
  EXPECT_EQ(backoff.Next(absl::Seconds(1)), absl::Milliseconds(100));
}

TEST(Supervision, DoesNotServeAChangedServable) {
  const char* directory = ::getenv("TEST_TMPDIR");
  const std::string marker = absl::StrCat(directory == nullptr ? "/tmp" : directory, "/changed");
  ::unlink(marker.c_str());
  WorkerPoolOptions options = Options("changes");
  options.directory = marker;
  Caller caller(Running(options));
  std::fclose(std::fopen(marker.c_str(), "w"));
  EXPECT_FALSE(caller.Run(kDie, {{Numbers({SIGKILL})}}).ok());
  caller.AwaitAlive(0);
  ::unlink(marker.c_str());
  EXPECT_GT(WorkerPid(caller), 0) << "it tries again";
}

absl::Status FailureToStart(const WorkerPoolOptions& options) {
  const absl::StatusOr<Description> description = StartWorkers(options, nullptr);
  return description.ok() ? description->runner->Start() : description.status();
}

TEST(Start, TellsWhatWorkersSaid) {
  const absl::Status status = FailureToStart(Options("fails"));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "worker 0 of servable 'fails' cannot start: servable_config.py raised ValueError: "
            "\xef\xbf\xbd");
  EXPECT_EQ(FailureToStart(Options("fails to load", 2)).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(Start, TellsHowWorkersDiedAndWhatTheyPrinted) {
  const absl::Status status = FailureToStart(Options("prints and exits"));
  EXPECT_TRUE(absl::StartsWith(
      status.message(),
      "worker 0 of servable 'prints and exits' exited with code 3; it printed:\nxxx"))
      << status;
  EXPECT_TRUE(absl::EndsWith(status.message(), "xxx\nboom\n")) << status;
  EXPECT_LT(status.message().size(), 9000u);
  EXPECT_TRUE(absl::StrContains(FailureToStart(Options("kills itself")).message(),
                                "killed by signal 9 (Killed)"));
}

TEST(Start, HasATimeLimit) {
  WorkerPoolOptions options = Options("hangs");
  options.start_timeout = absl::Milliseconds(50);
  EXPECT_EQ(FailureToStart(options).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(Start, CanBeCancelled) {
  WorkerPoolOptions options = Options("hangs");
  options.cancellation = std::make_shared<Cancellation>();
  std::thread canceller([&] { options.cancellation->Cancel(); });
  EXPECT_EQ(FailureToStart(options).code(), absl::StatusCode::kCancelled);
  canceller.join();
  options.servable = "fake";
  EXPECT_EQ(FailureToStart(options).code(), absl::StatusCode::kCancelled)
      << "it is cancelled already";
}

TEST(Start, SaysWhenThereIsNoPython) {
  WorkerPoolOptions options = Options();
  options.python = "/no/python here";
  EXPECT_EQ(
      FailureToStart(options).message(),
      "worker 0 of servable 'fake': cannot run \"/no/python here\": No such file or directory");
  options.python = "";
  EXPECT_EQ(FailureToStart(options).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mirin::serving::worker
