// MindSpore Lite 2.0 through its C++ interface: headers and libraries of the wheel, which has C++'s old string type.
#include <memory>

#include "../worker.h"
#include "api/context.h"
#include "api/model.h"
#include "api/model_parallel_runner.h"

namespace {

namespace ms = mindspore;

void Check(const ms::Status& status, const char* what) {
  if (status != ms::kSuccess) throw std::runtime_error(std::string(what) + " failed");
}

class MindSporeLite final : public bench::Engine {
 public:
  void Load(const std::string& model, const bench::Arrays& inputs, int threads,
            const std::vector<int>& cpus, int callers) override {
    if (access(model.c_str(), R_OK) != 0) throw std::runtime_error("no " + model);
    auto context = std::make_shared<ms::Context>();
    context->SetThreadNum(threads);
    context->SetInterOpParallelNum(1);
    if (callers == 0 && threads > 1) context->SetThreadAffinity(cpus);
    context->MutableDeviceInfo().push_back(std::make_shared<ms::CPUDeviceInfo>());
    arrays_ = inputs;
    if (callers == 0) {
      Check(model_.Build(model, ms::kMindIR, context), "Build");
      inputs_ = model_.GetInputs();
      Fill(&inputs_);
      return;
    }
    auto config = std::make_shared<ms::RunnerConfig>();
    config->SetContext(context);
    config->SetWorkersNum(callers);
    Check(runner_.Init(model, config), "Init");
  }

  void Call() override {
    outputs_.clear();
    Check(model_.Predict(inputs_, &outputs_), "Predict");
  }

  bench::Arrays Outputs() override {
    Call();
    bench::Arrays arrays;
    for (ms::MSTensor& t : outputs_) {
      bench::Array a;
      a.name = t.Name();
      a.shape = t.Shape();
      a.dtype = t.DataType() == ms::DataType::kNumberTypeFloat32 ? "f4"
                : t.DataType() == ms::DataType::kNumberTypeInt64 ? "i8"
                                                                 : "i4";
      const char* data = static_cast<const char*>(t.MutableData());
      a.data.assign(data, data + t.DataSize());
      arrays.push_back(a);
    }
    return arrays;
  }

  std::function<void()> Caller() override {
    auto inputs = std::make_shared<std::vector<ms::MSTensor>>(runner_.GetInputs());
    Fill(inputs.get());
    return [this, inputs] {
      std::vector<ms::MSTensor> outputs;
      Check(runner_.Predict(*inputs, &outputs), "Predict");
    };
  }

 private:
  void Fill(std::vector<ms::MSTensor>* tensors) {
    for (size_t i = 0; i < tensors->size(); ++i) {
      ms::MSTensor& t = (*tensors)[i];
      const bench::Array* from = &arrays_[i];
      for (const bench::Array& a : arrays_) {
        if (a.name == t.Name()) from = &a;
      }
      t.SetShape(from->shape);
      void* to = t.MutableData();
      if (from->dtype == "i8" && t.DataType() == ms::DataType::kNumberTypeInt32) {
        const auto* wide = reinterpret_cast<const int64_t*>(from->data.data());
        std::transform(wide, wide + from->data.size() / 8, static_cast<int32_t*>(to),
                       [](int64_t v) { return static_cast<int32_t>(v); });
      } else {
        memcpy(to, from->data.data(), from->data.size());
      }
    }
  }

  ms::Model model_;
  ms::ModelParallelRunner runner_;
  bench::Arrays arrays_;
  std::vector<ms::MSTensor> inputs_, outputs_;
};

}  // namespace

int main() {
  MindSporeLite engine;
  bench::Serve("mindspore_lite", "2.0.0", engine);
}
