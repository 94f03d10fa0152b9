// ONNX Runtime through its C interface. The wheel has the library but no headers: functions are taken by their position in OrtApi, which
// only ever grows at its end.
#include "../worker.h"

extern "C" {
struct OrtApiBase {
  const void* const* (*get_api)(uint32_t version);
  const char* (*get_version)();
};
const OrtApiBase* OrtGetApiBase();
}

namespace {

enum Function {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetSessionGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSetInterOpNumThreads = 25,
  kSessionGetInputCount = 30,
  kSessionGetOutputCount = 31,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorWithDataAsOrtValue = 49,
  kGetTensorMutableData = 51,
  kGetTensorElementType = 60,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kGetTensorShapeElementCount = 64,
  kGetTensorTypeAndShape = 65,
  kCreateCpuMemoryInfo = 69,
  kGetAllocatorWithDefaultOptions = 78,
  kAddSessionConfigEntry = 130,
};
constexpr int kFloat = 1, kInt32 = 6, kInt64 = 7, kBool = 9;
constexpr int kAllOptimizations = 99, kDeviceAllocator = 1, kWarning = 2;

using Object = void*;
const void* const* g_api = nullptr;

template <class... Args>
void Do(Function function, Args... args) {
  const Object status =
      reinterpret_cast<Object (*)(Args...)>(const_cast<void*>(g_api[function]))(args...);
  if (status == nullptr) return;
  throw std::runtime_error(reinterpret_cast<const char* (*)(Object)>(
      const_cast<void*>(g_api[kGetErrorMessage]))(status));
}

int TypeOf(const std::string& name) {
  return name == "f4" ? kFloat : name == "i4" ? kInt32 : name == "i8" ? kInt64 : kBool;
}

class OnnxRuntime final : public bench::Engine {
 public:
  void Load(const std::string& model, const bench::Arrays& inputs, int threads,
            const std::vector<int>& cpus, int) override {
    Object environment, options, allocator;
    Do(kCreateEnv, int{kWarning}, "bench", &environment);
    Do(kCreateSessionOptions, &options);
    Do(kSetIntraOpNumThreads, options, threads);
    Do(kSetInterOpNumThreads, options, int{1});
    Do(kSetSessionGraphOptimizationLevel, options, int{kAllOptimizations});
    if (threads > 1) {  // one list for each thread besides the caller, counted from 1
      std::string affinity;
      for (int i = 1; i < threads; ++i)
        affinity += (i > 1 ? ";" : "") + std::to_string(cpus[static_cast<size_t>(i)] + 1);
      Do(kAddSessionConfigEntry, options, "session.intra_op_thread_affinities", affinity.c_str());
    }
    Do(kCreateSession, environment, model.c_str(), const_cast<const void*>(options), &session_);
    if (threads > 1) bench::Pin({cpus[0]});
    Do(kGetAllocatorWithDefaultOptions, &allocator);
    const auto names = [&](Function count, Function name) {
      std::vector<const char*> all(0);
      size_t n = 0;
      Do(count, session_, &n);
      for (size_t i = 0; i < n; ++i) {
        all.push_back(nullptr);
        Do(name, session_, i, allocator, &all.back());
      }
      return all;
    };
    input_names_ = names(kSessionGetInputCount, kSessionGetInputName);
    output_names_ = names(kSessionGetOutputCount, kSessionGetOutputName);
    Do(kCreateCpuMemoryInfo, int{kDeviceAllocator}, int{0}, &memory_);
    SetInputs(inputs);
  }

  bool SetInputs(const bench::Arrays& inputs) override {
    arrays_ = inputs;
    inputs_.clear();
    for (const char* name : input_names_) {
      for (bench::Array& a : arrays_) {
        if (a.name != name) continue;
        inputs_.push_back(nullptr);
        Do(kCreateTensorWithDataAsOrtValue, memory_, static_cast<void*>(a.data.data()),
           a.data.size(), static_cast<const int64_t*>(a.shape.data()), a.shape.size(),
           TypeOf(a.dtype), &inputs_.back());
      }
    }
    outputs_.assign(output_names_.size(), nullptr);
    return false;
  }

  // The first call makes the outputs, the others fill them again.
  void Call() override { Run(outputs_); }

  bench::Arrays Outputs() override {
    Call();
    bench::Arrays arrays;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      Object info;
      size_t rank, count;
      int type;
      char* data;
      bench::Array a;
      a.name = output_names_[i];
      Do(kGetTensorTypeAndShape, outputs_[i], &info);
      Do(kGetDimensionsCount, info, &rank);
      a.shape.resize(rank);
      Do(kGetDimensions, info, a.shape.data(), rank);
      Do(kGetTensorShapeElementCount, info, &count);
      Do(kGetTensorElementType, info, &type);
      Do(kGetTensorMutableData, outputs_[i], &data);
      a.dtype = type == kInt64 ? "i8" : type == kInt32 ? "i4" : type == kBool ? "b1" : "f4";
      a.data.assign(data, data + count * static_cast<size_t>(a.dtype[1] - '0'));
      arrays.push_back(a);
    }
    return arrays;
  }

  std::function<void()> Caller() override {
    return [this, outputs = std::vector<Object>(output_names_.size(), nullptr)]() mutable {
      Run(outputs);
    };
  }

 private:
  void Run(std::vector<Object>& outputs) {
    Do(kRun, session_, Object{nullptr}, input_names_.data(), inputs_.data(), inputs_.size(),
       output_names_.data(), outputs.size(), outputs.data());
  }

  Object session_ = nullptr, memory_ = nullptr;
  std::vector<const char*> input_names_, output_names_;
  bench::Arrays arrays_;
  std::vector<Object> inputs_, outputs_;
};

}  // namespace

int main() {
  const OrtApiBase* base = OrtGetApiBase();
  g_api = base->get_api(20);
  OnnxRuntime engine;
  bench::Serve("onnxruntime", base->get_version(), engine);
}
