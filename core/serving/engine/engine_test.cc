// The engine on real models, with workers that are functions of this test.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "core/serving/engine/repository.h"
#include "core/serving/stage_runner.h"
#include "gtest/gtest.h"
#include "tests/support/npz.h"

namespace mirin::serving {
namespace {

using Array = ::mirin::testing::Array;

// What the next StartWorkers says and does.
struct Script {
  std::string json;
  std::function<absl::StatusOr<std::vector<StageResult>>(const StageCall&)> run;
  size_t capacity = 1;
  size_t alive = 1;
  absl::Status start;
};
Script script;

class FakeRunner : public StageRunner {
 public:
  FakeRunner(Script s) : script_(std::move(s)) {}
  ~FakeRunner() override { Stop(absl::Now()); }
  absl::Status Start() override { return script_.start; }
  bool TryRun(const std::shared_ptr<StageCall>& call, Done done) override {
    absl::MutexLock lock(&mutex_);
    if (busy_ >= script_.capacity) return false;
    ++busy_;
    threads_.emplace_back([this, call, done] {
      auto result = script_.run(*call);
      std::function<void()> idle;
      {
        absl::MutexLock l(&mutex_);
        --busy_;
        idle = idle_;
      }
      done(std::move(result));
      if (idle) idle();
    });
    return true;
  }
  size_t Capacity() const override { return script_.capacity; }
  size_t Alive() const override { return script_.alive; }
  void SetIdleCallback(std::function<void()> idle) override {
    absl::MutexLock lock(&mutex_);
    idle_ = std::move(idle);
  }
  void Stop(absl::Time) override {
    std::vector<std::thread> threads;
    {
      absl::MutexLock lock(&mutex_);
      threads.swap(threads_);
    }
    for (std::thread& t : threads) t.join();
  }

 private:
  const Script script_;
  absl::Mutex mutex_;
  size_t busy_ = 0;
  std::function<void()> idle_;
  std::vector<std::thread> threads_;
};

class NoMetrics : public Metrics, public MethodMetrics {
 public:
  MethodMetrics* Method(absl::string_view, uint64_t, absl::string_view) override { return this; }
  void Refused(absl::string_view, absl::string_view) override {}
  void WorkerStarted(absl::string_view) override {}
  void WorkerEnded(absl::string_view, absl::string_view) override {}
  void Connections(absl::string_view, int64_t) override {}
  std::string Text() const override { return ""; }
  void Request(int, absl::Duration) override {}
  void Batch(uint64_t size, absl::Duration, absl::Duration) override {
    absl::MutexLock lock(&mutex);
    batches.push_back(size);
  }
  void QueueLength(int64_t) override {}
  absl::Mutex mutex;
  std::vector<uint64_t> batches;
};

Tensor FromArray(const Array& array, mirin_dtype dtype) {
  Tensor t;
  t.dtype = dtype;
  t.dims.assign(array.dims.begin(), array.dims.end());
  t.data = Buffer::Copy({reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size()});
  return t;
}

Tensor Floats(Dims dims, std::vector<float> values) {
  Tensor t;
  t.dtype = MIRIN_DTYPE_F32;
  t.dims = std::move(dims);
  t.data = Buffer::Copy({reinterpret_cast<const char*>(values.data()), values.size() * 4});
  return t;
}

std::vector<float> Values(const Tensor& t) {
  std::vector<float> out(t.data.size() / 4);
  std::memcpy(out.data(), t.data.data(), t.data.size());
  return out;
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : executor_(2) {
    const char* base = std::getenv("TEST_TMPDIR");
    directory_ =
        absl::StrCat(base, "/", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    mkdir(directory_.c_str(), 0755);
    script = Script();
  }

  // A servable directory with models as version `version`; with a servable_config.py (whose text nobody reads) if a description
  // is given.
  void Place(const std::string& name, int version, const std::vector<std::string>& models,
             const std::string& json) {
    const std::string folder = absl::StrCat(directory_, "/", name);
    mkdir(folder.c_str(), 0755);
    if (version > 0) mkdir(absl::StrCat(folder, "/", version).c_str(), 0755);
    char cwd[4096];
    ASSERT_NE(getcwd(cwd, sizeof cwd), nullptr);
    for (const std::string& model : models) {
      const std::string link = absl::StrCat(folder, "/", version, "/", model, ".mindir");
      ASSERT_EQ(symlink(absl::StrCat(cwd, "/tests/models/mindir/", model, ".mindir").c_str(),
                        link.c_str()),
                0)
          << link;
    }
    if (json.empty()) return;
    std::ofstream(folder + "/servable_config.py") << "\n";
    script.json = json;
  }

  Repository& repository(RepositoryOptions options = {}, uint64_t max_batch = 32) {
    if (repository_ == nullptr) {
      ServableContext context;
      context.executor = &executor_;
      context.metrics = &metrics_;
      context.max_batch = max_batch;
      repository_ = std::make_unique<Repository>(std::move(options), context);
    }
    return *repository_;
  }

  absl::Status Add(const std::string& name, uint64_t version = 0,
                   std::vector<int32_t> devices = {}) {
    ServableOptions options;
    options.directory = directory_;
    options.name = name;
    options.version = version;
    options.device_ids = std::move(devices);
    return repository().Add({options});
  }

  InferReply Infer(std::unique_ptr<InferRequest> request) {
    InferReply out;
    absl::Notification done;
    repository().Infer(std::move(request), [&](InferReply reply) {
      out = std::move(reply);
      done.Notify();
    });
    done.WaitForNotification();
    return out;
  }

  static std::unique_ptr<InferRequest> Request(const std::string& servable,
                                               const std::string& method,
                                               std::vector<Instance> instances) {
    auto request = std::make_unique<InferRequest>();
    request->servable = servable;
    request->method = method;
    request->instances = std::move(instances);
    return request;
  }

  std::string directory_;
  NoMetrics metrics_;
  Executor executor_;
  std::unique_ptr<Repository> repository_;
};

constexpr char kAdd[] =
    R"({"models": [{"key": "tensor_add.mindir", "files": ["tensor_add.mindir"], "with_batch_dim": BATCH,
  "without_batch_dim_inputs": [WITHOUT]}], "methods": [{"name": "add", "inputs": ["x1", "x2"], "outputs": ["y"], "results": [[1, 0]],
  "stages": [{"type": "model", "model": "tensor_add.mindir", "inputs": [[0, 0], [0, 1]], "outputs_count": 1, "tag": "Model"}],
  "options": {"max_queue_delay_us": DELAY}}]})";

std::string AddJson(bool batch, const std::string& without = "", int64_t delay = 0) {
  std::string json = kAdd;
  const auto put = [&](const std::string& name, const std::string& value) {
    json.replace(json.find(name), name.size(), value);
  };
  put("BATCH", batch ? "true" : "false");
  put("WITHOUT", without);
  put("DELAY", std::to_string(delay));
  return json;
}

TEST_F(EngineTest, ModelWithoutConfigHasOneMethod) {
  Place("sub", 3, {"tensor_sub"}, "");
  Place("sub", 12, {"tensor_sub"}, "");
  ASSERT_EQ(Add("sub"), absl::OkStatus());
  const auto info = repository().Find("sub", "");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ((*info)->version, 12u);
  EXPECT_EQ((*info)->method, "predict");
  ASSERT_EQ((*info)->inputs.size(), 2u);
  EXPECT_EQ((*info)->inputs[0].dtype, MIRIN_DTYPE_F32);
  EXPECT_FALSE((*info)->batchable);
  EXPECT_FALSE(repository().Find("sub", "3").ok());
  EXPECT_TRUE(repository().Find("sub.predict", "12").ok());

  auto request = Request("sub", "",
                         {{{(*info)->inputs[0].name, Floats({2, 2}, {5, 6, 7, 8})},
                           {(*info)->inputs[1].name, Floats({2, 2}, {1, 2, 3, 4})}}});
  request->batched = true;
  const InferReply reply = Infer(std::move(request));
  ASSERT_EQ(reply.failure.text, "");
  EXPECT_EQ(reply.version, 12u);
  ASSERT_EQ(reply.instances.size(), 1u);
  EXPECT_EQ(Values(reply.instances[0].outputs[0]), (std::vector<float>{4, 4, 4, 4}));
}

TEST_F(EngineTest, OpenBatchAxisTakesAnyNumber) {
  Place("mlp", 1, {"dyn_batch_mlp"}, "");
  ASSERT_EQ(Add("mlp"), absl::OkStatus());
  const auto info = repository().Find("mlp", "");
  ASSERT_TRUE((*info)->batchable);
  EXPECT_EQ((*info)->inputs[0].dims, (Dims{4}));
  const auto arrays = ::mirin::testing::ReadNpz("tests/models/mindir/dyn_batch_mlp.npz");
  auto request =
      Request("mlp", "predict",
              {{{(*info)->inputs[0].name, FromArray(arrays.at("in_0"), MIRIN_DTYPE_F32)}}});
  request->batched = true;
  const InferReply reply = Infer(std::move(request));
  ASSERT_EQ(reply.failure.text, "");
  const Tensor want = FromArray(arrays.at("out_0"), MIRIN_DTYPE_F32);
  const Tensor& got = reply.instances[0].outputs[0];
  EXPECT_EQ(got.dims, want.dims);
  for (size_t i = 0; i < Values(want).size(); ++i)
    EXPECT_NEAR(Values(got)[i], Values(want)[i], 1e-5);
  EXPECT_EQ(metrics_.batches, (std::vector<uint64_t>{5}));
}

TEST_F(EngineTest, FixedBatchIsPaddedAndSplit) {
  Place("add", 1, {"tensor_add"}, AddJson(true));
  ASSERT_EQ(Add("add"), absl::OkStatus());
  std::vector<Instance> instances;
  for (int i = 0; i < 5; ++i) {
    const float v = static_cast<float>(i);
    instances.push_back({{"x1", Floats({2}, {v, v + 1})}, {"x2", Floats({2}, {10, 20})}});
  }
  const InferReply reply = Infer(Request("add", "add", std::move(instances)));
  ASSERT_EQ(reply.instances.size(), 5u);
  for (int i = 0; i < 5; ++i) {
    const float v = static_cast<float>(i);
    EXPECT_EQ(reply.instances[i].outputs[0].dims, (Dims{2}));
    EXPECT_EQ(Values(reply.instances[i].outputs[0]), (std::vector<float>{v + 10, v + 21}));
  }
  EXPECT_EQ(metrics_.batches, (std::vector<uint64_t>{2, 2, 1}));
  const auto statistics = repository().Statistics(**repository().Find("add", ""));
  EXPECT_EQ(statistics->inference_count, 5u);
  EXPECT_EQ(statistics->execution_count, 3u);
  EXPECT_EQ(statistics->success.count, 1u);
}

TEST_F(EngineTest, OnlyEqualSharedInputsAreMerged) {
  // the second input is one row for the whole batch: [2, 2] has no batch axis there
  Place("add", 1, {"tensor_add"}, AddJson(true, "1"));
  ASSERT_EQ(Add("add"), absl::OkStatus());
  const Tensor shared = Floats({2, 2}, {10, 20, 30, 40}), other = Floats({2, 2}, {0, 0, 0, 0});
  std::vector<Instance> instances;
  instances.push_back({{"x1", Floats({2}, {1, 2})}, {"x2", shared}});
  instances.push_back({{"x1", Floats({2}, {3, 4})}, {"x2", other}});
  instances.push_back({{"x1", Floats({2}, {5, 6})}, {"x2", shared}});
  const InferReply reply = Infer(Request("add", "add", std::move(instances)));
  EXPECT_EQ(Values(reply.instances[0].outputs[0]), (std::vector<float>{11, 22}));
  EXPECT_EQ(Values(reply.instances[1].outputs[0]), (std::vector<float>{3, 4}));
  EXPECT_EQ(Values(reply.instances[2].outputs[0]), (std::vector<float>{35, 46}));
  EXPECT_EQ(metrics_.batches, (std::vector<uint64_t>{2, 1}));
}

TEST_F(EngineTest, WaitsForAFullerBatch) {
  // an hour: only a full batch starts
  Place("add", 1, {"tensor_add"}, AddJson(true, "", int64_t{3600} * 1000000));
  ASSERT_EQ(Add("add"), absl::OkStatus());
  absl::BlockingCounter done(2);
  for (int i = 0; i < 2; ++i) {
    repository().Infer(
        Request("add", "add", {{{"x1", Floats({2}, {1, 2})}, {"x2", Floats({2}, {3, 4})}}}),
        [&](InferReply reply) {
          EXPECT_EQ(Values(reply.instances[0].outputs[0]), (std::vector<float>{4, 6}));
          done.DecrementCount();
        });
  }
  done.Wait();
  EXPECT_EQ(metrics_.batches, (std::vector<uint64_t>{2}));
}

TEST_F(EngineTest, StartsAtTheLatestAfterTheDelay) {
  Place("add", 1, {"tensor_add"}, AddJson(true, "", 1000));
  ASSERT_EQ(Add("add"), absl::OkStatus());
  const InferReply reply =
      Infer(Request("add", "add", {{{"x1", Floats({2}, {1, 2})}, {"x2", Floats({2}, {3, 4})}}}));
  EXPECT_EQ(Values(reply.instances[0].outputs[0]), (std::vector<float>{4, 6}));
}

TEST_F(EngineTest, RefusalsSayWhy) {
  Place("add", 2, {"tensor_add"}, AddJson(false));
  ASSERT_EQ(Add("add"), absl::OkStatus());
  const Tensor good = Floats({2, 2}, {1, 2, 3, 4});
  const auto text = [&](std::unique_ptr<InferRequest> request) {
    const InferReply reply = Infer(std::move(request));
    return absl::StrCat(
        static_cast<int>(reply.failure.ok() ? reply.instances[0].failure.code : reply.failure.code),
        " ", reply.failure.ok() ? reply.instances[0].failure.text : reply.failure.text);
  };
  EXPECT_EQ(text(Request("nope", "add", {{{"x1", good}, {"x2", good}}})),
            "2 Request servable(nope) method(add) , servable is not available");
  auto old = Request("add", "add", {{{"x1", good}, {"x2", good}}});
  old->version = 9;
  EXPECT_EQ(text(std::move(old)),
            "2 Request servable(add) method(add)  version(9) , servable is not available");
  EXPECT_EQ(text(Request("add", "no", {{{"x1", good}, {"x2", good}}})),
            "2 Request servable(add) method(no) , method is not available");
  EXPECT_EQ(text(Request("add", "add", {})), "2 Instances count of request cannot be 0");
  EXPECT_EQ(text(Request("add", "add", {{{"x1", good}}})),
            "2 Cannot find input x2 in instance input , servable add, method add");
  EXPECT_EQ(
      text(Request("add", "add", {{{"x1", Floats({3, 2}, {1, 2, 3, 4, 5, 6})}, {"x2", good}}})),
      "2 Given model input 0 size 24 not match the size 16 defined in model");
  Tensor ints = good;
  ints.dtype = MIRIN_DTYPE_I32;
  EXPECT_EQ(text(Request("add", "add", {{{"x1", ints}, {"x2", good}}})),
            "2 Given model input 0 data type kMSI_Int32 not match the data type kMSI_Float32 "
            "defined in model");
  // the bytes fit: MindSpore Serving's rule, not the Open Inference Protocol's
  EXPECT_EQ(text(Request("add", "add", {{{"x1", Floats({4}, {1, 2, 3, 4})}, {"x2", good}}})), "0 ");
  auto strict = Request("add", "add", {{{"x1", Floats({4}, {1, 2, 3, 4})}, {"x2", good}}});
  strict->batched = true;
  EXPECT_EQ(text(std::move(strict)),
            "2 Given model input 0 shape [4] not match the shape [2, 2] defined in model");
  auto late = Request("add", "add", {{{"x1", good}, {"x2", good}}});
  late->deadline = absl::Now() - absl::Seconds(1);
  EXPECT_EQ(text(std::move(late)), "1 the request's deadline passed while it waited");
  auto gone = Request("add", "add", {{{"x1", good}, {"x2", good}}});
  gone->cancellation = std::make_shared<Cancellation>();
  gone->cancellation->Cancel();
  EXPECT_EQ(text(std::move(gone)), "1 the request was cancelled");
}

constexpr char kPython[] =
    R"({"models": [], "methods": [{"name": "f", "inputs": ["x"], "outputs": ["y"], "results": [[2, 0]],
  "stages": [{"type": "python", "name": "s.g", "batch_size": null, "inputs": [[0, 0]], "outputs_count": 1, "tag": "Function 's.g'"},
             {"type": "python", "name": "s.h", "batch_size": 3, "inputs": [[1, 0]], "outputs_count": 1, "tag": "Function 's.h'"}]}]})";

StageResult Good(Tensor tensor) {
  StageResult result;
  result.outputs.push_back(std::move(tensor));
  return result;
}

TEST_F(EngineTest, PythonStagesInOrder) {
  Place("s", 0, {}, kPython);
  std::atomic<size_t> largest{0};
  script.capacity = 2;
  script.run = [&](const StageCall& call) {
    std::vector<StageResult> out;
    if (call.stage == 1 && call.instances.size() > largest) largest = call.instances.size();
    for (const auto& instance : call.instances) {
      std::vector<float> v = Values(instance[0]);
      if (call.stage == 0 && v[0] < 0) {
        StageResult bad;
        bad.failure = {Code::kSystemError, absl::StatusCode::kInternal, "negative"};
        out.push_back(bad);
        continue;
      }
      v[0] = call.stage == 0 ? v[0] + 1 : v[0] * 10;
      out.push_back(Good(Floats({1}, v)));
    }
    return absl::StatusOr<std::vector<StageResult>>(std::move(out));
  };
  ASSERT_EQ(Add("s"), absl::OkStatus());
  std::vector<Instance> instances;
  for (int i = -1; i < 20; ++i) instances.push_back({{"x", Floats({1}, {static_cast<float>(i)})}});
  const InferReply reply = Infer(Request("s", "f", std::move(instances)));
  ASSERT_EQ(reply.instances.size(), 21u);
  EXPECT_EQ(reply.instances[0].failure.text, "negative");
  for (size_t i = 1; i < 21; ++i)
    EXPECT_EQ(Values(reply.instances[i].outputs[0])[0], static_cast<float>(i) * 10);
  EXPECT_LE(largest, 3u);
}

TEST_F(EngineTest, AnotherWorkerTakesWhatOneDiedWith) {
  Place("s", 0, {}, kPython);
  std::atomic<int> calls{0};
  script.capacity = 2;
  script.alive = 2;
  script.run = [&](const StageCall& call) -> absl::StatusOr<std::vector<StageResult>> {
    if (calls++ == 0) return absl::UnavailableError("killed");
    std::vector<StageResult> out;
    for (const auto& instance : call.instances) out.push_back(Good(instance[0]));
    return out;
  };
  ASSERT_EQ(Add("s"), absl::OkStatus());
  EXPECT_EQ(
      Values(Infer(Request("s", "f", {{{"x", Floats({1}, {7})}}})).instances[0].outputs[0])[0], 7);
  EXPECT_EQ(calls, 3);
}

TEST_F(EngineTest, DeadlinesPassWhileStagesRun) {
  Place("s", 0, {}, kPython);
  absl::Notification answered;
  std::atomic<int> calls{0};
  script.run = [&](const StageCall& call) -> absl::StatusOr<std::vector<StageResult>> {
    if (calls++ == 0) answered.WaitForNotification();
    std::vector<StageResult> out;
    for (const auto& instance : call.instances) out.push_back(Good(instance[0]));
    return out;
  };
  ASSERT_EQ(Add("s"), absl::OkStatus());
  auto late = Request("s", "f", {{{"x", Floats({1}, {7})}}});
  late->deadline = absl::Now() + absl::Milliseconds(50);
  const InferReply reply = Infer(std::move(late));
  EXPECT_EQ(reply.instances[0].failure.status, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(reply.instances[0].failure.text, "the request's deadline passed while its stage ran");
  answered.Notify();
  // the worker serves others
  EXPECT_EQ(
      Values(Infer(Request("s", "f", {{{"x", Floats({1}, {8})}}})).instances[0].outputs[0])[0], 8);
}

TEST_F(EngineTest, WithoutAnotherWorkerItFails) {
  Place("s", 0, {}, kPython);
  script.alive = 0;
  script.run = [&](const StageCall&) -> absl::StatusOr<std::vector<StageResult>> {
    return absl::UnavailableError("killed");
  };
  ASSERT_EQ(Add("s"), absl::OkStatus());
  const InferReply reply = Infer(Request("s", "f", {{{"x", Floats({1}, {7})}}}));
  EXPECT_EQ(reply.instances[0].failure.text,
            "Request servable(s) method(f) , servable is not available");
  EXPECT_EQ(reply.instances[0].failure.code, Code::kServableUnavailable);
}

TEST_F(EngineTest, FailedStartLeavesWhatRuns) {
  Place("add", 1, {"tensor_add"}, AddJson(false));
  ASSERT_EQ(Add("add"), absl::OkStatus());
  script.json =
      "{\"methods\": [{\"name\": \"f\", \"inputs\": [\"x\"], \"outputs\": [\"y\"], \"results\": "
      "[[3, 0]], \"stages\": []}]}";
  EXPECT_FALSE(Add("add").ok());
  const Tensor one = Floats({2, 2}, {1, 1, 1, 1});
  EXPECT_TRUE(Infer(Request("add", "add", {{{"x1", one}, {"x2", one}}})).instances[0].failure.ok());
  EXPECT_EQ(Add("../add").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Add("nothing").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Add("add", 7).code(), absl::StatusCode::kNotFound);
}

TEST_F(EngineTest, ReplacesWhileRequestsRun) {
  Place("add", 1, {"tensor_add"}, AddJson(true));
  ASSERT_EQ(Add("add"), absl::OkStatus());
  std::atomic<bool> stop{false};
  std::atomic<int> bad{0}, good{0};
  std::vector<std::thread> clients;
  for (int t = 0; t < 3; ++t) {
    clients.emplace_back([&] {
      while (!stop || good < 300) {
        const InferReply reply = Infer(
            Request("add", "add", {{{"x1", Floats({2}, {1, 2})}, {"x2", Floats({2}, {3, 4})}}}));
        const bool right = reply.failure.ok() && reply.instances[0].failure.ok() &&
                           Values(reply.instances[0].outputs[0]) == std::vector<float>{4, 6};
        ++(right ? good : bad);
      }
    });
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Add("add"), absl::OkStatus());
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bad, 0);
}

TEST_F(EngineTest, SubgraphsShareTheirStates) {
  Place("kv", 1, {"kvparam_full", "kvparam_inc"},
        R"({"models": [{"key": "kv", "files": ["kvparam_full.mindir", "kvparam_inc.mindir"],
    "with_batch_dim": false}], "methods": [
    {"name": "full", "inputs": ["ids", "n"], "outputs": ["y"], "results": [[1, 0]],
     "stages": [{"type": "model", "model": "kv", "inputs": [[0, 0], [0, 1]], "outputs_count": 1}]},
    {"name": "inc", "inputs": ["ids", "n"], "outputs": ["y"], "results": [[1, 0]],
     "stages": [{"type": "model", "model": "kv", "subgraph": 1, "inputs": [[0, 0], [0, 1]], "outputs_count": 1}]}]})");
  ASSERT_EQ(Add("kv"), absl::OkStatus());
  EXPECT_TRUE((*repository().Find("kv.full", ""))->stateful);
  const auto full = ::mirin::testing::ReadNpz("tests/models/mindir/kvparam_full.npz");
  const Tensor prompt = FromArray(full.at("in_0"), MIRIN_DTYPE_I32),
               length = FromArray(full.at("in_1"), MIRIN_DTYPE_I32);
  const int32_t next = 5;
  Tensor token;
  token.dtype = MIRIN_DTYPE_I32;
  token.dims = {1, 1};
  token.data = Buffer::Copy({reinterpret_cast<const char*>(&next), 4});
  const auto run = [&](const std::string& method, const Tensor& ids, const std::string& session) {
    auto request = Request("kv", method, {{{"ids", ids}, {"n", length}}});
    request->session = session;
    const InferReply reply = Infer(std::move(request));
    EXPECT_EQ(reply.instances[0].failure.text, "");
    return Values(reply.instances[0].outputs[0]);
  };
  Tensor other = prompt;
  std::vector<int32_t> ids(prompt.data.size() / 4);
  std::memcpy(ids.data(), prompt.data.data(), prompt.data.size());
  for (int32_t& id : ids) ++id;
  other.data = Buffer::Copy({reinterpret_cast<const char*>(ids.data()), prompt.data.size()});
  const auto distance = [](const std::vector<float>& a, const std::vector<float>& b) {
    float most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
  };
  const std::vector<float> first = run("full", prompt, "a");
  run("full", other, "b");
  const std::vector<float> of_a = run("inc", token, "a"), of_b = run("inc", token, "b");
  EXPECT_GT(distance(of_a, of_b), 1e-2f);
  EXPECT_EQ(run("full", prompt, "c"), first);
  EXPECT_EQ(run("inc", token, "c"), of_a);
}

TEST_F(EngineTest, LimitsRequestsInProgress) {
  Place("s", 0, {}, kPython);
  absl::Notification go, began;
  script.run = [&](const StageCall& call) -> absl::StatusOr<std::vector<StageResult>> {
    if (!began.HasBeenNotified()) began.Notify();
    go.WaitForNotification();
    std::vector<StageResult> out;
    for (const auto& instance : call.instances) out.push_back(Good(instance[0]));
    return out;
  };
  RepositoryOptions options;
  options.max_queue = 1;
  repository(options);
  ASSERT_EQ(Add("s"), absl::OkStatus());
  absl::Notification answered;
  repository().Infer(Request("s", "f", {{{"x", Floats({1}, {7})}}}),
                     [&](InferReply) { answered.Notify(); });
  began.WaitForNotification();
  EXPECT_EQ(Infer(Request("s", "f", {{{"x", Floats({1}, {7})}}})).failure.text,
            "Serving Error: enqueued requests count exceeds the limit 1");
  go.Notify();
  answered.WaitForNotification();
}

TEST_F(EngineTest, ControlsTheRepository) {
  Place("add", 1, {"tensor_add"}, "");
  RepositoryOptions options;
  options.directory = directory_;
  options.allow_control = true;
  repository(options);
  EXPECT_EQ(repository().Load("nothing", {}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(repository().Load("../x", {}).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(repository().Load("add", {}), absl::OkStatus());
  EXPECT_EQ(repository().Versions("add"), (std::vector<uint64_t>{1}));
  Place("add", 2, {"tensor_add"}, "");
  ASSERT_EQ(
      repository().Load(
          "add", {{"config", "{\"version_policy\": {\"specific\": {\"versions\": [1, 2]}}}"}}),
      absl::OkStatus());
  EXPECT_EQ(repository().Versions("add"), (std::vector<uint64_t>{1, 2}));
  ASSERT_EQ(repository().Load("add", {}), absl::OkStatus());
  EXPECT_EQ(repository().Versions("add"), (std::vector<uint64_t>{2}));
  ASSERT_EQ(repository().Unload("add"), absl::OkStatus());
  EXPECT_EQ(repository().Versions("add"), (std::vector<uint64_t>{}));
  EXPECT_EQ(repository().List()[0].state, "UNAVAILABLE");
  EXPECT_EQ(repository().Unload("add").code(), absl::StatusCode::kNotFound);
}

TEST(DescriptionTest, SaysWhatIsWrong) {
  const auto text = [](const char* json) {
    return std::string(ParseDescription(json).status().message());
  };
  EXPECT_NE(text("{"), "");
  EXPECT_NE(text("[]"), "");
  EXPECT_NE(text("{\"methods\": 3}"), "");
  EXPECT_NE(text("{\"methods\": [{\"name\": \"f\", \"inputs\": [\"x\"], \"outputs\": [\"y\"], "
                 "\"results\": [[0, 1]], \"stages\": []}]}"),
            "");
  EXPECT_NE(text("{\"methods\": [{\"name\": \"f\", \"inputs\": [\"x\"], \"outputs\": [], "
                 "\"results\": [[0, 0]], \"stages\": []}]}"),
            "");
  EXPECT_NE(text("{\"methods\": [{\"name\": \"f\", \"stages\": [{\"type\": \"model\", \"model\": "
                 "\"m\"}]}]}"),
            "");
  EXPECT_EQ(text("{\"methods\": [{\"name\": \"f\", \"inputs\": [\"x\"], \"outputs\": [\"x\"], "
                 "\"results\": [[0, 0]], \"stages\": []}]}"),
            "");
}

}  // namespace

absl::StatusOr<Description> StartWorkers(WorkerPoolOptions, Metrics*) {
  return Description{script.json, std::make_shared<FakeRunner>(script)};
}

}  // namespace mirin::serving
