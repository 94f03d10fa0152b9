// Mirin behind PROTOCOL.md, through its C interface. --fp16: 16-bit floats where the device gains by them. --deterministic: the same
// bits for every number of threads and every batch. --cache=DIR: packed weights are kept there.
#include <memory>

#include "mirin/mirin.h"
#include "tests/benchmark/engines/worker.h"

namespace bench {
namespace {

void Check(mirin_status* status) {
  if (status == nullptr) return;
  const std::string message = mirin_status_message(status);
  mirin_status_destroy(status);
  throw std::runtime_error(message);
}

struct Type {
  mirin_dtype dtype;
  const char* name;
};
constexpr Type kTypes[] = {{MIRIN_DTYPE_F32, "f4"},
                           {MIRIN_DTYPE_I32, "i4"},
                           {MIRIN_DTYPE_I64, "i8"},
                           {MIRIN_DTYPE_BOOL, "b1"}};

mirin_dtype TypeOf(const std::string& name) {
  for (const Type& t : kTypes) {
    if (name == t.name) return t.dtype;
  }
  throw std::runtime_error("inputs of type " + name);
}

const char* NameOf(mirin_dtype dtype) {
  for (const Type& t : kTypes) {
    if (dtype == t.dtype) return t.name;
  }
  throw std::runtime_error("an output of a type that the protocol lacks");
}

class Mirin final : public Engine {
 public:
  Mirin(mirin_precision precision, bool deterministic, const std::string& cache) {
    options_.precision = precision;
    options_.deterministic = deterministic;
    if (cache.empty()) return;
    mirin_config* config = nullptr;
    Check(mirin_config_create(&config));
    Check(mirin_config_set(config, "model_cache", "cache_dir", cache.c_str()));
    model_options_.config = config;
  }

  void Load(const std::string& model, const Arrays& inputs, int threads, const std::vector<int>&,
            int callers) override {
    Check(mirin_model_load_file(model.c_str(), &model_options_, &model_));
    options_.threads = threads;
    if (callers == 0) Check(mirin_session_create(model_, &options_, &session_));
    Take(inputs);
    outputs_.resize(mirin_model_output_count(model_));
  }

  bool SetInputs(const Arrays& inputs) override {
    Take(inputs);
    std::vector<const int64_t*> dims;
    std::vector<size_t> ranks;
    for (const mirin_tensor* t : inputs_) {
      dims.push_back(mirin_tensor_dims(t));
      ranks.push_back(static_cast<size_t>(mirin_tensor_rank(t)));
    }
    Check(mirin_session_resize(session_, dims.data(), ranks.data(), dims.size()));
    return true;
  }

  void Call() override { Run(session_, outputs_.data()); }

  Arrays Outputs() override {
    Call();
    Arrays arrays;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const mirin_tensor* t = outputs_[i];
      const auto* data = static_cast<const char*>(mirin_tensor_data(t));
      const int64_t* dims = mirin_tensor_dims(t);
      arrays.push_back({mirin_model_output_name(model_, i), NameOf(mirin_tensor_dtype(t)),
                        std::vector<int64_t>(dims, dims + mirin_tensor_rank(t)),
                        std::vector<char>(data, data + mirin_tensor_size(t))});
    }
    return arrays;
  }

  std::function<void()> Caller() override {
    mirin_session* session = nullptr;
    Check(mirin_session_create(model_, &options_, &session));
    const auto outputs = std::make_shared<std::vector<const mirin_tensor*>>(outputs_.size());
    return [this, session, outputs] { Run(session, outputs->data()); };
  }

 private:
  void Take(const Arrays& inputs) {
    for (mirin_tensor* t : inputs_) mirin_tensor_destroy(t);
    inputs_.clear();
    arrays_ = inputs;
    for (size_t i = 0; i < mirin_model_input_count(model_); ++i) {
      const std::string name = mirin_model_input_name(model_, i);
      auto at = std::find_if(arrays_.begin(), arrays_.end(),
                             [&](const Array& a) { return a.name == name; });
      if (at == arrays_.end()) throw std::runtime_error("no input for " + name);
      inputs_.push_back(nullptr);
      Check(mirin_tensor_create_borrowed(TypeOf(at->dtype), at->shape.data(), at->shape.size(),
                                         at->data.data(), at->data.size(), &inputs_.back()));
    }
  }

  void Run(mirin_session* session, const mirin_tensor** outputs) {
    Check(mirin_session_run(session, inputs_.data(), inputs_.size(), outputs, outputs_.size()));
  }

  mirin_model_options model_options_ = MIRIN_MODEL_OPTIONS_INIT;
  mirin_session_options options_ = MIRIN_SESSION_OPTIONS_INIT;
  mirin_model* model_ = nullptr;  // with what follows until the process ends
  mirin_session* session_ = nullptr;
  Arrays arrays_;
  std::vector<mirin_tensor*> inputs_;
  std::vector<const mirin_tensor*> outputs_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bool fp16 = false, deterministic = false;
  std::string cache;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    fp16 |= flag == "--fp16";
    deterministic |= flag == "--deterministic";
    if (flag.rfind("--cache=", 0) == 0) cache = flag.substr(8);
  }
  bench::Mirin mirin(fp16 ? MIRIN_PRECISION_PREFER_FP16 : MIRIN_PRECISION_FP32, deterministic,
                     cache);
  bench::Serve("mirin", mirin_version_string(), mirin);
}
