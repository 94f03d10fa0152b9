// Source compatibility with MindSpore Lite's C++ API: models. Build once, then one thread at a time predicts; many threads share
// a ModelParallelRunner instead.
#ifndef MINDSPORE_INCLUDE_API_MODEL_H
#define MINDSPORE_INCLUDE_API_MODEL_H

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "include/api/context.h"
#include "include/api/serialization.h"
#include "include/api/types.h"

namespace mindspore {

class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Copies the bytes.
  Status Build(const void* data, size_t size, ModelType type, const std::shared_ptr<Context>& context = nullptr) {
    return Load(nullptr, data, size, type, {}, "", context);
  }
  Status Build(const std::string& path, ModelType type, const std::shared_ptr<Context>& context = nullptr) {
    return Load(&path, nullptr, 0, type, {}, "", context);
  }
  // crypto_lib_path is not needed: the ciphers are built in.
  Status Build(const void* data, size_t size, ModelType type, const std::shared_ptr<Context>& context, const Key& key, const std::string& mode,
               const std::string& /*crypto_lib_path*/ = "") {
    return Load(nullptr, data, size, type, key, mode, context);
  }
  Status Build(const std::string& path, ModelType type, const std::shared_ptr<Context>& context, const Key& key, const std::string& mode,
               const std::string& /*crypto_lib_path*/ = "") {
    return Load(&path, nullptr, 0, type, key, mode, context);
  }
  Status Build(const GraphCell& cell, const std::shared_ptr<Context>& context = nullptr) {
    if (session_ != nullptr) return Rebuilt();
    if (cell.graph() == nullptr) return Status(kLiteNullptr, "the graph was not loaded");
    return Open(cell.graph().model(), context);
  }

  Status Resize(const std::vector<MSTensor>& inputs, const std::vector<std::vector<int64_t>>& dims) {
    if (session_ == nullptr) return NotBuilt();
    if (inputs.size() != dims.size()) return Status(kLiteInputParamInvalid, "one shape per input is needed");
    std::vector<const int64_t*> pointers;
    std::vector<size_t> ranks;
    for (const auto& d : dims) {
      pointers.push_back(d.data());
      ranks.push_back(d.size());
    }
    const Status status = internal::FromMirin(mirin_session_resize(session_.get(), pointers.data(), ranks.data(), dims.size()));
    if (status.IsError()) return status;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (inputs[i] == nullptr) continue;
      MSTensor alias = inputs[i];
      alias.SetShape(dims[i]);
    }
    return status;
  }

  // When `outputs` holds as many tensors as the model has outputs, each with data, results are written there; otherwise it is
  // filled with tensors of their own. Callbacks per operator are not supported: pass none.
  Status Predict(const std::vector<MSTensor>& inputs, std::vector<MSTensor>* outputs, const MSKernelCallBack& before = nullptr,
                 const MSKernelCallBack& after = nullptr) {
    if (session_ == nullptr) return NotBuilt();
    if (outputs == nullptr) return Status(kLiteNullptr, "outputs is null");
    if (before != nullptr || after != nullptr) return Status(kLiteNotSupport, "callbacks per operator are not supported; use a profile");
    if (inputs.size() != inputs_.size()) {
      return Status(MIRIN_INVALID_ARGUMENT, kLiteError, "the model takes " + std::to_string(inputs_.size()) + " inputs, got " + std::to_string(inputs.size()));
    }
    internal::Wrapped wrapped;
    for (const MSTensor& input : inputs) {
      const Status status = wrapped.Add(input);
      if (status.IsError()) return status;
    }
    bool given = outputs->size() == outputs_.size() && !outputs->empty();
    for (const MSTensor& output : *outputs) given = given && output != nullptr && output.impl()->data != nullptr;
    return given ? RunInto(wrapped, outputs) : RunAndTake(wrapped, outputs);
  }
  // With the model's own inputs and outputs (GetInputs, GetOutputs).
  Status Predict(const MSKernelCallBack& before = nullptr, const MSKernelCallBack& after = nullptr) {
    std::vector<MSTensor> none;
    return Predict(inputs_, &none, before, after);
  }

  std::vector<MSTensor> GetInputs() { return inputs_; }
  std::vector<MSTensor> GetOutputs() { return outputs_; }
  // A tensor equal to nullptr when there is none of that name.
  MSTensor GetInputByTensorName(const std::string& name) { return Find(inputs_, name); }
  MSTensor GetOutputByTensorName(const std::string& name) { return Find(outputs_, name); }
  std::vector<std::string> GetOutputTensorNames() {
    std::vector<std::string> names;
    for (const MSTensor& t : outputs_) names.push_back(t.Name());
    return names;
  }
  std::vector<MSTensor> GetOutputsByNodeName(const std::string& name) {
    const MSTensor found = Find(outputs_, name);
    return found == nullptr ? std::vector<MSTensor>() : std::vector<MSTensor>{found};
  }

  bool HasPreprocess() { return model_ != nullptr && *mirin_model_metadata(model_.get(), "preprocessor") != '\0'; }
  Status Preprocess(const std::vector<std::vector<MSTensor>>& /*inputs*/, std::vector<MSTensor>* /*outputs*/) { return Unsupported("Preprocess"); }
  Status PredictWithPreprocess(const std::vector<std::vector<MSTensor>>& /*inputs*/, std::vector<MSTensor>* /*outputs*/) {
    return Unsupported("PredictWithPreprocess");
  }
  Status LoadConfig(const std::string& /*path*/) { return Unsupported("LoadConfig"); }
  Status UpdateConfig(const std::string& /*section*/, const std::pair<std::string, std::string>& /*config*/) { return Unsupported("UpdateConfig"); }
  Status UpdateWeights(const std::vector<MSTensor>& /*weights*/) { return Unsupported("UpdateWeights"); }
  Status RunStep(const MSKernelCallBack& /*before*/ = nullptr, const MSKernelCallBack& /*after*/ = nullptr) { return Unsupported("RunStep"); }
  Status SetTrainMode(bool train) { return train ? Unsupported("SetTrainMode") : Status(); }
  bool GetTrainMode() const { return false; }
  Status SetLearningRate(float /*rate*/) { return Unsupported("SetLearningRate"); }
  float GetLearningRate() { return 0; }

  static bool CheckModelSupport(enum DeviceType device, ModelType type) { return (device == kCPU || device == kAllDevice) && (type == kMindIR || type == kMindIR_Lite); }

 private:
  static Status NotBuilt() { return Status(kLiteUninitializedObj, "the model was not built"); }
  static Status Rebuilt() { return Status(kLiteModelRebuild, "the model was built before"); }
  static Status Unsupported(const std::string& what) { return Status(kLiteNotSupport, what + " is not supported by this inference runtime"); }
  static MSTensor Find(const std::vector<MSTensor>& tensors, const std::string& name) {
    for (const MSTensor& t : tensors) {
      if (t.Name() == name) return t;
    }
    return MSTensor(nullptr);
  }

  Status Load(const std::string* path, const void* data, size_t size, ModelType type, const Key& key, const std::string& mode,
              const std::shared_ptr<Context>& context) {
    if (session_ != nullptr) return Rebuilt();
    std::shared_ptr<mirin_model> model;
    const Status status = internal::LoadModel(path, data, size, type, key, mode, &model);
    return status.IsError() ? status : Open(std::move(model), context);
  }

  Status Open(std::shared_ptr<mirin_model> model, const std::shared_ptr<Context>& context) {
    const internal::SessionOptions options(context.get());
    mirin_session* session = nullptr;
    Status status = internal::FromMirin(mirin_session_create(model.get(), &options.options, &session));
    if (status == kLiteFileError) status = Status(kLiteNotSupport, status.ToString());  // no such device
    if (status.IsError()) return status;
    session_ = std::shared_ptr<mirin_session>(session, mirin_session_destroy);
    model_ = std::move(model);
    inputs_ = internal::DeclaredInputs(model_.get());
    outputs_ = internal::DeclaredOutputs(model_.get());
    return status;
  }

  Status RunAndTake(const internal::Wrapped& inputs, std::vector<MSTensor>* outputs) {
    std::vector<const mirin_tensor*> results(outputs_.size());
    const Status status = internal::FromMirin(mirin_session_run(session_.get(), inputs.const_data(), inputs.size(), results.data(), results.size()));
    if (status.IsError()) return status;
    outputs->clear();
    for (size_t i = 0; i < results.size(); ++i) {
      MSTensor result;
      result.SetTensorName(outputs_[i].Name());
      internal::TakeResult(results[i], &result);
      internal::TakeResult(results[i], &outputs_[i]);
      outputs->push_back(result);
    }
    return status;
  }

  Status RunInto(const internal::Wrapped& inputs, std::vector<MSTensor>* outputs) {
    internal::Wrapped into;
    for (const MSTensor& output : *outputs) {
      const Status status = into.Add(output);
      if (status.IsError()) return status;
    }
    const Status status = internal::FromMirin(mirin_session_run_into(session_.get(), inputs.const_data(), inputs.size(), into.data(), into.size()));
    if (status.IsError()) return status;
    for (size_t i = 0; i < outputs->size(); ++i) {
      const mirin_tensor* t = into.data()[i];
      (*outputs)[i].impl()->shape.assign(mirin_tensor_dims(t), mirin_tensor_dims(t) + mirin_tensor_rank(t));
    }
    return status;
  }

  std::shared_ptr<mirin_model> model_;
  std::shared_ptr<mirin_session> session_;
  std::vector<MSTensor> inputs_, outputs_;
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_MODEL_H
