// Products of 8-bit integers. Each takes its integers' zero points and scales as attributes, folded into one scale per output channel
// where that is possible.
#include "absl/strings/str_cat.h"
#include "core/ops/activation_kind.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"
#include "core/ops/window.h"

namespace mirin::ops {
namespace {

using std::string;

bool IsByte(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUInt8; }

absl::Status RequireByte(const InferContext& c, int i) {
  if (IsByte(c.dtype(i))) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " is ", Name(c.dtype(i)), ", expected int8 or uint8"));
}

absl::Status CheckZero(const InferContext& c, absl::string_view name, DType dtype) {
  const int64_t zero = c.attrs().Int(name), low = dtype == DType::kInt8 ? -128 : 0;
  if (zero >= low && zero <= low + 255) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " ", zero, " is not in the range of ", Name(dtype)));
}

absl::Status CheckScale(const InferContext& c, absl::string_view name) {
  const double scale = c.attrs().Float(name);
  if (scale > 0 && scale < 1e38) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", scale));
}

// The dtype of the result: float32, or bytes by y_scale and y_zero.
absl::StatusOr<DType> ResultType(const InferContext& c) {
  MIRIN_RETURN_IF_ERROR(ParseActivation(c.attrs().String("activation")).status());
  const DType dtype = c.attrs().Type("dtype");
  if (dtype == DType::kUnknown || dtype == DType::kFloat32) return DType::kFloat32;
  if (!IsByte(dtype))
    return absl::InvalidArgumentError(
        absl::StrCat("a result of ", Name(dtype), ", expected float32, int8 or uint8"));
  MIRIN_RETURN_IF_ERROR(CheckScale(c, "y_scale"));
  MIRIN_RETURN_IF_ERROR(CheckZero(c, "y_zero", dtype));
  return dtype;
}

// float32, one number per channel.
absl::Status CheckPerChannel(const InferContext& c, int i, int64_t channels) {
  if (!c.has_input(i)) return absl::OkStatus();
  if (c.dtype(i) != DType::kFloat32)
    return absl::InvalidArgumentError(
        absl::StrCat("input ", i, " is ", Name(c.dtype(i)), ", expected float32"));
  if (!c.shape(i).concrete() || c.shape(i) == Shape({channels})) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("input ", i, " ", ToString(c.shape(i)),
                                                 " does not match ", channels, " output channels"));
}

// x [.., K] times an int8 matrix with a scale and a bias per column, inputs 1 to 3.
absl::Status InferProduct(InferContext& c, DType result) {
  if (c.dtype(1) != DType::kInt8)
    return absl::InvalidArgumentError(
        absl::StrCat("the weight is ", Name(c.dtype(1)), ", expected int8"));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 2));
  const Shape &x = c.shape(0), &w = c.shape(1);
  if (!x.rank_known() || !w.rank_known()) {
    c.SetOutput(0, result, Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  const bool transposed = c.attrs().Bool("transpose_b");
  const int64_t k = w.dim(transposed ? 1 : 0), n = w.dim(transposed ? 0 : 1),
                last = x.dim(x.rank() - 1);
  if (k >= 0 && last >= 0 && k != last)
    return absl::InvalidArgumentError(absl::StrCat("cannot multiply ", ToString(x), " by ",
                                                   ToString(w), transposed ? " (transposed)" : ""));
  for (const int i : {2, 3}) {
    if (n >= 0 && result != DType::kInt32) MIRIN_RETURN_IF_ERROR(CheckPerChannel(c, i, n));
  }
  Shape y = x;
  y.set_dim(y.rank() - 1, n);
  if (y.concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(result, y.dims()).status());
  c.SetOutput(0, result, std::move(y));
  return absl::OkStatus();
}

absl::Status InferQuantizedMatMul(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireByte(c, 0));
  MIRIN_RETURN_IF_ERROR(CheckZero(c, "x_zero", c.dtype(0)));
  MIRIN_ASSIGN_OR_RETURN(const DType result, ResultType(c));
  return InferProduct(c, result);
}

absl::Status RequireFloat32(const InferContext& c, int i) {
  if (c.dtype(i) == DType::kFloat32) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " is ", Name(c.dtype(i)), ", expected float32"));
}

absl::Status InferMatMulInteger(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireByte(c, 0));
  if (c.has_input(2) && c.dtype(2) != c.dtype(0))
    return absl::InvalidArgumentError(
        absl::StrCat("the zero point is ", Name(c.dtype(2)), ", expected ", Name(c.dtype(0))));
  if (c.has_input(2) && c.shape(2).concrete() && NumElements(c.shape(2).dims()) != 1)
    return absl::InvalidArgumentError(
        absl::StrCat("the zero point ", ToString(c.shape(2)), " is not one number"));
  return InferProduct(c, DType::kInt32);
}

absl::Status InferDynamicQuantizeLinear(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireFloat32(c, 0));
  c.SetOutput(0, DType::kUInt8, c.shape(0));
  c.SetOutput(1, DType::kFloat32, Shape(Dims{}));
  c.SetOutput(2, DType::kUInt8, Shape(Dims{}));
  return absl::OkStatus();
}

absl::Status InferDynamicQuantMatMul(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireFloat32(c, 0));
  MIRIN_RETURN_IF_ERROR(ParseActivation(c.attrs().String("activation")).status());
  const std::string range = c.attrs().String("range");
  if (range != "row" && range != "tensor")
    return absl::InvalidArgumentError(absl::StrCat("the range '", range, "' is not row or tensor"));
  return InferProduct(c, DType::kFloat32);
}

absl::Status CheckResidual(const InferContext& c, const Dims& dims) {
  if (!c.has_input(4)) return absl::OkStatus();
  if (c.dtype(4) != DType::kFloat32) {
    MIRIN_RETURN_IF_ERROR(RequireByte(c, 4));
    MIRIN_RETURN_IF_ERROR(CheckZero(c, "residual_zero", c.dtype(4)));
    MIRIN_RETURN_IF_ERROR(CheckScale(c, "residual_scale"));
  }
  if (!c.shape(4).concrete() || !Shape(dims).concrete() || c.shape(4).dims() == dims)
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("residual ", ToString(c.shape(4)),
                                                 " does not match the output ", ToString(dims)));
}

absl::Status InferQuantizedConv2D(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireByte(c, 0));
  MIRIN_RETURN_IF_ERROR(CheckZero(c, "x_zero", c.dtype(0)));
  if (c.dtype(1) != DType::kInt8)
    return absl::InvalidArgumentError(
        absl::StrCat("the weight is ", Name(c.dtype(1)), ", expected int8"));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 4));
  MIRIN_ASSIGN_OR_RETURN(const DType result, ResultType(c));
  if (IsChannelsLast(c.attrs())) return absl::UnimplementedError("convolutions on NHWC data");
  const Shape &x = c.shape(0), &w = c.shape(1);
  if (!x.rank_known() || !w.concrete()) {
    c.SetOutput(0, result, Shape::OfRank(4));
    return absl::OkStatus();
  }
  const int64_t group = c.attrs().Int("group", 1);
  if (group < 1 || w.dim(0) % group != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("group ", group, " does not divide ", w.dim(0), " output channels"));
  if (x.dim(1) >= 0 && x.dim(1) != w.dim(1) * group) {
    return absl::InvalidArgumentError(absl::StrCat(
        "weight ", ToString(w), " needs ", w.dim(1) * group, " input channels, got ", x.dim(1)));
  }
  MIRIN_RETURN_IF_ERROR(CheckPerChannel(c, 2, w.dim(0)));
  MIRIN_RETURN_IF_ERROR(CheckPerChannel(c, 3, w.dim(0)));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes,
                         PlanWindow(c.attrs(), {x.dim(2), x.dim(3)}, {w.dim(2), w.dim(3)}));
  Dims dims = {x.dim(0), w.dim(0), axes[0].output, axes[1].output};
  MIRIN_RETURN_IF_ERROR(CheckResidual(c, dims));
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(result, dims).status());
  c.SetOutput(0, result, Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferQuantizedAdd(InferContext& c) {
  for (const int i : {0, 1}) MIRIN_RETURN_IF_ERROR(RequireByte(c, i));
  for (const char* name : {"a_scale", "b_scale"}) MIRIN_RETURN_IF_ERROR(CheckScale(c, name));
  MIRIN_RETURN_IF_ERROR(CheckZero(c, "a_zero", c.dtype(0)));
  MIRIN_RETURN_IF_ERROR(CheckZero(c, "b_zero", c.dtype(1)));
  MIRIN_ASSIGN_OR_RETURN(const DType result, ResultType(c));
  if (result == DType::kFloat32)
    return absl::InvalidArgumentError("the result must be int8 or uint8");
  const string activation = c.attrs().String("activation");
  if (!activation.empty() && activation != "relu")
    return absl::InvalidArgumentError(
        absl::StrCat("the activation '", activation, "' is not relu"));
  MIRIN_ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(c.shape(0), c.shape(1)));
  if (shape.concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(result, shape.dims()).status());
  c.SetOutput(0, result, std::move(shape));
  return absl::OkStatus();
}

OpSchema& WithResultForm(OpSchema& schema) {
  return schema.Attr("activation", string())
      .Attr("dtype", std::monostate())
      .Attr("y_scale", 1.0)
      .Attr("y_zero", int64_t{0});
}

}  // namespace

namespace schemas {

OpSchema QuantizedMatMul() {
  OpSchema schema("QuantizedMatMul",
                  "v = activation((x - x_zero) w * scale + bias) for bytes x and an int8 matrix w, "
                  "exact in integers; v itself, or bytes "
                  "round(v * (1 / y_scale)) + y_zero, in float32, when dtype says so. (internal)");
  schema.Input("x")
      .Input("weight")
      .Input("scale")
      .OptionalInput("bias")
      .Attr("transpose_b", false)
      .Attr("x_zero", int64_t{0});
  return WithResultForm(schema).Output("y").Infer(InferQuantizedMatMul);
}
OpSchema DynamicQuantMatMul() {
  return OpSchema("DynamicQuantMatMul",
                  "activation(x w * scale + bias) for an int8 matrix w; each row of x, or all of x "
                  "as range says, is rounded to 255 steps between its least and largest "
                  "number and 0; one that is not finite spoils its row or all. (internal)")
      .Input("x")
      .Input("weight")
      .Input("scale")
      .OptionalInput("bias")
      .Attr("transpose_b", false)
      .Attr("activation", string())
      .Attr("range", string("row"))
      .Output("y")
      .Infer(InferDynamicQuantMatMul);
}
OpSchema DynamicQuantizeLinear() {
  return OpSchema("DynamicQuantizeLinear",
                  "x in uint8 by the 255 steps between its least and largest number and 0: "
                  "scale = (max - min) / 255, or 1 / 255 where that is 0, "
                  "zero = round(-min / scale) and y = round(x / scale) + zero, saturated.")
      .Input("x")
      .Output("y")
      .Output("scale")
      .Output("zero")
      .Infer(InferDynamicQuantizeLinear);
}
OpSchema MatMulInteger() {
  return OpSchema("MatMulInteger",
                  "(x - x_zero) w in int32 for bytes x and an int8 matrix w; sums wrap around.")
      .Input("x")
      .Input("weight")
      .OptionalInput("x_zero")
      .Attr("transpose_b", false)
      .Output("y")
      .Infer(InferMatMulInteger);
}
OpSchema QuantizedConv2D() {
  OpSchema schema("QuantizedConv2D",
                  "v = activation(conv(x - x_zero, weight) * scale + bias + residual) for bytes x "
                  "and int8 weights, exact in integers; a residual of "
                  "bytes counts as (r - residual_zero) * residual_scale; v itself, or bytes "
                  "round(v * (1 / y_scale)) + y_zero, in float32, when dtype says so. (internal)");
  schema.Input("x")
      .Input("weight")
      .Input("scale")
      .OptionalInput("bias")
      .OptionalInput("residual")
      .Attr("pad_mode", string("pad"))
      .Attr("pad_list", std::vector<int64_t>{})
      .Attr("pad", std::vector<int64_t>{})
      .Attr("stride", std::vector<int64_t>{})
      .Attr("dilation", std::vector<int64_t>{})
      .Attr("group", int64_t{1})
      .Attr("format", string("NCHW"))
      .Attr("x_zero", int64_t{0})
      .Attr("residual_scale", 1.0)
      .Attr("residual_zero", int64_t{0});
  return WithResultForm(schema).Output("y").Infer(InferQuantizedConv2D);
}
OpSchema QuantizedAdd() {
  OpSchema schema(
      "QuantizedAdd",
      "v = activation((a - a_zero) * a_scale + (b - b_zero) * b_scale) with "
      "broadcasting, as bytes round(v * (1 / y_scale)) + y_zero, in float32. (internal)");
  schema.Input("a")
      .Input("b")
      .Attr("a_scale", 1.0)
      .Attr("a_zero", int64_t{0})
      .Attr("b_scale", 1.0)
      .Attr("b_zero", int64_t{0});
  return WithResultForm(schema).Output("y").Infer(InferQuantizedAdd);
}

}  // namespace schemas
}  // namespace mirin::ops
