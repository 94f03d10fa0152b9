// Source compatibility with MindSpore Lite's C++ API: one model for many threads. Workers share the model's weights.
#ifndef MINDSPORE_INCLUDE_API_MODEL_PARALLEL_RUNNER_H
#define MINDSPORE_INCLUDE_API_MODEL_PARALLEL_RUNNER_H

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "include/api/context.h"
#include "include/api/serialization.h"
#include "include/api/types.h"

namespace mindspore {

class RunnerConfig {
 public:
  // 0, the default: one worker per CPU.
  void SetWorkersNum(int32_t number) { workers_ = number; }
  int32_t GetWorkersNum() const { return workers_; }
  void SetContext(const std::shared_ptr<Context>& context) { context_ = context; }
  std::shared_ptr<Context> GetContext() const { return context_; }
  void SetConfigInfo(const std::string& section, const std::map<std::string, std::string>& config) { info_[section] = config; }
  std::map<std::string, std::map<std::string, std::string>> GetConfigInfo() const { return info_; }
  void SetConfigPath(const std::string& path) { path_ = path; }
  std::string GetConfigPath() const { return path_; }

 private:
  int32_t workers_ = 0;
  std::shared_ptr<Context> context_;
  std::map<std::string, std::map<std::string, std::string>> info_;
  std::string path_;
};

class ModelParallelRunner {
 public:
  ModelParallelRunner() = default;
  ModelParallelRunner(const ModelParallelRunner&) = delete;
  ModelParallelRunner& operator=(const ModelParallelRunner&) = delete;

  Status Init(const std::string& path, const std::shared_ptr<RunnerConfig>& config = nullptr) { return Start(&path, nullptr, 0, config); }
  Status Init(const void* data, size_t size, const std::shared_ptr<RunnerConfig>& config = nullptr) { return Start(nullptr, data, size, config); }

  std::vector<MSTensor> GetInputs() { return model_ == nullptr ? std::vector<MSTensor>() : internal::DeclaredInputs(model_.get()); }
  std::vector<MSTensor> GetOutputs() { return model_ == nullptr ? std::vector<MSTensor>() : internal::DeclaredOutputs(model_.get()); }

  // From any number of threads at once; waits while all workers are busy. outputs: filled with tensors of their own.
  Status Predict(const std::vector<MSTensor>& inputs, std::vector<MSTensor>* outputs, const MSKernelCallBack& before = nullptr,
                 const MSKernelCallBack& after = nullptr) {
    if (model_ == nullptr) return Status(kLiteUninitializedObj, "the runner was not initialised");
    if (outputs == nullptr) return Status(kLiteNullptr, "outputs is null");
    if (before != nullptr || after != nullptr) return Status(kLiteNotSupport, "callbacks per operator are not supported; use a profile");
    internal::Wrapped wrapped;
    for (const MSTensor& input : inputs) {
      const Status status = wrapped.Add(input);
      if (status.IsError()) return status;
    }
    const Worker worker(this);
    std::vector<mirin_tensor*> results(mirin_model_output_count(model_.get()));
    const Status status = internal::FromMirin(
        mirin_model_run(model_.get(), &options_->options, wrapped.const_data(), wrapped.size(), results.data(), results.size()));
    if (status.IsError()) return status;
    outputs->clear();
    for (size_t i = 0; i < results.size(); ++i) {
      MSTensor result;
      result.SetTensorName(mirin_model_output_name(model_.get(), i));
      internal::TakeResult(results[i], &result);
      outputs->push_back(result);
      mirin_tensor_destroy(results[i]);
    }
    return status;
  }

 private:
  // One of the workers, for the time of a run.
  class Worker {
   public:
    explicit Worker(ModelParallelRunner* runner) : runner_(runner) {
      std::unique_lock<std::mutex> lock(runner_->mutex_);
      runner_->freed_.wait(lock, [this] { return runner_->idle_ > 0; });
      --runner_->idle_;
    }
    ~Worker() {
      {
        const std::lock_guard<std::mutex> lock(runner_->mutex_);
        ++runner_->idle_;
      }
      runner_->freed_.notify_one();
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

   private:
    ModelParallelRunner* runner_;
  };

  Status Start(const std::string* path, const void* data, size_t size, const std::shared_ptr<RunnerConfig>& config) {
    if (model_ != nullptr) return Status();  // as the original: a second Init changes nothing
    const int32_t workers = config == nullptr ? 0 : config->GetWorkersNum();
    if (workers < 0) return Status(kLiteParamInvalid, "the number of workers is negative");
    if (config != nullptr && (!config->GetConfigPath().empty() || !config->GetConfigInfo().empty())) {
      return Status(kLiteNotSupport, "configuration files and sections are not supported by this runtime");
    }
    const std::shared_ptr<Context> context = config == nullptr ? nullptr : config->GetContext();
    options_ = std::make_unique<internal::SessionOptions>(context.get());
    std::shared_ptr<mirin_model> model;
    const Status status = internal::LoadModel(path, data, size, kMindIR, {}, "", &model);
    if (status.IsError()) return status;
    mirin_session* probe = nullptr;  // says now what every run would say: an unknown device
    Status opened = internal::FromMirin(mirin_session_create(model.get(), &options_->options, &probe));
    if (opened == kLiteFileError) opened = Status(kLiteNotSupport, opened.ToString());
    mirin_session_destroy(probe);
    if (opened.IsError()) return opened;
    const unsigned cpus = std::thread::hardware_concurrency();
    idle_ = workers > 0 ? workers : static_cast<int32_t>(cpus == 0 ? 1 : cpus);
    model_ = std::move(model);
    return Status();
  }

  std::shared_ptr<mirin_model> model_;
  std::unique_ptr<internal::SessionOptions> options_;
  std::mutex mutex_;
  std::condition_variable freed_;
  int32_t idle_ = 0;
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_MODEL_PARALLEL_RUNNER_H
