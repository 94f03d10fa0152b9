// OpenVINO through its C++ interface: headers and libraries of the wheel.
#include <memory>
#include <openvino/openvino.hpp>

#include "../worker.h"

namespace {

struct Type {
  ov::element::Type_t type;
  const char* name;
};
constexpr Type kTypes[] = {{ov::element::f32, "f4"},
                           {ov::element::i32, "i4"},
                           {ov::element::i64, "i8"},
                           {ov::element::boolean, "b1"}};

class OpenVino final : public bench::Engine {
 public:
  void Load(const std::string& model, const bench::Arrays& inputs, int threads,
            const std::vector<int>&, int callers) override {
    const int streams = std::max(1, callers);
    ov::AnyMap settings{
        ov::hint::inference_precision(ov::element::f32), ov::hint::enable_cpu_pinning(true),
        ov::hint::performance_mode(callers > 0 ? ov::hint::PerformanceMode::THROUGHPUT
                                               : ov::hint::PerformanceMode::LATENCY),
        ov::num_streams(streams), ov::inference_num_threads(threads * streams)};
    if (const char* cache = getenv("OPENVINO_CACHE")) settings.insert(ov::cache_dir(cache));
    model_ = core_.compile_model(model, "CPU", settings);
    arrays_ = inputs;
    request_ = NewRequest();
  }

  void Call() override { request_.infer(); }

  bench::Arrays Outputs() override {
    Call();
    bench::Arrays arrays;
    for (const auto& output : model_.outputs()) {
      const ov::Tensor t = request_.get_tensor(output);
      bench::Array a;
      a.name = output.get_any_name();
      for (size_t d : t.get_shape()) a.shape.push_back(static_cast<int64_t>(d));
      for (const Type& known : kTypes) {
        if (t.get_element_type() == known.type) a.dtype = known.name;
      }
      const char* data = static_cast<const char*>(t.data());
      a.data.assign(data, data + t.get_byte_size());
      arrays.push_back(a);
    }
    return arrays;
  }

  bool SetInputs(const bench::Arrays& inputs) override {
    arrays_ = inputs;
    Fill(request_);
    return false;
  }

  std::function<void()> Caller() override {
    return [request = std::make_shared<ov::InferRequest>(NewRequest())] { request->infer(); };
  }

 private:
  ov::InferRequest NewRequest() {
    ov::InferRequest request = model_.create_infer_request();
    Fill(request);
    return request;
  }

  void Fill(ov::InferRequest& request) {
    for (const auto& input : model_.inputs()) {
      for (bench::Array& a : arrays_) {
        if (input.get_names().count(a.name) == 0) continue;
        for (const Type& known : kTypes) {
          if (a.dtype == known.name)
            request.set_tensor(
                input,
                ov::Tensor(known.type, ov::Shape(a.shape.begin(), a.shape.end()), a.data.data()));
        }
      }
    }
  }

  ov::Core core_;
  ov::CompiledModel model_;
  ov::InferRequest request_;
  bench::Arrays arrays_;
};

}  // namespace

int main() {
  OpenVino engine;
  bench::Serve("openvino", ov::get_openvino_version().buildNumber, engine);
}
