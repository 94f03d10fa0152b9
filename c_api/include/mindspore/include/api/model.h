// Source compatibility with MindSpore Lite's C++ API: models. Build once; then any number of
// threads may predict with tensors of their own. Resize, the model's own tensors (GetInputs,
// GetOutputs) and what is called before Build are for one thread at a time.
#ifndef MINDSPORE_INCLUDE_API_MODEL_H
#define MINDSPORE_INCLUDE_API_MODEL_H

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "include/api/cell.h"
#include "include/api/cfg.h"
#include "include/api/context.h"
#include "include/api/reshape.h"
#include "include/api/run_tensors.h"
#include "include/api/serialization.h"
#include "include/api/types.h"

namespace mindspore {

class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Copies the bytes.
  Status Build(const void* data, size_t size, ModelType type,
               const std::shared_ptr<Context>& context = nullptr) {
    return Load(nullptr, data, size, type, {}, "", context);
  }
  Status Build(const std::string& path, ModelType type,
               const std::shared_ptr<Context>& context = nullptr) {
    return Load(&path, nullptr, 0, type, {}, "", context);
  }
  // mode: AES-GCM, AES-CBC, SM4-CBC; "" is what the file says. crypto_lib_path is not needed: the
  // ciphers are built in.
  Status Build(const void* data, size_t size, ModelType type,
               const std::shared_ptr<Context>& context, const Key& key,
               const std::string& mode = kDecModeAesGcm,
               const std::string& /*crypto_lib_path*/ = "") {
    return Load(nullptr, data, size, type, key, mode, context);
  }
  Status Build(const std::string& path, ModelType type, const std::shared_ptr<Context>& context,
               const Key& key, const std::string& mode = kDecModeAesGcm,
               const std::string& /*crypto_lib_path*/ = "") {
    return Load(&path, nullptr, 0, type, key, mode, context);
  }
  Status Build(const GraphCell& cell, const std::shared_ptr<Context>& context = nullptr,
               const std::shared_ptr<TrainCfg>& train = nullptr) {
    if (file_ != nullptr) return Rebuilt();
    if (train != nullptr) return Unsupported("training");
    if (cell.graph() == nullptr) return Status(kLiteNullptr, "the graph was not loaded");
    return Open(cell.graph().model(), context);
  }

  // Shapes of the model's own inputs from now on. Nothing changes when the model cannot have them.
  // Where the file fixes others, the model is prepared anew from the file's contents: it takes
  // these alone, but for sizes that the file leaves open, and states are the file's again, also
  // after the way back. Runs in progress in other threads end with what they began with.
  Status Resize(const std::vector<MSTensor>& inputs,
                const std::vector<std::vector<int64_t>>& dims) {
    if (file_ == nullptr) return NotBuilt();
    if (inputs.size() != dims.size()) {
      return Status(kLiteInputParamInvalid, "one shape per input is needed");
    }
    const internal::InputShapes shapes(dims);
    std::shared_ptr<mirin_model> model = model_;
    std::shared_ptr<mirin_session> session = session_;
    Status status;
    if (shapes.Fit(file_.get())) {
      model = file_;
    } else if (!shapes.Fit(model_.get())) {
      status = shapes.Reshape(file_.get(), &model);
    }
    if (status.IsOk() && model != model_) status = NewSession(model.get(), &session);
    if (status.IsError()) return status;
    const std::lock_guard<std::mutex> lock(mutex_);
    status = shapes.Resize(session.get());
    if (status.IsError()) return status;
    if (model != model_) {
      const std::vector<MSTensor> declared = internal::DeclaredOutputs(model.get());
      std::copy(declared.begin(), declared.end(), outputs_.begin());  // runs read their number
      model_.swap(model);
      session_.swap(session);
    }
    for (size_t i = 0; i < dims.size(); ++i) {
      inputs_[i].SetShape(dims[i]);
      MSTensor alias = inputs[i];
      if (alias != nullptr && alias != inputs_[i]) alias.SetShape(dims[i]);
    }
    return status;
  }

  // When `outputs` holds a tensor for each output and the user gave each of them memory (SetData,
  // MutableData, Create..), results are written there. Otherwise it is filled with new tensors,
  // which later runs leave alone. Callbacks per operator are not supported: pass none.
  Status Predict(const std::vector<MSTensor>& inputs, std::vector<MSTensor>* outputs,
                 const MSKernelCallBack& before = nullptr,
                 const MSKernelCallBack& after = nullptr) {
    if (file_ == nullptr) return NotBuilt();
    if (outputs == nullptr) return Status(kLiteNullptr, "outputs is null");
    if (before != nullptr || after != nullptr) return internal::NoCallbacks();
    if (inputs.size() != inputs_.size()) {
      return Status(MIRIN_INVALID_ARGUMENT, kLiteError,
                    "the model takes " + std::to_string(inputs_.size()) + " inputs, got " +
                        std::to_string(inputs.size()));
    }
    internal::Wrapped wrapped;
    const Status status = internal::WrapAll(inputs, &wrapped);
    if (status.IsError()) return status;
    if (internal::AreGiven(*outputs, outputs_.size())) return RunInto(wrapped, outputs);
    return RunAndTake(wrapped, outputs);
  }
  // With the model's own inputs and outputs.
  Status Predict(const MSKernelCallBack& before = nullptr,
                 const MSKernelCallBack& after = nullptr) {
    std::vector<MSTensor> outputs = outputs_;
    return Predict(inputs_, &outputs, before, after);
  }

  std::vector<MSTensor> GetInputs() { return inputs_; }
  // The last results; before any run, what is known of them: an axis of -1 is not.
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

  // Settings of a configuration file, or one of them, for a Build that follows. An unknown section
  // or key is an error.
  Status LoadConfig(const std::string& path) {
    return file_ != nullptr ? Rebuilt() : config_.LoadFile(path);
  }
  Status UpdateConfig(const std::string& section,
                      const std::pair<std::string, std::string>& setting) {
    return file_ != nullptr ? Rebuilt() : config_.Set(section, setting.first, setting.second);
  }

  // Only this build's devices and files.
  static bool CheckModelSupport(enum DeviceType device, ModelType type) {
    return (device == kCPU || device == kAllDevice) && (type == kMindIR || type == kMindIR_Lite);
  }

  // -- not for inference on a CPU: preprocessing in the model, training, textures
  // ------------------

  bool HasPreprocess() {
    return file_ != nullptr && *mirin_model_metadata(file_.get(), "preprocessor") != '\0';
  }
  Status Preprocess(const std::vector<std::vector<MSTensor>>&, std::vector<MSTensor>*) {
    return Unsupported("Preprocess");
  }
  Status PredictWithPreprocess(const std::vector<std::vector<MSTensor>>&, std::vector<MSTensor>*,
                               const MSKernelCallBack& = nullptr,
                               const MSKernelCallBack& = nullptr) {
    return Unsupported("PredictWithPreprocess");
  }
  Status BuildTransferLearning(const GraphCell&, const GraphCell&, const std::shared_ptr<Context>&,
                               const std::shared_ptr<TrainCfg>& = nullptr) {
    return Unsupported("BuildTransferLearning");
  }
  Status UpdateWeights(const std::vector<MSTensor>&) { return Unsupported("UpdateWeights"); }
  Status RunStep(const MSKernelCallBack& = nullptr, const MSKernelCallBack& = nullptr) {
    return Unsupported("RunStep");
  }
  std::vector<MSTensor> GetGradients() const { return {}; }
  Status ApplyGradients(const std::vector<MSTensor>&) { return Unsupported("ApplyGradients"); }
  std::vector<MSTensor> GetFeatureMaps() const { return {}; }
  std::vector<MSTensor> GetTrainableParams() const { return {}; }
  Status UpdateFeatureMaps(const std::vector<MSTensor>&) {
    return Unsupported("UpdateFeatureMaps");
  }
  std::vector<MSTensor> GetOptimizerParams() const { return {}; }
  Status SetOptimizerParams(const std::vector<MSTensor>&) {
    return Unsupported("SetOptimizerParams");
  }
  Status SetupVirtualBatch(int, float = -1.0f, float = -1.0f) {
    return Unsupported("SetupVirtualBatch");
  }
  Status SetLearningRate(float) { return Unsupported("SetLearningRate"); }
  float GetLearningRate() { return 0; }
  Status SetTrainMode(bool train) { return train ? Unsupported("SetTrainMode") : Status(); }
  bool GetTrainMode() const { return false; }
  Status BindGLTexture2DMemory(const std::map<std::string, unsigned int>&,
                               std::map<std::string, unsigned int>*) {
    return Unsupported("BindGLTexture2DMemory");
  }

 private:
  static Status NotBuilt() { return Status(kLiteUninitializedObj, "the model was not built"); }
  static Status Rebuilt() { return Status(kLiteModelRebuild, "the model was built before"); }
  static Status Unsupported(const std::string& what) {
    return Status(kLiteNotSupport, what + " is not supported by this inference runtime");
  }
  static MSTensor Find(const std::vector<MSTensor>& tensors, const std::string& name) {
    for (const MSTensor& t : tensors) {
      if (t.Name() == name) return t;
    }
    return MSTensor(nullptr);
  }

  Status Load(const std::string* path, const void* data, size_t size, ModelType type,
              const Key& key, const std::string& mode, const std::shared_ptr<Context>& context) {
    if (file_ != nullptr) return Rebuilt();
    std::shared_ptr<mirin_model> model;
    const Status status =
        internal::LoadModel(path, data, size, type, key, mode, config_.get(), &model);
    return status.IsError() ? status : Open(std::move(model), context);
  }

  Status Open(std::shared_ptr<mirin_model> model, const std::shared_ptr<Context>& context) {
    Status status = options_.Take(context.get());
    if (status.IsOk()) status = NewSession(model.get(), &session_);
    if (status.IsError()) return status;
    model_ = model;
    file_ = std::move(model);
    inputs_ = internal::DeclaredInputs(file_.get());
    outputs_ = internal::DeclaredOutputs(file_.get());
    return status;
  }

  Status NewSession(const mirin_model* model, std::shared_ptr<mirin_session>* session) const {
    mirin_session* made = nullptr;
    const Status status = internal::NoDevice(
        internal::FromMirin(mirin_session_create(model, &options_.options, &made)));
    if (status.IsOk()) *session = std::shared_ptr<mirin_session>(made, mirin_session_destroy);
    return status;
  }

  std::shared_ptr<mirin_model> Current() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return model_;
  }

  Status RunAndTake(const internal::Wrapped& inputs, std::vector<MSTensor>* outputs) {
    std::vector<mirin_tensor*> results(outputs_.size());
    const Status status = mirin_model_state_count(file_.get()) > 0
                              ? RunWithState(inputs, &results)
                              : internal::FromMirin(mirin_model_run(
                                    Current().get(), &options_.options, inputs.const_data(),
                                    inputs.size(), results.data(), results.size()));
    std::vector<std::shared_ptr<mirin_tensor>> owned;
    for (mirin_tensor* result : results) owned.emplace_back(result, mirin_tensor_destroy);
    if (status.IsError()) return status;
    outputs->clear();
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < owned.size(); ++i) {
      MSTensor result;
      result.SetTensorName(mirin_model_output_name(file_.get(), i));
      internal::TakeResult(owned[i], &result);
      internal::TakeResult(owned[i], &outputs_[i]);
      outputs->push_back(std::move(result));
    }
    return status;
  }

  // The states are in the one session of this object: one run at a time.
  Status RunWithState(const internal::Wrapped& inputs, std::vector<mirin_tensor*>* results) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<const mirin_tensor*> lent(results->size());
    Status status = internal::FromMirin(mirin_session_run(session_.get(), inputs.const_data(),
                                                          inputs.size(), lent.data(), lent.size()));
    for (size_t i = 0; i < lent.size() && status.IsOk(); ++i) {
      status = internal::FromMirin(mirin_tensor_copy(lent[i], &(*results)[i]));
    }
    return status;
  }

  Status RunInto(const internal::Wrapped& inputs, std::vector<MSTensor>* outputs) {
    internal::Wrapped into;
    Status status = internal::WrapAll(*outputs, &into);
    if (status.IsError()) return status;
    const std::lock_guard<std::mutex> lock(mutex_);
    status = internal::FromMirin(mirin_session_run_into(session_.get(), inputs.const_data(),
                                                        inputs.size(), into.data(), into.size()));
    if (status.IsOk()) internal::TakeShapes(into, outputs);
    return status;
  }

  internal::Config config_;
  internal::SessionOptions options_;
  std::shared_ptr<mirin_model> file_;   // as it was built; null before
  std::shared_ptr<mirin_model> model_;  // for the shapes of the last Resize: file_, or its reshaped
  std::shared_ptr<mirin_session> session_;  // of model_
  std::mutex mutex_;                        // of model_, session_ and the contents of outputs_
  std::vector<MSTensor> inputs_, outputs_;
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_MODEL_H
