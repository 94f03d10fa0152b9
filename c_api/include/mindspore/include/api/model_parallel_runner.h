// Source compatibility with MindSpore Lite's C++ API: one model for many threads. Workers share the
// model's weights; requests that find all of them busy wait in a queue of at most 1000.
#ifndef MINDSPORE_INCLUDE_API_MODEL_PARALLEL_RUNNER_H
#define MINDSPORE_INCLUDE_API_MODEL_PARALLEL_RUNNER_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "include/api/context.h"
#include "include/api/run_tensors.h"
#include "include/api/serialization.h"
#include "include/api/types.h"

namespace mindspore {

class RunnerConfig {
 public:
  // 0, the default: the CPUs of the process divided by the threads of a worker.
  void SetWorkersNum(int32_t number) { workers_ = number; }
  int32_t GetWorkersNum() const { return workers_; }
  // Of every worker; thread number 0: the CPUs divided by the workers.
  void SetContext(const std::shared_ptr<Context>& context) { context_ = context; }
  std::shared_ptr<Context> GetContext() const { return context_; }
  // Settings by name; a section that is set again is replaced. An unknown one is an error of Init.
  void SetConfigInfo(const std::string& section, const std::map<std::string, std::string>& config) {
    info_[section] = config;
  }
  std::map<std::string, std::map<std::string, std::string>> GetConfigInfo() const { return info_; }
  // A file of them, taken before those of SetConfigInfo.
  void SetConfigPath(const std::string& path) { path_ = path; }
  std::string GetConfigPath() const { return path_; }
  // Without effect on a CPU.
  void SetDeviceIds(const std::vector<uint32_t>& ids) { device_ids_ = ids; }
  std::vector<uint32_t> GetDeviceIds() const { return device_ids_; }

 private:
  int32_t workers_ = 0;
  std::shared_ptr<Context> context_;
  std::map<std::string, std::map<std::string, std::string>> info_;
  std::string path_;
  std::vector<uint32_t> device_ids_;
};

class ModelParallelRunner {
 public:
  ModelParallelRunner() = default;
  ModelParallelRunner(const ModelParallelRunner&) = delete;
  ModelParallelRunner& operator=(const ModelParallelRunner&) = delete;

  // A second Init changes nothing and succeeds. Not while another thread uses the runner.
  Status Init(const std::string& path, const std::shared_ptr<RunnerConfig>& config = nullptr,
              const Key& key = {}, const std::string& mode = kDecModeAesGcm) {
    return Start(&path, nullptr, 0, config, key, mode);
  }
  // Copies the bytes.
  Status Init(const void* data, size_t size, const std::shared_ptr<RunnerConfig>& config = nullptr,
              const Key& key = {}, const std::string& mode = kDecModeAesGcm) {
    return Start(nullptr, data, size, config, key, mode);
  }

  // New tensors with each call: one set for each request.
  std::vector<MSTensor> GetInputs() {
    return model_ == nullptr ? std::vector<MSTensor>() : internal::DeclaredInputs(model_.get());
  }
  std::vector<MSTensor> GetOutputs() {
    return model_ == nullptr ? std::vector<MSTensor>() : internal::DeclaredOutputs(model_.get());
  }

  // From any number of threads at once; every request may have shapes of its own. outputs: as
  // Model::Predict. kLiteServiceDeny: the queue is full.
  Status Predict(const std::vector<MSTensor>& inputs, std::vector<MSTensor>* outputs,
                 const MSKernelCallBack& before = nullptr,
                 const MSKernelCallBack& after = nullptr) {
    if (pool_ == nullptr) return Status(kLiteUninitializedObj, "the runner was not initialised");
    if (outputs == nullptr) return Status(kLiteNullptr, "outputs is null");
    if (before != nullptr || after != nullptr) return internal::NoCallbacks();
    internal::Wrapped wrapped;
    const Status status = internal::WrapAll(inputs, &wrapped);
    if (status.IsError()) return status;
    if (internal::AreGiven(*outputs, mirin_model_output_count(model_.get()))) {
      return RunInto(wrapped, outputs);
    }
    return RunAndTake(wrapped, outputs);
  }

 private:
  static Status Denied(const Status& status) {
    if (status.MirinCode() != MIRIN_RESOURCE_EXHAUSTED) return status;
    return Status(MIRIN_RESOURCE_EXHAUSTED, kLiteServiceDeny, status.ToString());
  }

  static Status Configure(const RunnerConfig& from, internal::Config* to) {
    Status status;
    if (!from.GetConfigPath().empty()) status = to->LoadFile(from.GetConfigPath());
    for (const auto& section : from.GetConfigInfo()) {
      for (const auto& setting : section.second) {
        if (status.IsOk()) status = to->Set(section.first, setting.first, setting.second);
      }
    }
    return status;
  }

  Status Start(const std::string* path, const void* data, size_t size,
               const std::shared_ptr<RunnerConfig>& given, const Key& key,
               const std::string& mode) {
    if (pool_ != nullptr) return Status();
    const RunnerConfig defaults;
    const RunnerConfig& from = given == nullptr ? defaults : *given;
    internal::Config config;
    internal::SessionOptions session;
    Status status = Configure(from, &config);
    if (status.IsOk()) status = session.Take(from.GetContext().get());
    if (status.IsError()) return status;
    std::shared_ptr<mirin_model> model;
    status = internal::LoadModel(path, data, size, kMindIR, key, mode, config.get(), &model);
    if (status.IsError()) return status;
    mirin_pool_options options = MIRIN_POOL_OPTIONS_INIT;
    options.workers = from.GetWorkersNum();
    options.session = &session.options;
    options.config = config.get();
    mirin_pool* pool = nullptr;
    status =
        internal::NoDevice(internal::FromMirin(mirin_pool_create(model.get(), &options, &pool)));
    if (status.IsError()) return status;
    pool_ = std::shared_ptr<mirin_pool>(pool, mirin_pool_destroy);
    model_ = std::move(model);
    return status;
  }

  Status RunAndTake(const internal::Wrapped& inputs, std::vector<MSTensor>* outputs) {
    std::vector<mirin_tensor*> results(mirin_model_output_count(model_.get()));
    const Status status = Denied(internal::FromMirin(mirin_pool_run(
        pool_.get(), inputs.const_data(), inputs.size(), nullptr, results.data(), results.size())));
    if (status.IsError()) return status;
    outputs->clear();
    for (size_t i = 0; i < results.size(); ++i) {
      MSTensor result;
      result.SetTensorName(mirin_model_output_name(model_.get(), i));
      internal::TakeResult(std::shared_ptr<mirin_tensor>(results[i], mirin_tensor_destroy),
                           &result);
      outputs->push_back(std::move(result));
    }
    return status;
  }

  Status RunInto(const internal::Wrapped& inputs, std::vector<MSTensor>* outputs) {
    internal::Wrapped into;
    Status status = internal::WrapAll(*outputs, &into);
    if (status.IsError()) return status;
    status = Denied(internal::FromMirin(mirin_pool_run_into(
        pool_.get(), inputs.const_data(), inputs.size(), nullptr, into.data(), into.size())));
    if (status.IsOk()) internal::TakeShapes(into, outputs);
    return status;
  }

  std::shared_ptr<mirin_model> model_;
  std::shared_ptr<mirin_pool> pool_;
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_MODEL_PARALLEL_RUNNER_H
