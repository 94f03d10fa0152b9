#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

OpSchema Unary(const char* name, InferFn infer) {
  OpSchema s(name, "y = f(x), element by element.");
  s.Input("x").Output("y").Infer(infer);
  if (infer != InferPredicate) s.Elementwise();
  return s;
}

OpSchema Binary(const char* name, InferFn infer) {
  return OpSchema(name, "y = f(a, b) with NumPy broadcasting.")
      .Input("x")
      .Input("y")
      .Output("z")
      .Infer(infer);
}

}  // namespace

namespace schemas {

#define MIRIN_UNARY(Name, Infer) \
  OpSchema Name() { return Unary(#Name, Infer); }
MIRIN_UNARY(Abs, InferSameNumber)
MIRIN_UNARY(ACos, InferSameFloat)
MIRIN_UNARY(Acosh, InferSameFloat)
MIRIN_UNARY(Asin, InferSameFloat)
MIRIN_UNARY(Asinh, InferSameFloat)
MIRIN_UNARY(Atan, InferSameFloat)
MIRIN_UNARY(Atanh, InferSameFloat)
MIRIN_UNARY(BitwiseNot, InferSameInteger)
MIRIN_UNARY(Ceil, InferSameNumber)
MIRIN_UNARY(Copy, InferSame)
MIRIN_UNARY(Cos, InferSameFloat)
MIRIN_UNARY(Cosh, InferSameFloat)
MIRIN_UNARY(Erf, InferSameFloat)
MIRIN_UNARY(Erfc, InferSameFloat)
MIRIN_UNARY(Erfinv, InferSameFloat)
MIRIN_UNARY(Exp2, InferSameFloat)
MIRIN_UNARY(Expm1, InferSameFloat)
MIRIN_UNARY(FastGeLU, InferSameFloat)
MIRIN_UNARY(Floor, InferSameNumber)
MIRIN_UNARY(Frac, InferSameFloat)
MIRIN_UNARY(GeLU, InferSameFloat)
MIRIN_UNARY(GeLUErf, InferSameFloat)
MIRIN_UNARY(HSigmoid, InferSameFloat)
MIRIN_UNARY(HSwish, InferSameFloat)
MIRIN_UNARY(Identity, InferSame)
MIRIN_UNARY(Inv, InferSameFloat)
MIRIN_UNARY(IsFinite, InferPredicate)
MIRIN_UNARY(IsInf, InferPredicate)
MIRIN_UNARY(IsNan, InferPredicate)
MIRIN_UNARY(Log10, InferSameFloat)
MIRIN_UNARY(Log1p, InferSameFloat)
MIRIN_UNARY(Log2, InferSameFloat)
MIRIN_UNARY(LogSigmoid, InferSameFloat)
MIRIN_UNARY(LogicalNot, InferPredicate)
MIRIN_UNARY(Mish, InferSameFloat)
MIRIN_UNARY(MishExt, InferSameFloat)
MIRIN_UNARY(Neg, InferSameNumber)
MIRIN_UNARY(ReLU, InferSameNumber)
MIRIN_UNARY(ReLU1, InferSameNumber)
MIRIN_UNARY(ReLU6, InferSameNumber)
MIRIN_UNARY(Reciprocal, InferSameFloat)
MIRIN_UNARY(Rint, InferSameFloat)
MIRIN_UNARY(Rsqrt, InferSameFloat)
MIRIN_UNARY(SeLU, InferSameFloat)
MIRIN_UNARY(SiLU, InferSameFloat)
MIRIN_UNARY(Sigmoid, InferSameFloat)
MIRIN_UNARY(Sign, InferSameNumber)
MIRIN_UNARY(Sin, InferSameFloat)
MIRIN_UNARY(Sinh, InferSameFloat)
MIRIN_UNARY(Softplus, InferSameFloat)
MIRIN_UNARY(Softsign, InferSameFloat)
MIRIN_UNARY(Sqrt, InferSameFloat)
MIRIN_UNARY(Square, InferSameNumber)
MIRIN_UNARY(StopGradient, InferSame)
MIRIN_UNARY(Tan, InferSameFloat)
MIRIN_UNARY(Tanh, InferSameFloat)
MIRIN_UNARY(Trunc, InferSameNumber)
#undef MIRIN_UNARY

// 2.0 files carry base, scale and shift: log_base(scale * x + shift) and base ^ (scale * x + shift); base -1 is e.
OpSchema Exp() {
  return Unary("Exp", InferSameFloat).Attr("base", -1.0).Attr("scale", 1.0).Attr("shift", 0.0);
}
OpSchema Log() {
  return Unary("Log", InferSameFloat).Attr("base", -1.0).Attr("scale", 1.0).Attr("shift", 0.0);
}
OpSchema Round() { return Unary("Round", InferSameNumber).Attr("decimals", int64_t{0}); }
OpSchema Elu() { return Unary("Elu", InferSameFloat).Attr("alpha", 1.0); }
OpSchema CeLU() { return Unary("CeLU", InferSameFloat).Attr("alpha", 1.0); }
OpSchema LeakyRelu() {
  return Unary("LeakyRelu", InferSameFloat).Attr("alpha", 0.01, {"negative_slope"});
}
OpSchema LeakyReLUExt() {
  return Unary("LeakyReLUExt", InferSameFloat).Attr("negative_slope", 0.01);
}
OpSchema HShrink() { return Unary("HShrink", InferSameFloat).Attr("lambd", 0.5); }
OpSchema SoftShrink() { return Unary("SoftShrink", InferSameFloat).Attr("lambd", 0.5); }
OpSchema Hardtanh() {
  return Unary("Hardtanh", InferSameNumber).Attr("min_val", -1.0).Attr("max_val", 1.0);
}
OpSchema NanToNum() {
  return Unary("NanToNum", InferSameFloat)
      .Attr("nan", 0.0)
      .Attr("posinf", ir::Attribute())
      .Attr("neginf", ir::Attribute());
}
OpSchema Threshold() {
  return Unary("Threshold", InferSameNumber).Attr("threshold", 0.0).Attr("value", 0.0);
}
OpSchema SoftplusExt() {
  return Unary("SoftplusExt", InferSameFloat).Attr("beta", 1.0).Attr("threshold", 20.0);
}
OpSchema GeluExt() {
  return Unary("GeluExt", InferSameFloat).Attr("approximate", std::string("none"));
}

#define MIRIN_BINARY(Name, Infer) \
  OpSchema Name() { return Binary(#Name, Infer); }
MIRIN_BINARY(Add, InferArithmetic)
MIRIN_BINARY(Atan2, InferArithmetic)
MIRIN_BINARY(BitwiseAnd, InferArithmetic)
MIRIN_BINARY(BitwiseOr, InferArithmetic)
MIRIN_BINARY(BitwiseXor, InferArithmetic)
MIRIN_BINARY(Div, InferTrueDivision)
MIRIN_BINARY(DivNoNan, InferTrueDivision)
MIRIN_BINARY(Divs, InferTrueDivision)
MIRIN_BINARY(Equal, InferEquality)
MIRIN_BINARY(FloorDiv, InferArithmetic)
MIRIN_BINARY(FloorMod, InferArithmetic)
MIRIN_BINARY(FmodTensor, InferArithmetic)
MIRIN_BINARY(Greater, InferComparison)
MIRIN_BINARY(GreaterEqual, InferComparison)
MIRIN_BINARY(GreaterEqualScalar, InferComparison)
MIRIN_BINARY(EqScalar, InferComparison)
MIRIN_BINARY(Hypot, InferArithmetic)
MIRIN_BINARY(LeftShift, InferArithmetic)
MIRIN_BINARY(Less, InferComparison)
MIRIN_BINARY(LessEqual, InferComparison)
MIRIN_BINARY(LessScalar, InferComparison)
MIRIN_BINARY(LogAddExp, InferArithmetic)
MIRIN_BINARY(LogicalAnd, InferLogical)
MIRIN_BINARY(LogicalOr, InferLogical)
MIRIN_BINARY(LogicalXor, InferLogical)
MIRIN_BINARY(Maximum, InferArithmetic)
MIRIN_BINARY(Minimum, InferArithmetic)
MIRIN_BINARY(Mod, InferArithmetic)
MIRIN_BINARY(Mul, InferArithmetic)
MIRIN_BINARY(Muls, InferArithmetic)
MIRIN_BINARY(NotEqual, InferEquality)
MIRIN_BINARY(Pow, InferArithmetic)
MIRIN_BINARY(PowScalarTensor, InferArithmetic)
MIRIN_BINARY(PowTensorScalar, InferArithmetic)
MIRIN_BINARY(RealDiv, InferTrueDivision)
MIRIN_BINARY(RemainderTensorScalar, InferArithmetic)
MIRIN_BINARY(RemainderTensorTensor, InferArithmetic)
MIRIN_BINARY(RightShift, InferArithmetic)
MIRIN_BINARY(SquaredDifference, InferArithmetic)
MIRIN_BINARY(Sub, InferArithmetic)
MIRIN_BINARY(TruncateDiv, InferArithmetic)
MIRIN_BINARY(TruncateMod, InferArithmetic)
MIRIN_BINARY(Xdivy, InferArithmetic)
MIRIN_BINARY(Xlogy, InferArithmetic)
#undef MIRIN_BINARY

OpSchema AddExt() { return Binary("AddExt", InferArithmetic).Attr("alpha", 1.0); }
OpSchema SubExt() { return Binary("SubExt", InferArithmetic).Attr("alpha", 1.0); }

}  // namespace schemas

namespace {

absl::Status InferAddN(InferContext& c) {
  if (c.num_inputs() == 0) return absl::InvalidArgumentError("needs one operand or more");
  Shape shape = c.shape(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
    MIRIN_ASSIGN_OR_RETURN(shape, BroadcastShapes(shape, c.shape(i)));
  }
  c.SetOutput(0, c.dtype(0), std::move(shape));
  return c.RequireNumber(0);
}

absl::Status InferBiasAdd(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 2));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  const bool last =
      c.attrs().String("data_format") == "NHWC" || c.attrs().Int("data_format", -1) == 1;
  if (c.shape(0).rank_known() && c.shape(1).rank_known()) {
    const int axis = last ? c.shape(0).rank() - 1 : 1;
    const int64_t channels = c.shape(0).dim(axis);
    const int64_t bias = c.shape(1).dim(0);
    if (channels >= 0 && bias >= 0 && channels != bias) {
      return absl::InvalidArgumentError(absl::StrCat("bias ", ToString(c.shape(1)),
                                                     " does not match the ", channels,
                                                     " channels of ", ToString(c.shape(0))));
    }
  }
  return InferSame(c);
}

absl::Status InferSelect(InferContext& c) {
  if (c.dtype(0) != DType::kBool)
    return absl::InvalidArgumentError(
        absl::StrCat("the condition is ", Name(c.dtype(0)), ", expected bool"));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(1, 2));
  MIRIN_ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(c.shape(1), c.shape(2)));
  MIRIN_ASSIGN_OR_RETURN(shape, BroadcastShapes(shape, c.shape(0)));
  c.SetOutput(0, c.dtype(1), std::move(shape));
  return absl::OkStatus();
}

absl::Status InferMaskedFill(InferContext& c) {
  if (c.dtype(1) != DType::kBool)
    return absl::InvalidArgumentError(
        absl::StrCat("the mask is ", Name(c.dtype(1)), ", expected bool"));
  MIRIN_ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(c.shape(0), c.shape(1)));
  c.SetOutput(0, c.dtype(0), std::move(shape));
  return absl::OkStatus();
}

absl::Status InferTernary(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  Shape shape = c.shape(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    if (!c.has_input(i)) continue;
    MIRIN_ASSIGN_OR_RETURN(shape, BroadcastShapes(shape, c.shape(i)));
  }
  c.SetOutput(0, c.dtype(0), std::move(shape));
  return absl::OkStatus();
}

absl::Status InferCast(InferContext& c) {
  if (c.dtype(0) != DType::kString) MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  const DType to = c.attrs().Type("dst_type");
  if (to == DType::kUnknown)
    return absl::InvalidArgumentError("the target dtype is missing or unsupported");
  c.SetOutput(0, to, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferBitCast(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  const DType to = c.attrs().Type("dtype");
  if (to == DType::kUnknown || to == DType::kString || SizeOf(to) != SizeOf(c.dtype(0))) {
    return absl::InvalidArgumentError(
        absl::StrCat("the bits of ", Name(c.dtype(0)), " are not those of ", Name(to)));
  }
  c.SetOutput(0, to, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferPRelu(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  return InferSame(c);
}

absl::Status InferGlu(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  Shape shape = c.shape(0);
  if (shape.rank_known()) {
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), shape.rank()));
    if (shape.dim(axis) % 2 != 0 && shape.dim(axis) >= 0)
      return absl::InvalidArgumentError("the split axis has an odd size");
    if (shape.dim(axis) >= 0) shape.set_dim(axis, shape.dim(axis) / 2);
  }
  c.SetOutput(0, c.dtype(0), std::move(shape));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema AddN() {
  return OpSchema("AddN", "Sum of tensors.").VariadicInput("x").Output("y").Infer(InferAddN);
}
OpSchema BiasAdd() {
  return OpSchema("BiasAdd",
                  "Adds a vector along the channel axis: axis 1, or the last one for NHWC.")
      .Input("x")
      .Input("bias")
      .Attr("data_format", std::string("NCHW"), {"format"})
      .Output("y")
      .Infer(InferBiasAdd);
}
OpSchema Select() {
  return OpSchema("Select", "x where the condition is true, else y; broadcasts.")
      .Input("condition")
      .Input("x")
      .Input("y")
      .Output("z")
      .Infer(InferSelect);
}
OpSchema SelectV2() {
  return OpSchema("SelectV2", "Select under its newer name.")
      .Input("condition")
      .Input("x")
      .Input("y")
      .Output("z")
      .Infer(InferSelect);
}
OpSchema MaskedFill() {
  return OpSchema("MaskedFill", "value (one element) where the mask is true, else x.")
      .Input("x")
      .Input("mask")
      .Input("value")
      .Output("y")
      .Infer(InferMaskedFill);
}
OpSchema ClipByValue() {
  return OpSchema("ClipByValue", "x limited to [min, max]; either may be absent.")
      .Input("x")
      .OptionalInput("min")
      .OptionalInput("max")
      .Output("y")
      .Infer(InferTernary);
}
OpSchema Addcmul() {
  return OpSchema("Addcmul", "x + a * b * value.")
      .Input("x")
      .Input("a")
      .Input("b")
      .Input("value")
      .Output("y")
      .Infer(InferTernary);
}
OpSchema Addcdiv() {
  return OpSchema("Addcdiv", "x + a / b * value.")
      .Input("x")
      .Input("a")
      .Input("b")
      .Input("value")
      .Output("y")
      .Infer(InferTernary);
}
OpSchema Lerp() {
  return OpSchema("Lerp", "x + weight * (y - x).")
      .Input("x")
      .Input("y")
      .Input("weight")
      .Output("z")
      .Infer(InferTernary);
}
OpSchema Cast() {
  return OpSchema("Cast",
                  "Converts the dtype: floats to integers truncate and saturate, anything to bool "
                  "is != 0, texts are numbers as C writes them.")
      .Input("x")
      .RequiredAttr("dst_type", {"DstT", "to", "dtype"})
      .Output("y")
      .Infer(InferCast);
}
OpSchema BitCast() {
  return OpSchema("BitCast",
                  "The same bytes read as another dtype of that size; as bool, every byte but 0 is "
                  "true. (internal)")
      .Input("x")
      .RequiredAttr("dtype")
      .Output("y")
      .Infer(InferBitCast);
}
OpSchema PReLU() {
  return OpSchema("PReLU",
                  "x < 0 ? weight * x : x; one weight per channel (axis 1) or one for all.")
      .Input("x")
      .Input("weight")
      .Output("y")
      .Infer(InferPRelu);
}
OpSchema GLU() {
  return OpSchema("GLU", "a * sigmoid(b) of the halves along an axis.")
      .Input("x")
      .Attr("axis", int64_t{-1})
      .Output("y")
      .Infer(InferGlu);
}

}  // namespace schemas
}  // namespace mirin::ops
