#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/activation_kind.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"
#include "core/ops/window.h"

namespace mirin::ops {

namespace {

using std::string;

std::vector<int64_t> SpatialDims(const Shape& x) {
  return std::vector<int64_t>(x.dims().begin() + 2, x.dims().end());
}

absl::Status InferConv(InferContext& c, int spatial) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, spatial + 2));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, spatial + 2));
  MIRIN_RETURN_IF_ERROR(ParseActivation(c.attrs().String("activation")).status());
  if (IsChannelsLast(c.attrs())) return absl::UnimplementedError("convolutions on NHWC data");
  if (!c.shape(0).rank_known() || !c.shape(1).concrete()) {
    c.SetOutput(0, c.dtype(0), Shape::OfRank(spatial + 2));
    return absl::OkStatus();
  }
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
  const int64_t group = c.attrs().Int("group", 1);
  if (group < 1 || w.dim(0) % group != 0) return absl::InvalidArgumentError(absl::StrCat("group ", group, " does not divide ", w.dim(0), " output channels"));
  if (x.dim(1) >= 0 && x.dim(1) != w.dim(1) * group) {
    return absl::InvalidArgumentError(absl::StrCat("weight ", ToString(w), " needs ", w.dim(1) * group, " input channels, got ", x.dim(1)));
  }
  if (c.has_input(2) && c.shape(2).concrete() && (c.shape(2).rank() != 1 || c.shape(2).dim(0) != w.dim(0))) {
    return absl::InvalidArgumentError(absl::StrCat("bias ", ToString(c.shape(2)), " does not match ", w.dim(0), " output channels"));
  }
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes, PlanWindow(c.attrs(), SpatialDims(x), SpatialDims(w)));
  Dims dims = {x.dim(0), w.dim(0)};
  for (const WindowAxis& a : axes) dims.push_back(a.output);
  if (c.has_input(3) && c.shape(3).concrete() && Shape(dims).concrete() && c.shape(3).dims() != dims) {
    return absl::InvalidArgumentError(absl::StrCat("residual ", ToString(c.shape(3)), " does not match the output ", ToString(dims)));
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferConv2D(InferContext& c) { return InferConv(c, 2); }
absl::Status InferConv3D(InferContext& c) { return InferConv(c, 3); }

absl::Status InferConv2DTranspose(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 4));
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
  if (!x.rank_known() || !w.concrete()) {
    c.SetOutput(0, c.dtype(0), Shape::OfRank(4));
    return absl::OkStatus();
  }
  const int64_t group = c.attrs().Int("group", 1);
  if (group < 1 || w.dim(0) % group != 0) return absl::InvalidArgumentError(absl::StrCat("group ", group, " does not divide ", w.dim(0), " input channels"));
  if (x.dim(1) >= 0 && x.dim(1) != w.dim(0)) {
    return absl::InvalidArgumentError(absl::StrCat("weight ", ToString(w), " needs ", w.dim(0), " input channels, got ", x.dim(1)));
  }
  std::vector<int64_t> wanted;
  if (c.has_input(2)) {
    std::vector<int64_t> size;
    MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(2, &size));
    if (known && size.size() == 4) wanted.assign(size.begin() + 2, size.end());
  }
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes, PlanTransposedWindow(c.attrs(), SpatialDims(x), SpatialDims(w), wanted));
  c.SetOutput(0, c.dtype(0), Shape({x.dim(0), w.dim(1) * group, axes[0].output, axes[1].output}));
  return absl::OkStatus();
}

absl::Status InferPool(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  if (IsChannelsLast(c.attrs())) return absl::UnimplementedError("pooling of NHWC data");
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::OfRank(4));
    return absl::OkStatus();
  }
  const Shape& x = c.shape(0);
  if (c.attrs().Bool("global")) {
    c.SetOutput(0, c.dtype(0), Shape({x.dim(0), x.dim(1), 1, 1}));
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, SpatialAttribute(c.attrs(), "kernel_size", 2, 1, 1));
  WindowOptions options;
  options.ceil_mode = c.attrs().Int("round_mode") == 1;
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes, PlanWindow(c.attrs(), SpatialDims(x), kernel, options));
  c.SetOutput(0, c.dtype(0), Shape({x.dim(0), x.dim(1), axes[0].output, axes[1].output}));
  return absl::OkStatus();
}

absl::Status InferAdaptivePool(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  const std::vector<int64_t> size = c.attrs().Ints("output_size");
  if (size.empty() || size.size() > 2) return absl::InvalidArgumentError("output_size needs one or two numbers");
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 3));
  Shape out = c.shape(0);
  for (int i = 0; i < 2; ++i) {
    const int64_t s = size.size() == 1 ? size[0] : size[i];
    if (s == 0 || s < -1) return absl::InvalidArgumentError("output_size must be positive");
    if (s > 0) out.set_dim(out.rank() - 2 + i, s);
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

absl::Status InferMatMul(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(ParseActivation(c.attrs().String("activation")).status());
  const Shape& a = c.shape(0);
  const Shape& b = c.shape(1);
  if (!a.rank_known() || !b.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  if (a.rank() == 0 || b.rank() == 0) return absl::InvalidArgumentError("matrices need an axis");
  const bool ta = c.attrs().Bool("transpose_a") && a.rank() > 1, tb = c.attrs().Bool("transpose_b") && b.rank() > 1;
  const auto dim = [](const Shape& s, int from_end) { return s.dim(s.rank() - from_end); };
  const int64_t m = a.rank() == 1 ? 1 : dim(a, ta ? 1 : 2);
  const int64_t ka = a.rank() == 1 ? a.dim(0) : dim(a, ta ? 2 : 1);
  const int64_t kb = b.rank() == 1 ? b.dim(0) : dim(b, tb ? 1 : 2);
  const int64_t n = b.rank() == 1 ? 1 : dim(b, tb ? 2 : 1);
  if (ka >= 0 && kb >= 0 && ka != kb) {
    return absl::InvalidArgumentError(absl::StrCat("cannot multiply ", ToString(a), ta ? " (transposed)" : "", " by ", ToString(b), tb ? " (transposed)" : ""));
  }
  const Shape batch_a(Dims(a.dims().begin(), a.dims().end() - std::min(2, a.rank())));
  const Shape batch_b(Dims(b.dims().begin(), b.dims().end() - std::min(2, b.rank())));
  MIRIN_ASSIGN_OR_RETURN(const Shape batch, BroadcastShapes(batch_a, batch_b));
  Dims dims = batch.dims();
  if (a.rank() > 1) dims.push_back(m);
  if (b.rank() > 1) dims.push_back(n);
  if (dims.size() > kMaxRank) return absl::InvalidArgumentError("the result has too many axes");
  if (c.has_input(2) && c.shape(2).concrete() && n >= 0 && (c.shape(2).rank() != 1 || (c.shape(2).dim(0) != n && c.shape(2).dim(0) != 1))) {
    return absl::InvalidArgumentError(absl::StrCat("bias ", ToString(c.shape(2)), " does not match ", n, " columns"));
  }
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferLayerNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    for (int i = 0; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  MIRIN_ASSIGN_OR_RETURN(const int norm, NormalizeAxis(c.attrs().Int("begin_norm_axis"), x.rank(), "begin_norm_axis"));
  MIRIN_ASSIGN_OR_RETURN(const int params, NormalizeAxis(c.attrs().Int("begin_params_axis"), x.rank(), "begin_params_axis"));
  for (int i = 1; i < 3; ++i) {
    const Dims expected(x.dims().begin() + params, x.dims().end());
    if (c.shape(i).concrete() && Shape(expected).concrete() && NumElements(c.shape(i).dims()) != NumElements(expected)) {
      return absl::InvalidArgumentError(absl::StrCat("scale or shift ", ToString(c.shape(i)), " does not match ", ToString(expected)));
    }
  }
  c.SetOutput(0, c.dtype(0), x);
  Shape stats = x;
  for (int i = norm; i < x.rank(); ++i) stats.set_dim(i, 1);
  for (int i = 1; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), stats);
  return absl::OkStatus();
}

absl::Status InferBatchNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 2));
  if (c.attrs().Bool("is_training")) return absl::UnimplementedError("BatchNorm in training mode");
  if (IsChannelsLast(c.attrs()) && c.shape(0).rank_known() && c.shape(0).rank() > 2) return absl::UnimplementedError("BatchNorm of NHWC data");
  for (int i = 1; i < 5; ++i) {
    MIRIN_RETURN_IF_ERROR(c.RequireRank(i, 1));
    if (c.shape(0).rank_known() && c.shape(i).concrete() && c.shape(0).dim(1) >= 0 && c.shape(i).dim(0) != c.shape(0).dim(1)) {
      return absl::InvalidArgumentError(absl::StrCat("a vector ", ToString(c.shape(i)), " does not match ", c.shape(0).dim(1), " channels"));
    }
  }
  c.SetOutput(0, c.dtype(0), c.shape(0));
  for (int i = 1; i < 5; ++i) c.SetOutput(i, c.dtype(i), c.shape(i));
  return absl::OkStatus();
}

absl::Status InferGroupNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 2));
  const int64_t groups = c.attrs().Int("num_groups");
  const Shape& x = c.shape(0);
  if (groups < 1 || (x.rank_known() && x.dim(1) >= 0 && x.dim(1) % groups != 0)) return absl::InvalidArgumentError(absl::StrCat(groups, " groups do not divide the channels"));
  for (int i = 1; i < 3; ++i) {
    if (c.has_input(i) && c.shape(i).concrete() && x.rank_known() && x.dim(1) >= 0 && NumElements(c.shape(i).dims()) != x.dim(1)) {
      return absl::InvalidArgumentError("weight or bias does not match the channels");
    }
  }
  c.SetOutput(0, c.dtype(0), x);
  const Shape stats = x.rank_known() ? Shape({x.dim(0), groups}) : Shape::OfRank(2);
  c.SetOutput(1, c.dtype(0), stats);
  c.SetOutput(2, c.dtype(0), stats);
  return absl::OkStatus();
}

absl::Status InferRmsNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  c.SetOutput(0, c.dtype(0), c.shape(0));
  Shape stats = c.shape(0);
  if (stats.rank_known() && c.shape(1).rank_known()) {
    if (c.shape(1).rank() > stats.rank()) return absl::InvalidArgumentError("gamma has more axes than x");
    for (int i = stats.rank() - c.shape(1).rank(); i < stats.rank(); ++i) stats.set_dim(i, 1);
  }
  c.SetOutput(1, DType::kFloat32, stats);
  return absl::OkStatus();
}

absl::Status InferLrn(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  return InferSameFloat(c);
}

absl::Status Resized(InferContext& c, const std::vector<int64_t>& size) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  if (size.size() != 2) return absl::InvalidArgumentError("size needs two numbers");
  if (size[0] < 1 || size[1] < 1 || size[0] > (1 << 20) || size[1] > (1 << 20)) return absl::InvalidArgumentError(absl::StrCat("size (", size[0], ", ", size[1], ") is out of range"));
  Shape out = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4);
  out.set_dim(2, size[0]);
  out.set_dim(3, size[1]);
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

absl::Status InferResizeInts(InferContext& c) {
  std::vector<int64_t> size;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &size));
  if (known) return Resized(c, size);
  Shape out = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4);
  if (out.rank() == 4) {
    out.set_dim(2, -1);
    out.set_dim(3, -1);
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

// Lite: operand 1 is sizes (integers) or scales (floats) of height and width, or of all four axes.
absl::Status InferResizeLite(InferContext& c) {
  const Tensor* t = c.value(1);
  if (t == nullptr || !c.shape(0).rank_known() || c.shape(0).rank() != 4) {
    MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
    c.SetOutput(0, c.dtype(0), Shape::OfRank(4));
    return absl::OkStatus();
  }
  if (t->elements() != 2 && t->elements() != 4) return absl::InvalidArgumentError("sizes or scales must have two or four numbers");
  std::vector<int64_t> size(2, -1);
  const int64_t skip = t->elements() - 2;
  if (IsInt(t->dtype())) {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> v, t->ToInt64s());
    size = {v[skip], v[skip + 1]};
  } else if (t->dtype() == DType::kFloat32) {
    for (int i = 0; i < 2; ++i) {
      float scale;
      __builtin_memcpy(&scale, t->data_as<char>() + (skip + i) * 4, 4);
      const double v = static_cast<double>(c.shape(0).dim(2 + i)) * scale;
      if (c.shape(0).dim(2 + i) < 0) return InferSame(c);
      if (!(v >= 1 && v < 1e9)) return absl::InvalidArgumentError(absl::StrCat("scale ", scale, " is out of range"));
      size[i] = static_cast<int64_t>(v);
    }
  } else {
    return absl::InvalidArgumentError(absl::StrCat("sizes or scales are ", Name(t->dtype())));
  }
  return Resized(c, size);
}

absl::Status InferLstm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  const int64_t hidden = c.attrs().Int("hidden_size"), input = c.attrs().Int("input_size"), layers = c.attrs().Int("num_layers");
  const int64_t directions = c.attrs().Bool("bidirectional") ? 2 : 1;
  if (hidden < 1 || hidden > (1 << 20) || input < 1 || input > (1 << 20) || layers < 1 || layers > 1024) return absl::InvalidArgumentError("sizes are out of range");
  if (c.attrs().Int("proj_size") != 0) return absl::UnimplementedError("LSTM with a projection");
  const Shape& x = c.shape(0);
  const int64_t steps = x.rank_known() ? x.dim(0) : -1, batch = x.rank_known() ? x.dim(1) : -1;
  if (x.rank_known() && x.dim(2) >= 0 && x.dim(2) != input) return absl::InvalidArgumentError(absl::StrCat("x has ", x.dim(2), " features, expected ", input));
  int64_t weights = 0;
  for (int64_t l = 0; l < layers; ++l) {
    weights += directions * 4 * hidden * ((l == 0 ? input : hidden * directions) + hidden + (c.attrs().Bool("has_bias") ? 1 : 0));
  }
  if (c.shape(3).concrete() && NumElements(c.shape(3).dims()) != weights) {
    return absl::InvalidArgumentError(absl::StrCat("the packed weight has ", NumElements(c.shape(3).dims()), " numbers, expected ", weights));
  }
  const Shape state({layers * directions, batch, hidden});
  for (int i = 1; i < 3; ++i) {
    if (c.shape(i).concrete() && state.concrete() && c.shape(i) != state) return absl::InvalidArgumentError(absl::StrCat("a start state is ", ToString(c.shape(i)), ", expected ", ToString(state)));
  }
  c.SetOutput(0, c.dtype(0), Shape({steps, batch, hidden * directions}));
  c.SetOutput(1, c.dtype(0), state);
  c.SetOutput(2, c.dtype(0), state);
  c.SetOutput(3, c.dtype(0), Shape({1, 1}));
  c.SetOutput(4, c.dtype(0), Shape({1, 1}));
  return absl::OkStatus();
}

absl::Status InferLstmOnnx(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 3));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(2, 3));
  const Shape& x = c.shape(0);
  const Shape& r = c.shape(2);
  if (!x.rank_known() || !r.concrete()) {
    for (int i = 0; i < 3; ++i) c.SetOutput(i, c.dtype(0), Shape::OfRank(i == 0 ? 4 : 3));
    return absl::OkStatus();
  }
  const int64_t directions = r.dim(0), hidden = r.dim(2);
  if (r.dim(1) != 4 * hidden || (directions != 1 && directions != 2)) return absl::InvalidArgumentError(absl::StrCat("R has shape ", ToString(r)));
  if (c.shape(1).concrete() && x.dim(2) >= 0 && c.shape(1) != Shape({directions, 4 * hidden, x.dim(2)})) return absl::InvalidArgumentError(absl::StrCat("W has shape ", ToString(c.shape(1))));
  if (c.has_input(3) && c.shape(3).concrete() && NumElements(c.shape(3).dims()) != directions * 8 * hidden) return absl::InvalidArgumentError(absl::StrCat("B has shape ", ToString(c.shape(3))));
  for (int i = 4; i < 6; ++i) {
    if (c.has_input(i) && c.shape(i).concrete() && x.dim(1) >= 0 && NumElements(c.shape(i).dims()) != directions * x.dim(1) * hidden) return absl::InvalidArgumentError("a start state has the wrong size");
  }
  c.SetOutput(0, c.dtype(0), Shape({x.dim(0), directions, x.dim(1), hidden}));
  c.SetOutput(1, c.dtype(0), Shape({directions, x.dim(1), hidden}));
  c.SetOutput(2, c.dtype(0), Shape({directions, x.dim(1), hidden}));
  return absl::OkStatus();
}

absl::Status InferQuantize(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  const DType to = c.has_input(2) ? c.dtype(2) : DType::kUInt8;
  if (!IsInt(to)) return absl::InvalidArgumentError("the zero point must be an integer");
  c.SetOutput(0, to, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferDequantize(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(0));
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(1));
  c.SetOutput(0, c.dtype(1), c.shape(0));
  return absl::OkStatus();
}

absl::Status InferDropout(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(InferSameFloat(c));
  if (c.num_outputs() > 1) c.SetOutput(1, c.dtype(0), c.shape(0));
  return absl::OkStatus();
}

absl::Status InferDepthToSpace(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  const int64_t b = c.attrs().Int("block_size");
  if (b < 1 || b > 4096) return absl::InvalidArgumentError("block_size is out of range");
  const bool to_space = c.node().op() == "DepthToSpace";
  Shape s = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4);
  const auto scale = [&](int axis, int64_t factor, bool up) -> absl::Status {
    if (s.dim(axis) < 0) return absl::OkStatus();
    if (!up && s.dim(axis) % factor != 0) return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of ", ToString(s), " is no multiple of ", factor));
    s.set_dim(axis, up ? s.dim(axis) * factor : s.dim(axis) / factor);
    return absl::OkStatus();
  };
  MIRIN_RETURN_IF_ERROR(scale(1, b * b, !to_space));
  MIRIN_RETURN_IF_ERROR(scale(2, b, to_space));
  MIRIN_RETURN_IF_ERROR(scale(3, b, to_space));
  c.SetOutput(0, c.dtype(0), std::move(s));
  return absl::OkStatus();
}

OpSchema Convolution(const char* name, InferFn infer) {
  return OpSchema(name, "Convolution of NC.. data; weight [O, I/group, ..]. y = activation(conv(x, w) + bias + residual).")
      .Input("x").Input("weight")
      .Attr("pad_mode", string("pad")).Attr("pad_list", std::vector<int64_t>{}).Attr("pad", std::vector<int64_t>{})
      .Attr("stride", std::vector<int64_t>{}, {"strides"}).Attr("dilation", std::vector<int64_t>{}, {"dilations"})
      .Attr("group", int64_t{1}, {"groups"}).Attr("format", string("NCHW"), {"data_format"})
      .Attr("activation", string()).OptionalInput("bias").OptionalInput("residual").Output("y").Infer(infer);
}

OpSchema MatrixProduct(const char* name) {
  return OpSchema(name, "Matrix product with broadcast batch axes. y = activation(a b + bias).")
      .Input("x").Input("y").Attr("transpose_a", false, {"transpose_x1", "adj_x1"}).Attr("transpose_b", false, {"transpose_x2", "adj_x2"})
      .Attr("activation", string()).OptionalInput("bias").Output("z").Infer(InferMatMul);
}

OpSchema Pooling(const char* name) {
  return OpSchema(name, "Window maximum or average over H and W; padding does not count in the average.")
      .Input("x").Attr("kernel_size", std::vector<int64_t>{}).Attr("strides", std::vector<int64_t>{}).Attr("pad_mode", string("valid"))
      .Attr("data_format", string("NCHW"), {"format"}).Attr("pad_list", std::vector<int64_t>{}).Attr("global", false).Attr("round_mode", int64_t{0})
      .Attr("count_include_pad", false).Output("y").Infer(InferPool);
}

}  // namespace

namespace schemas {

OpSchema Conv2D() { return Convolution("Conv2D", InferConv2D); }
OpSchema Conv3D() { return Convolution("Conv3D", InferConv3D); }
OpSchema Conv2DTranspose() {
  return OpSchema("Conv2DTranspose", "The gradient of a convolution; weight [I, O/group, kh, kw].")
      .Input("x").Input("weight").Ints("input_size", std::vector<int64_t>{})
      .Attr("pad_mode", string("pad")).Attr("pad_list", std::vector<int64_t>{}).Attr("pad", std::vector<int64_t>{})
      .Attr("stride", std::vector<int64_t>{}, {"strides"}).Attr("dilation", std::vector<int64_t>{}, {"dilations"})
      .Attr("group", int64_t{1}, {"groups"}).Attr("format", string("NCHW"), {"data_format"}).Attr("output_paddings", std::vector<int64_t>{})
      .OptionalInput("bias").Output("y").Infer(InferConv2DTranspose);
}
OpSchema MaxPool() { return Pooling("MaxPool"); }
OpSchema AvgPool() { return Pooling("AvgPool"); }
OpSchema AdaptiveAvgPool2D() {
  return OpSchema("AdaptiveAvgPool2D", "Averages over windows floor(i*H/o) .. ceil((i+1)*H/o).").Input("x").RequiredAttr("output_size").Output("y").Infer(InferAdaptivePool);
}
OpSchema MatMul() { return MatrixProduct("MatMul"); }
OpSchema BatchMatMul() { return MatrixProduct("BatchMatMul"); }
OpSchema MatMulExt() { return MatrixProduct("MatMulExt"); }
OpSchema Dense() {
  return OpSchema("Dense", "x w^T + bias; w is [O, I].").Input("x").Input("weight").OptionalInput("bias").Attr("transpose_b", true).Attr("transpose_a", false)
      .Attr("activation", string()).Output("y").Infer(InferMatMul);
}
OpSchema LayerNorm() {
  return OpSchema("LayerNorm", "Normalises over the axes from begin_norm_axis on.").Input("x").Input("gamma").Input("beta")
      .Attr("begin_norm_axis", int64_t{1}).Attr("begin_params_axis", int64_t{1}).Attr("epsilon", 1e-7).Output("y").Output("mean").Output("variance").Infer(InferLayerNorm);
}
OpSchema BatchNorm() {
  return OpSchema("BatchNorm", "Inference: (x - mean) / sqrt(variance + epsilon) * scale + bias per channel.")
      .Input("x").Input("scale").Input("bias").Input("mean").Input("variance").Attr("is_training", false).Attr("epsilon", 1e-5).Attr("momentum", 0.1)
      .Attr("data_format", string("NCHW"), {"format"}).Output("y").Output("batch_mean").Output("batch_variance").Output("reserve_1").Output("reserve_2").Infer(InferBatchNorm);
}
OpSchema GroupNorm() {
  return OpSchema("GroupNorm", "Normalises groups of channels.").Input("x").RequiredAttr("num_groups").OptionalInput("weight").OptionalInput("bias").Attr("eps", 1e-5)
      .Output("y").Output("mean").Output("rstd").Infer(InferGroupNorm);
}
OpSchema RmsNorm() { return OpSchema("RmsNorm", "x / sqrt(mean(x^2) + epsilon) * gamma.").Input("x").Input("gamma").Attr("epsilon", 1e-6).Output("y").Output("rstd").Infer(InferRmsNorm); }
OpSchema LRN() {
  return OpSchema("LRN", "x / (bias + alpha * sum of squares over 2r+1 channels) ^ beta.").Input("x").Attr("depth_radius", int64_t{5}).Attr("bias", 1.0).Attr("alpha", 1.0).Attr("beta", 0.5)
      .Attr("norm_region", string("ACROSS_CHANNELS")).Output("y").Infer(InferLrn);
}
OpSchema ResizeBilinear() {
  return OpSchema("ResizeBilinear", "Bilinear resize to size.").Input("x").Ints("size").Attr("align_corners", false).Attr("half_pixel_centers", false).Output("y").Infer(InferResizeInts);
}
OpSchema ResizeBilinearV2() {
  return OpSchema("ResizeBilinearV2", "Bilinear resize to size.").Input("x").Ints("size").Attr("align_corners", false).Attr("half_pixel_centers", false).Output("y").Infer(InferResizeInts);
}
OpSchema ResizeNearestNeighbor() {
  return OpSchema("ResizeNearestNeighbor", "Nearest-neighbour resize to size.").Input("x").Ints("size").Attr("align_corners", false).Attr("half_pixel_centers", false).Output("y").Infer(InferResizeInts);
}
OpSchema ResizeNearestNeighborV2() {
  return OpSchema("ResizeNearestNeighborV2", "Nearest-neighbour resize to size.").Input("x").Ints("size").Attr("align_corners", false).Attr("half_pixel_centers", false).Output("y").Infer(InferResizeInts);
}
OpSchema Resize() {
  return OpSchema("Resize", "Resize by sizes or scales; method 0 linear, 1 nearest; coordinates 0 asymmetric, 1 align corners, 2 half pixel.")
      .Input("x").Input("size_or_scale").Attr("method", int64_t{0}).Attr("coordinate_transform_mode", int64_t{0}).Attr("nearest_mode", int64_t{0}).Output("y").Infer(InferResizeLite)
      .ShapeFromValue("size_or_scale");
}
OpSchema LSTM() {
  return OpSchema("LSTM", "Long short-term memory over [T, N, I]; gates i f g o; one flat weight: per layer and direction W_ih, W_hh, then the biases b_ih + b_hh.")
      .Input("x").Input("h").Input("c").Input("weight").RequiredAttr("input_size").RequiredAttr("hidden_size").Attr("num_layers", int64_t{1}).Attr("has_bias", true)
      .Attr("bidirectional", false).Attr("dropout", 0.0).Attr("proj_size", int64_t{0}).Output("y").Output("h_n").Output("c_n").Output("reserve").Output("state").Infer(InferLstm);
}
OpSchema LSTMOnnx() {
  return OpSchema("LSTMOnnx", "ONNX LSTM: gates i o f c, separate weights. (internal)").Input("x").Input("W").Input("R").OptionalInput("B").OptionalInput("h").OptionalInput("c")
      .Attr("bidirectional", false).Output("y").Output("h_n").Output("c_n").Infer(InferLstmOnnx);
}
OpSchema QuantizeLinear() { return OpSchema("QuantizeLinear", "round(x / scale) + zero_point, saturated. (internal)").Input("x").Input("scale").OptionalInput("zero_point").Attr("axis", int64_t{1}).Output("y").Infer(InferQuantize); }
OpSchema DequantizeLinear() { return OpSchema("DequantizeLinear", "(x - zero_point) * scale. (internal)").Input("x").Input("scale").OptionalInput("zero_point").Attr("axis", int64_t{1}).Output("y").Infer(InferDequantize); }
OpSchema Dropout() { return OpSchema("Dropout", "Identity at inference.").Input("x").Attr("keep_prob", 0.5).Output("y").Output("mask").Infer(InferDropout); }
OpSchema DepthToSpace() { return OpSchema("DepthToSpace", "Blocks of channels become blocks of pixels.").Input("x").RequiredAttr("block_size").Output("y").Infer(InferDepthToSpace); }
OpSchema SpaceToDepth() { return OpSchema("SpaceToDepth", "Blocks of pixels become channels.").Input("x").RequiredAttr("block_size").Output("y").Infer(InferDepthToSpace); }

}  // namespace schemas
}  // namespace mirin::ops
