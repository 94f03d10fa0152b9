#include "core/converter/onnx/ops/fused_activation.h"

namespace mirin::onnx {

absl::StatusOr<ir::Value*> FusedActivation(GraphBuilder& b, ir::Value* x, const std::string& name,
                                           const std::vector<double>& parameters) {
  const auto parameter = [&](size_t i, double fallback) {
    return i < parameters.size() ? parameters[i] : fallback;
  };
  const auto clipped = [&](ir::Value* v, double low, double high) {
    return b.Op("Minimum", {b.Op("Maximum", {v, b.ScalarLike(low, v)}), b.ScalarLike(high, v)});
  };
  if (name.empty()) return x;
  if (name == "Relu") return b.Op("ReLU", {x});
  if (name == "Sigmoid" || name == "Tanh" || name == "Softplus" || name == "Softsign")
    return b.Op(name, {x});
  if (name == "LeakyRelu") return b.Op("LeakyRelu", {x}, {{"alpha", parameter(0, 0.01f)}});
  if (name == "Elu") return b.Op("Elu", {x}, {{"alpha", parameter(0, 1)}});
  if (name == "HardSigmoid")
    return clipped(
        b.Add(b.Mul(x, b.ScalarLike(parameter(0, 0.2f), x)), b.ScalarLike(parameter(1, 0.5f), x)),
        0, 1);
  if (name == "Clip" && parameters.size() == 2) return clipped(x, parameters[0], parameters[1]);
  return Refuse(absl::StrCat("the activation '", name, "' with ", parameters.size(), " parameters"),
                "write it as an operator of its own");
}

}  // namespace mirin::onnx
