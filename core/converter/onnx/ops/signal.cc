// Fourier transforms, windows and what audio models do with them.
#include <cmath>

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// An optional operand that is one integer, as int64.
ir::Value* OptionalInt(OpContext& c, int i) {
  if (!c.has_input(i)) return GraphBuilder::Absent();
  return c.builder().Cast(c.input(i), DType::kInt64);
}

// w[n] = a0 + a1 cos(2 pi n / N) + a2 cos(4 pi n / N), N the size, or one less when the window is symmetric.
absl::Status CosineWindow(OpContext& c, double a0, double a1, double a2) {
  GraphBuilder& b = c.builder();
  const bool periodic = c.Bool("periodic", true);
  MIRIN_ASSIGN_OR_RETURN(const DType to, DTypeAttribute(c, "output_datatype", DType::kFloat32));
  ir::Value* size = AsScalar(b, b.Cast(c.input(0), DType::kInt64));
  const auto number = [&](double v) { return b.Scalar(v, DType::kFloat64); };
  ir::Value* n = b.Cast(c.Op("Range", {b.Int(0), size, b.Int(1)}), DType::kFloat64);
  ir::Value* period = b.Cast(periodic ? size : b.Sub(size, b.Int(1)), DType::kFloat64);
  ir::Value* angle = b.Op("RealDiv", {b.Mul(n, number(2 * 3.14159265358979323846)), period});
  ir::Value* w = b.Add(b.Mul(b.Op("Cos", {angle}), number(a1)), number(a0));
  if (a2 != 0) w = b.Add(w, b.Mul(b.Op("Cos", {b.Mul(angle, number(2))}), number(a2)));
  c.SetOutput(0, b.Cast(w, to));
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status BlackmanWindow(OpContext& c) { return CosineWindow(c, 0.42, -0.5, 0.08); }
absl::Status HammingWindow(OpContext& c) { return CosineWindow(c, 25.0 / 46, -21.0 / 46, 0); }
absl::Status HannWindow(OpContext& c) { return CosineWindow(c, 0.5, -0.5, 0); }

// The axis became an operand in opset 20, and its default the last one but the parts.
absl::Status DFT(OpContext& c) {
  ir::Value* axis = c.version() < 20 ? c.builder().Int(c.Int("axis", 1)) : OptionalInt(c, 2);
  const Attrs attrs = {{"inverse", c.Bool("inverse", false)},
                       {"onesided", c.Bool("onesided", false)}};
  c.SetOutput(0, c.Op("DFT", {c.input(0), OptionalInt(c, 1), axis}, attrs));
  return absl::OkStatus();
}

absl::Status STFT(OpContext& c) {
  ir::Value* step = c.builder().Cast(c.input(1), DType::kInt64);
  c.SetOutput(0, c.Op("STFT", {c.input(0), step, c.OptionalInput(2), OptionalInt(c, 3)},
                      {{"onesided", c.Bool("onesided", true)}}));
  return absl::OkStatus();
}

absl::Status MelWeightMatrix(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const DType to, DTypeAttribute(c, "output_datatype", DType::kFloat32));
  std::vector<ir::Value*> operands;
  for (int i = 0; i < 3; ++i) operands.push_back(c.builder().Cast(c.input(i), DType::kInt64));
  operands.insert(operands.end(), {c.input(3), c.input(4)});
  c.SetOutput(0, c.Op("MelWeightMatrix", operands, {{"dtype", to}}));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
