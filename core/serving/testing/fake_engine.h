// An engine for tests of protocols: answers at once, or when the test says so, and keeps what it was asked.
#ifndef CORE_SERVING_TESTING_FAKE_ENGINE_H_
#define CORE_SERVING_TESTING_FAKE_ENGINE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/engine.h"

namespace mirin::serving {

// One servable, "add", versions 1 and 2, with the methods
//   echo  answers the inputs, one output for each, under their names
//   hold  as echo, once Release is called; until then a cancelled request fails with Cancelled
//   fail  every instance fails as `failure` says; those whose first input is a BOOL do not
// Unless `override` is set: it answers everything then.
class FakeEngine : public Engine {
 public:
  using Handler = std::function<void(std::unique_ptr<InferRequest>, InferCallback)>;

  FakeEngine() {
    for (uint64_t version : {1, 2}) {
      for (const char* method : {"echo", "hold", "fail"}) {
        MethodInfo info;
        info.servable = "add";
        info.method = method;
        info.version = version;
        info.platform = "mirin";
        info.inputs = {{"x", MIRIN_DTYPE_F32, true, {2, 2}}};
        info.outputs = {{"x", MIRIN_DTYPE_F32, true, {2, 2}}};
        info.batchable = info.method == "echo";
        info.max_batch_size = info.batchable ? 8 : 0;
        info.max_queue_delay_us = 100;
        methods_.push_back(std::make_shared<const MethodInfo>(info));
      }
    }
  }

  void Infer(std::unique_ptr<InferRequest> request, InferCallback done) override {
    Handler handler;
    {
      absl::MutexLock lock(&mutex_);
      ++requests_;
      handler = override_;
    }
    if (handler) return handler(std::move(request), std::move(done));
    const std::string version = request->version == 0 ? "" : absl::StrCat(request->version);
    const auto method =
        Find(request->method.empty() ? request->servable
                                     : absl::StrCat(request->servable, ".", request->method),
             version);
    if (!method.ok()) {
      InferReply reply;
      const bool servable = request->servable == "add" && request->version <= 2;
      std::string text =
          absl::StrCat("Request servable(", request->servable, ") method(", request->method, ")");
      if (request->version != 0) absl::StrAppend(&text, "  version(", request->version, ")");
      reply.failure = {Code::kInvalidInputs, absl::StatusCode::kNotFound,
                       absl::StrCat(text, servable ? " , method is not available"
                                                   : " , servable is not available")};
      return done(std::move(reply));
    }
    if ((*method)->method == "hold") {
      Hold(std::move(request), (*method)->version, std::move(done));
    } else {
      done(Answer(*request, (*method)->version, (*method)->method == "fail"));
    }
  }

  bool Live() const override { return true; }
  bool Ready() const override {
    absl::MutexLock lock(&mutex_);
    return ready_;
  }

  absl::StatusOr<std::shared_ptr<const MethodInfo>> Find(absl::string_view model,
                                                         absl::string_view version) const override {
    std::shared_ptr<const MethodInfo> found;
    for (const auto& method : methods_) {
      if (model != "add" && model != absl::StrCat("add.", method->method)) continue;
      if (version.empty() ? method->version == 2 : version == absl::StrCat(method->version))
        return method;
    }
    return absl::NotFoundError(absl::StrCat("Request for unknown model: '", model, "' version '",
                                            version, "' is not found"));
  }
  absl::StatusOr<MethodStatistics> Statistics(const MethodInfo&) const override {
    MethodStatistics statistics;
    statistics.inference_count = 7;
    statistics.execution_count = 5;
    statistics.success = {5, 1000};
    statistics.batches = {{4, {1, 2}, {3, 4}, {5, 6}}};
    return statistics;
  }
  std::vector<uint64_t> Versions(absl::string_view servable) const override {
    return servable == "add" ? std::vector<uint64_t>{1, 2} : std::vector<uint64_t>();
  }
  std::vector<ServableState> List() const override {
    return {{"add", 1, "READY", "", {"echo", "hold", "fail"}, 0, 0},
            {"add", 2, "READY", "", {"echo", "hold", "fail"}, 0, 0},
            {"gone", 1, "UNAVAILABLE", "unloaded", {}, 0, 0}};
  }
  std::vector<std::shared_ptr<const MethodInfo>> Methods() const override { return methods_; }
  absl::Status Load(absl::string_view servable,
                    const std::map<std::string, std::string>& parameters) override {
    absl::MutexLock lock(&mutex_);
    if (servable != "add") return absl::NotFoundError(absl::StrCat("no servable '", servable, "'"));
    loads_.push_back(parameters);
    return absl::OkStatus();
  }
  absl::Status Unload(absl::string_view servable) override {
    if (servable == "add") return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("no servable '", servable, "'"));
  }

  void set_override(Handler handler) {
    absl::MutexLock lock(&mutex_);
    override_ = std::move(handler);
  }
  void set_ready(bool ready) {
    absl::MutexLock lock(&mutex_);
    ready_ = ready;
  }
  // What a failed instance says.
  Failure failure = {Code::kSystemError, absl::StatusCode::kInternal, "it failed"};

  int requests() const {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }
  std::vector<std::map<std::string, std::string>> loads() const {
    absl::MutexLock lock(&mutex_);
    return loads_;
  }
  // Blocks until n requests of "hold" wait.
  void AwaitHeld(size_t n) const {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return held_.size() >= n; };
    mutex_.Await(absl::Condition(&enough));
  }
  // Answers the requests of "hold" that wait, the newest first.
  void Release() {
    std::vector<std::shared_ptr<Held>> held;
    {
      absl::MutexLock lock(&mutex_);
      held.swap(held_);
    }
    for (auto it = held.rbegin(); it != held.rend(); ++it) {
      if ((*it)->request->cancellation != nullptr) (*it)->request->cancellation->ClearHook();
      (*it)->Finish(Answer(*(*it)->request, (*it)->version, false));
    }
  }
  // Requests of "hold" that were cancelled.
  int cancelled() const {
    absl::MutexLock lock(&mutex_);
    return cancelled_;
  }
  void AwaitCancelled(int n) const {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return cancelled_ >= n; };
    mutex_.Await(absl::Condition(&enough));
  }

 private:
  struct Held {
    std::unique_ptr<InferRequest> request;
    uint64_t version;
    InferCallback done;
    absl::Mutex mutex;
    void Finish(InferReply reply) {
      InferCallback call;
      {
        absl::MutexLock lock(&mutex);
        call = std::exchange(done, nullptr);
      }
      if (call) call(std::move(reply));
    }
  };

  void Hold(std::unique_ptr<InferRequest> request, uint64_t version, InferCallback done) {
    auto held = std::make_shared<Held>();
    held->request = std::move(request);
    held->version = version;
    held->done = std::move(done);
    {
      absl::MutexLock lock(&mutex_);
      held_.push_back(held);
    }
    if (held->request->cancellation == nullptr) return;
    held->request->cancellation->SetHook([this, weak = std::weak_ptr<Held>(held)] {
      InferReply reply;
      reply.failure = {Code::kFailed, absl::StatusCode::kCancelled, "cancelled"};
      {
        absl::MutexLock lock(&mutex_);
        ++cancelled_;
      }
      if (auto held = weak.lock()) held->Finish(std::move(reply));
    });
  }

  InferReply Answer(const InferRequest& request, uint64_t version, bool fail) const {
    InferReply reply;
    reply.version = version;
    for (const NamedTensor& input : request.instances.at(0)) {
      if (request.outputs.empty()) reply.names.push_back(input.name);
    }
    if (!request.outputs.empty()) reply.names = request.outputs;
    for (const Instance& instance : request.instances) {
      reply.instances.emplace_back();
      if (fail && (instance.empty() || instance[0].value.dtype != MIRIN_DTYPE_BOOL)) {
        reply.instances.back().failure = failure;
        continue;
      }
      for (const std::string& name : reply.names) {
        reply.instances.back().outputs.emplace_back();
        for (const NamedTensor& input : instance) {
          if (input.name == name) reply.instances.back().outputs.back() = input.value;
        }
      }
    }
    return reply;
  }

  mutable absl::Mutex mutex_;
  std::vector<std::shared_ptr<const MethodInfo>> methods_;
  Handler override_ ABSL_GUARDED_BY(mutex_);
  bool ready_ ABSL_GUARDED_BY(mutex_) = true;
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;
  int cancelled_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::map<std::string, std::string>> loads_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Held>> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_TESTING_FAKE_ENGINE_H_
