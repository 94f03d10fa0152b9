#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// One of the value attributes; opset 12 added all but `value` (opset 11: sparse_value).
absl::Status Constant(OpContext& c) {
  Tensor tensor;
  if (const Tensor* value = c.TensorAttribute("value")) {
    tensor = *value;
  } else if (const Tensor* sparse = c.TensorAttribute("sparse_value")) {
    tensor = *sparse;
  } else if (c.Has("value_float")) {
    tensor = Tensor::Scalar<float>(static_cast<float>(c.Float("value_float", 0)));
  } else if (c.Has("value_int")) {
    tensor = Tensor::Scalar<int64_t>(c.Int("value_int", 0));
  } else if (c.Has("value_floats")) {
    const std::vector<double> values = c.Floats("value_floats");
    const std::vector<float> floats(values.begin(), values.end());
    tensor = Tensor::FromValues<float>({static_cast<int64_t>(floats.size())}, floats);
  } else if (c.Has("value_ints")) {
    tensor = Tensor::Int64s(c.Ints("value_ints"));
  } else if (c.Has("value_string")) {
    tensor = Tensor::FromStrings({}, {c.String("value_string", "")});
  } else if (c.Has("value_strings")) {
    std::vector<std::string> strings = c.Strings("value_strings");
    const auto n = static_cast<int64_t>(strings.size());
    tensor = Tensor::FromStrings({n}, std::move(strings));
  } else {
    return absl::InvalidArgumentError("it has no value");
  }
  c.SetOutput(0, c.builder().Constant(std::move(tensor)));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
