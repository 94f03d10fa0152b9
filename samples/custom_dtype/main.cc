// A model of 16-bit floats through MindSpore Lite's C++ API: the program has float32 values,
// converts them, and converts the results back.
//   custom_dtype_cc [MODEL]   default: double.mindir of this sample, which doubles a float16 and a
//   bfloat16 vector
#include <array>
#include <cstdio>
#include <iostream>
#include <vector>

#include "include/api/model.h"

namespace {

constexpr size_t kCount = 6;
using Floats = std::array<float, kCount>;

// The tensor's dtype says which conversion it needs.
void SetFloats(const Floats& values, mindspore::MSTensor* tensor) {
  const auto convert = tensor->DataType() == mindspore::DataType::kNumberTypeFloat16
                           ? mirin_f32_to_f16
                           : mirin_f32_to_bf16;
  convert(values.data(), static_cast<uint16_t*>(tensor->MutableData()), kCount);
}

Floats GetFloats(const mindspore::MSTensor& tensor) {
  const auto convert = tensor.DataType() == mindspore::DataType::kNumberTypeFloat16
                           ? mirin_f16_to_f32
                           : mirin_bf16_to_f32;
  Floats values;
  convert(static_cast<const uint16_t*>(tensor.Data().get()), values.data(), kCount);
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "samples/custom_dtype/data/double.mindir";
  const Floats values = {0.1f, 1.0f / 3.0f, -2.71828f, 0.0001f, 1000.1f, 12345.678f};
  mindspore::Model model;
  mindspore::Status status = model.Build(path, mindspore::kMindIR);
  std::vector<mindspore::MSTensor> inputs = model.GetInputs(), outputs;
  for (mindspore::MSTensor& input : inputs) SetFloats(values, &input);
  if (status.IsOk()) status = model.Predict(inputs, &outputs);
  if (status.IsError()) {
    std::cerr << "custom_dtype: " << status << "\n";
    return 1;
  }
  const Floats half = GetFloats(outputs[0]), brain = GetFloats(outputs[1]);
  for (size_t i = 0; i < kCount; ++i)
    std::printf("2 x %.6f: float16 %.6f, bfloat16 %.6f\n", values[i], half[i], brain[i]);
  return 0;
}
