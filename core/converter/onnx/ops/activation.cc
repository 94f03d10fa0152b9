// Activations: MindSpore's own where it has the same function, else written with simpler ones.
#include <cmath>

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// x * sigmoid(alpha * x)
ir::Value* SwishOf(GraphBuilder& b, ir::Value* x, double alpha) {
  if (alpha == 1) return b.Op("SiLU", {x});
  return b.Mul(x, b.Op("Sigmoid", {b.Mul(x, b.ScalarLike(alpha, x))}));
}

// What the slope of a PRelu is to MindSpore's: one number, or one per channel (axis 1). Null when it is neither.
ir::Value* ChannelSlope(GraphBuilder& b, ir::Value* slope, const Shape& x) {
  if (slope == nullptr || !slope->type().shape.concrete() || !x.rank_known()) return nullptr;
  const Dims& dims = slope->type().shape.dims();
  const int64_t count = NumElements(dims);
  const int behind = x.rank() - static_cast<int>(dims.size());  // axes of x that the slope has not
  if (behind < 0) return nullptr;
  if (count == 1) return b.Reshape(slope, {1});
  if (x.rank() < 2 || behind > 1 || x.dim(1) != count ||
      dims[static_cast<size_t>(1 - behind)] != count)
    return nullptr;
  return b.Reshape(slope, {count});
}

}  // namespace

namespace translate {

absl::Status Celu(OpContext& c) { return Unary(c, "CeLU", {{"alpha", c.Float("alpha", 1)}}); }
absl::Status Elu(OpContext& c) { return Unary(c, "Elu", {{"alpha", c.Float("alpha", 1)}}); }
absl::Status HardSwish(OpContext& c) { return Unary(c, "HSwish"); }
absl::Status LeakyRelu(OpContext& c) {
  return Unary(c, "LeakyRelu", {{"alpha", c.Float("alpha", 0.01f)}});
}
absl::Status Mish(OpContext& c) { return Unary(c, "Mish"); }
absl::Status Relu(OpContext& c) { return Unary(c, "ReLU"); }
absl::Status Softplus(OpContext& c) { return Unary(c, "Softplus"); }
absl::Status Softsign(OpContext& c) { return Unary(c, "Softsign"); }
absl::Status ThresholdedRelu(OpContext& c) {
  return Unary(c, "Threshold", {{"threshold", c.Float("alpha", 1)}, {"value", 0.0}});
}

absl::Status Gelu(OpContext& c) {
  const std::string approximate = c.String("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return absl::InvalidArgumentError(absl::StrCat("approximate is '", approximate, "'"));
  return Unary(c, approximate == "tanh" ? "GeLU" : "GeLUErf");
}

// max(0, min(1, alpha * x + beta)); MindSpore's is the one with alpha 1/6 and beta 1/2.
absl::Status HardSigmoid(OpContext& c) {
  const double alpha = c.Float("alpha", 0.2f), beta = c.Float("beta", 0.5f);
  if (std::fabs(alpha * 6 - 1) < 1e-6 && beta == 0.5) return Unary(c, "HSigmoid");
  ir::Value* x = c.input(0);
  GraphBuilder& b = c.builder();
  ir::Value* line = b.Add(b.Mul(x, b.ScalarLike(alpha, x)), b.ScalarLike(beta, x));
  c.SetOutput(0,
              c.Op("Minimum", {c.Op("Maximum", {line, b.ScalarLike(0, x)}), b.ScalarLike(1, x)}));
  return absl::OkStatus();
}

// x < 0 ? slope * x : x. The slope broadcasts to x.
absl::Status PRelu(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  ir::Value* x = c.input(0);
  ir::Value* slope = c.input(1);
  GraphBuilder& b = c.builder();
  if (IsFloat(c.dtype(0))) {
    if (ir::Value* channels = ChannelSlope(b, slope, c.shape(0))) {
      c.SetOutput(0, c.Op("PReLU", {x, channels}));
      return absl::OkStatus();
    }
  }
  c.SetOutput(0, c.Op("Select", {c.Op("Less", {x, b.ScalarLike(0, x)}), b.Mul(x, slope), x}));
  return absl::OkStatus();
}

// gamma * (x > 0 ? x : alpha * (exp(x) - 1)); MindSpore's has the constants that are the defaults here, in double precision.
absl::Status Selu(OpContext& c) {
  constexpr double kAlpha = 1.67326319217681884765625, kGamma = 1.05070102214813232421875;
  const double alpha = c.Float("alpha", kAlpha), gamma = c.Float("gamma", kGamma);
  ir::Value* x = c.input(0);
  if (alpha == kAlpha && gamma == kGamma && c.dtype(0) != DType::kFloat64) return Unary(c, "SeLU");
  GraphBuilder& b = c.builder();
  c.SetOutput(0, b.Mul(c.Op("Elu", {x}, {{"alpha", alpha}}), b.ScalarLike(gamma, x)));
  return absl::OkStatus();
}

// x < -lambd: x + bias; x > lambd: x - bias; else 0. Integers are shifted as numbers, then cut towards zero.
absl::Status Shrink(OpContext& c) {
  const double bias = c.Float("bias", 0), lambd = c.Float("lambd", 0.5);
  const bool is_float = IsFloat(c.dtype(0));
  if (is_float && bias == 0) return Unary(c, "HShrink", {{"lambd", lambd}});
  if (is_float && bias == lambd && lambd >= 0) return Unary(c, "SoftShrink", {{"lambd", lambd}});
  GraphBuilder& b = c.builder();
  ir::Value* x = is_float ? c.input(0) : b.Cast(c.input(0), DType::kFloat64);
  ir::Value* shift = b.ScalarLike(bias, x);
  ir::Value* above = c.Op("Select", {c.Op("Greater", {x, b.ScalarLike(lambd, x)}), b.Sub(x, shift),
                                     b.ScalarLike(0, x)});
  ir::Value* y =
      c.Op("Select", {c.Op("Less", {x, b.ScalarLike(-lambd, x)}), b.Add(x, shift), above});
  c.SetOutput(0, b.Cast(y, c.dtype(0)));
  return absl::OkStatus();
}

absl::Status SwiGLU(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  const Shape &a = c.shape(0), &value = c.shape(1);
  if (a.concrete() && value.concrete() && a != value) {
    return absl::InvalidArgumentError(absl::StrCat("the gate is ", ToString(a), " but the value ",
                                                   ToString(value), ": they do not broadcast"));
  }
  c.SetOutput(0,
              c.builder().Mul(SwishOf(c.builder(), c.input(0), c.Float("alpha", 1)), c.input(1)));
  return absl::OkStatus();
}

absl::Status Swish(OpContext& c) {
  c.SetOutput(0, SwishOf(c.builder(), c.input(0), c.Float("alpha", 1)));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
