#include "core/serving/worker/testing/pool.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/serving/worker/segment.h"

namespace mirin::serving::worker {
namespace {

size_t OpenDescriptors() {
  DIR* directory = ::opendir("/proc/self/fd");
  size_t count = 0;
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

TEST(Pool, DescribesBeforeItStarts) {
  CountingMetrics metrics;
  {
    absl::StatusOr<Description> description = StartWorkers(Options("fake", 3), &metrics);
    ASSERT_TRUE(description.ok()) << description.status();
    EXPECT_EQ(description->json, "{\"servable\": \"fake\"}");
    EXPECT_EQ(description->runner->Capacity(), 3u);
    EXPECT_EQ(description->runner->Alive(), 0u);
    EXPECT_EQ(metrics.started, 1);
    EXPECT_FALSE(description->runner->TryRun(std::make_shared<StageCall>(), [](Results) {}));
  }
  EXPECT_EQ(metrics.ended("exit"), 1) << "it is asked to exit, not killed";
}

TEST(Pool, StartsAllWorkers) {
  CountingMetrics metrics;
  Caller caller(Running(Options("fake", 3), &metrics));
  EXPECT_EQ(caller.runner().Alive(), 3u);
  EXPECT_EQ(metrics.started, 3);
  caller.runner().Stop(absl::InfiniteFuture());
  EXPECT_EQ(metrics.ended("exit"), 3);
  EXPECT_EQ(caller.runner().Alive(), 0u);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie is left";
}

TEST(Pool, AnswersCalls) {
  Caller caller(Running(Options()));
  Tensor texts;
  texts.dtype = MIRIN_DTYPE_STRING;
  texts.dims = {2};
  texts.texts = {"a", "\xc3\xa9"};
  const Results results = caller.Run(kEcho, {{Numbers({1, 2}), texts}, {Numbers({3})}});
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->size(), 2u);
  EXPECT_EQ((*results)[0].outputs[0].data.view(), Numbers({1, 2}).data.view());
  EXPECT_EQ((*results)[0].outputs[1].texts, texts.texts);
  EXPECT_EQ((*results)[1].outputs[0].dims, Dims{1});
}

TEST(Pool, TellsWhichInstancesFailed) {
  Caller caller(Running(Options()));
  const Results results = caller.Run(kFailOdd, {{Numbers({1})}, {Numbers({2})}});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_TRUE((*results)[0].failure.ok());
  EXPECT_EQ((*results)[1].failure.code, Code::kSystemError);
  EXPECT_EQ((*results)[1].failure.text, "instance 1 is odd");
}

TEST(Pool, GivesWorkersTheirSocketAndNothingElse) {
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const int leak = ::open("/dev/null", O_RDONLY);  // not close-on-exec
  char cwd[4096];
  ASSERT_NE(::getcwd(cwd, sizeof(cwd)), nullptr);
  WorkerPoolOptions options = Options("a \"servable\"", 2);
  options.first_device = 4;
  Caller caller(Running(options));
  const Results results = caller.Run(kSurroundings, {{}});
  ::close(leak);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(results.ok()) << results.status();
  const std::string& text = (*results)[0].outputs[0].texts[0];
  const auto has = [&](const std::string& part) {
    EXPECT_TRUE(absl::StrContains(text, part)) << part << " in " << text;
  };
  has("\"fds\": [\"/dev/null\", ");
  has("\"socket:[");
  has("\"servable\": \"a \\\"servable\\\"\"");
  has("\"directory\": \"/a directory\"");
  has("\"version\": 3");
  has("\"key_is_right\": true");
  has("\"device_id\": 4");
  has("\"device\": \"4\"");
  has(absl::StrCat("\"cwd\": \"", cwd, "\""));
  has(absl::StrCat("\"", Fake(), "\""));
  has("\"blocked\": 0");
  const std::string fds = text.substr(0, text.find(", \"config\""));
  EXPECT_EQ(std::count(fds.begin(), fds.end(), ','), 3)
      << "not stdin, stdout, stderr and the socket: " << fds;
  const int64_t pid = Number(results, 1);
  has(absl::StrCat("\"pid\": ", pid, ", \"group\": ", pid));
}

TEST(Pool, SendsLargeTensorsBothWays) {
  Caller caller(Running(Options()));
  for (size_t size : {(64u << 10) - 1, 64u << 10, 1u << 20, (3u << 20) + 5}) {
    for (Method method : {kEcho, kHandBack}) {
      const Tensor a = Large(size, 1), b = Large(size, 2);
      const Results results = caller.Run(method, {{a, b}, {b}});
      ASSERT_TRUE(results.ok()) << results.status();
      EXPECT_TRUE((*results)[0].outputs[0].data.view() == a.data.view());
      EXPECT_TRUE((*results)[0].outputs[1].data.view() == b.data.view());
      EXPECT_TRUE((*results)[1].outputs[0].data.view() == b.data.view());
    }
  }
}

TEST(Pool, SendsLargeTextsBothWays) {
  Caller caller(Running(Options()));
  Tensor texts;
  texts.dtype = MIRIN_DTYPE_STRING;
  texts.is_bytes = true;
  texts.dims = {2};
  texts.texts = {std::string(5u << 20, '\xff'), std::string(20u << 20, 'b')};
  const Results results = caller.Run(kEcho, {{texts}});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_TRUE((*results)[0].outputs[0].texts == texts.texts);
}

TEST(Pool, RefusesValuesThatNoFrameHolds) {
  Caller caller(Running(Options()));
  Tensor tensor = Numbers({1});
  tensor.dims.resize(65, 1);
  EXPECT_EQ(caller.Run(kEcho, {{Large(100000, 1), tensor}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(caller.Run(kEcho, {{Large(100000, 1)}}).ok()) << "the worker goes on";
}

TEST(Pool, KeepsBytesUntilTheirLastCopyIsGone) {
  std::vector<Tensor> kept;
  std::vector<Tensor> sent;
  {
    Caller caller(Running(Options()));
    for (int i = 0; i < 40; ++i) {
      sent.push_back(Large(100000, static_cast<char>(i)));
      const Results results = caller.Run(i % 2 == 0 ? kEcho : kHandBack, {{sent.back()}});
      ASSERT_TRUE(results.ok()) << results.status();
      // what is not kept is used again meanwhile
      if (i % 4 < 2)
        kept.push_back((*results)[0].outputs[0]);
      else
        sent.pop_back();
    }
    caller.runner().Stop(absl::InfiniteFuture());
  }
  ASSERT_EQ(kept.size(), sent.size());
  for (size_t i = 0; i < kept.size(); ++i)
    EXPECT_TRUE(kept[i].data.view() == sent[i].data.view()) << i;
}

TEST(Pool, PutsWhatSegmentsCannotHoldInline) {
  Caller caller(Running(Options()));
  std::vector<std::vector<Tensor>> instances;
  for (size_t i = 0; i < SegmentPool::kMaxSegments + 10; ++i)
    instances.push_back({Large(70000, static_cast<char>(i))});
  const Results results = caller.Run(kEcho, instances);
  ASSERT_TRUE(results.ok()) << results.status();
  for (size_t i = 0; i < instances.size(); ++i) {
    EXPECT_TRUE((*results)[i].outputs[0].data.view() == instances[i][0].data.view()) << i;
  }
}

TEST(Pool, SaysWhenNoWorkerIsIdle) {
  Caller caller(Running(Options("fake", 2)));
  absl::Notification ended[2];
  for (absl::Notification& one : ended) {
    caller.Start(kHang, {{}}, [&one](Results results) {
      EXPECT_EQ(results.status().code(), absl::StatusCode::kUnavailable);
      one.Notify();
    });
  }
  EXPECT_FALSE(
      caller.runner().TryRun(std::make_shared<StageCall>(), [](Results) { ADD_FAILURE(); }));
  caller.runner().Stop(absl::Now());
  for (absl::Notification& one : ended) EXPECT_TRUE(one.HasBeenNotified());
  EXPECT_FALSE(
      caller.runner().TryRun(std::make_shared<StageCall>(), [](Results) { ADD_FAILURE(); }));
}

TEST(Pool, RunsCallsOfManyThreads) {
  Caller caller(Running(Options("fake", 2)));
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const Tensor tensor =
            i % 10 == 0 ? Large(200000, static_cast<char>(t + i)) : Numbers({t, i});
        const Results results = caller.Run(i % 2 == 0 ? kHandBack : kEcho, {{tensor}});
        if (results.ok() && (*results)[0].outputs[0].data.view() == tensor.data.view()) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
}

TEST(Pool, FinishesCallsBeforeItStops) {
  CountingMetrics metrics;
  Caller caller(Running(Options("fake", 2), &metrics));
  std::atomic<int> good{0};
  for (int i = 0; i < 2; ++i) {
    caller.Start(kEcho, {{Large(4u << 20, 1)}}, [&](Results results) { good += results.ok(); });
  }
  caller.runner().Stop(absl::InfiniteFuture());
  EXPECT_EQ(good, 2);
  EXPECT_EQ(metrics.ended("exit"), 2);
}

TEST(ModelCalls, GoToTheServer) {
  std::vector<std::thread> threads;
  absl::Mutex mutex;
  WorkerPoolOptions options = Options();
  options.call_model = [&](ModelCall call, ModelCallDone done) {
    EXPECT_EQ(call.model, "m");
    EXPECT_EQ(call.subgraph, 2u);
    EXPECT_EQ(call.session, "sess");
    absl::MutexLock lock(&mutex);
    threads.emplace_back([call = std::move(call), done = std::move(done)] {
      std::vector<StageResult> results(call.instances.size());
      for (size_t i = 0; i < results.size(); ++i) {
        results[i].outputs = call.instances[i];
        results[i].outputs.push_back(Numbers({static_cast<int64_t>(i)}));
      }
      done(std::move(results));
    });
  };
  {
    Caller caller(Running(options));
    for (int i = 0; i < 4; ++i) {
      const Tensor large = Large(300000, static_cast<char>(i));
      const Results results = caller.Run(kCallModel, {{large}, {Numbers({5})}});
      ASSERT_TRUE(results.ok()) << results.status();
      EXPECT_TRUE((*results)[0].outputs[0].data.view() == large.data.view());
      EXPECT_EQ((*results)[1].outputs[1].data.view(), Numbers({1}).data.view());
    }
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ModelCalls, FailWithTheServersText) {
  WorkerPoolOptions options = Options();
  options.call_model = [](ModelCall, ModelCallDone done) {
    done(absl::NotFoundError("no such model"));
  };
  Caller caller(Running(options));
  const Results results = caller.Run(kCallModel, {{Numbers({1})}});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ((*results)[0].outputs[0].texts[0], "no such model");
}

TEST(ModelCalls, MayBeAnsweredAfterTheWorkersDeath) {
  absl::Notification called;
  ModelCallDone late;
  WorkerPoolOptions options = Options();
  options.call_model = [&](ModelCall, ModelCallDone done) {
    late = std::move(done);
    called.Notify();
  };
  auto runner = Running(options);
  Caller caller(runner);
  absl::Notification ended;
  caller.Start(kCallModel, {{Numbers({1})}}, [&](Results results) {
    EXPECT_EQ(results.status().code(), absl::StatusCode::kUnavailable);
    ended.Notify();
  });
  called.WaitForNotification();
  runner->Stop(absl::Now());
  ended.WaitForNotification();
  late(std::vector<StageResult>(1));
}

TEST(Pool, MayEndOnItsOwnThread) {
  absl::Notification let_go, ended;
  auto runner = Running(Options());
  auto call = std::make_shared<StageCall>();
  call->instances = {{Numbers({1})}};
  ASSERT_TRUE(runner->TryRun(call, [&, held = runner](Results results) mutable {
    EXPECT_TRUE(results.ok()) << results.status();
    let_go.WaitForNotification();
    held = nullptr;
    ended.Notify();
  }));
  runner = nullptr;
  let_go.Notify();
  ended.WaitForNotification();
}

TEST(Pool, LeavesNoDescriptorsAndNoProcesses) {
  const auto round = [] {
    std::vector<Tensor> kept;
    Caller caller(Running(Options("fake", 2)));
    for (int i = 0; i < 4; ++i) {
      const Results results = caller.Run(i % 2 == 0 ? kEcho : kHandBack, {{Large(1u << 20, 1)}});
      ASSERT_TRUE(results.ok()) << results.status();
      kept.push_back((*results)[0].outputs[0]);
    }
    EXPECT_FALSE(caller.Run(kDie, {{Numbers({SIGKILL})}}).ok());
    caller.AwaitAlive(2);
    // the fault sends a descriptor that no frame takes
    EXPECT_FALSE(caller.Run(kFault, {{Numbers({10})}}).ok());
    caller.AwaitAlive(2);
    caller.runner().Stop(absl::InfiniteFuture());
  };
  round();
  const size_t before = OpenDescriptors();
  round();
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
}

}  // namespace
}  // namespace mirin::serving::worker
