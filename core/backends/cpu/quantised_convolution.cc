// Convolutions of bytes: by oneDNN where the CPU multiplies bytes, in floating point where it does not.
#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "core/backends/cpu/int8_gemm.h"
#include "core/backends/cpu/onednn.h"
#include "core/base/status.h"

namespace mirin::cpu {

using namespace onednn;  // NOLINT: this file is made of it

namespace {

absl::Status CheckConstants(const KernelRequest& r) {
  if (r.weights == nullptr) return absl::UnimplementedError("no weights to share");
  for (const size_t i : {1, 2, 3}) {
    if (r.has_input(i) && !r.can_pack(i))
      return absl::UnimplementedError("computed weights, scales or bias");
  }
  if (NumElements(r.inputs[0].shape.dims()) == 0 || NumElements(r.outputs[0].shape.dims()) == 0)
    return absl::UnimplementedError("an empty tensor");
  return absl::OkStatus();
}

template <typename T>
std::shared_ptr<const memory> One(T value, memory::data_type type) {
  auto one = std::make_shared<memory>(memory::desc({1}, type, tag::a), Engine());
  *static_cast<T*>(one->get_data_handle()) = value;
  return one;
}

// A float32 constant as it is.
absl::StatusOr<std::shared_ptr<const memory>> Vector(const KernelRequest& r, size_t i) {
  const memory::desc desc({r.inputs[i].shape.dim(0)}, memory::data_type::f32, tag::a);
  return Pack(r, i, "vector", desc, desc);
}

struct Attributes {
  dnnl::primitive_attr attr;
  std::vector<OneDnnKernel::Operand> operands;  // scales, zero points and the residual
  int summand = -1;
};

void AddZeroPoint(int argument, int32_t zero, Attributes* a) {
  if (zero == 0) return;
  a->attr.set_zero_points_mask(argument, 0);
  a->operands.push_back({DNNL_ARG_ATTR_ZERO_POINTS | argument, 0, memory::desc(),
                         One<int32_t>(zero, memory::data_type::s32)});
}

absl::StatusOr<Attributes> AttributesOf(const KernelRequest& r, bool grouped) {
  const Int8Form residual = FormOf(*r.node, "residual",
                                   r.has_input(4) ? r.inputs[4].dtype : DType::kUnknown),
                 y = FormOf(*r.node, "y", r.outputs[0].dtype);
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind activation,
                         ops::ParseActivation(r.node->attrs().String("activation")));
  Attributes a;
  a.attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  a.attr.set_scales_mask(DNNL_ARG_WEIGHTS, grouped ? 3 : 1);
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const memory> scale, Vector(r, 2));
  a.operands.push_back({DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, 0, memory::desc(), scale});
  AddZeroPoint(DNNL_ARG_SRC, static_cast<int32_t>(r.node->attrs().Int("x_zero")), &a);
  dnnl::post_ops post;
  if (r.has_input(4) && IsByte(r.inputs[4].dtype)) {
    if (!IsByte(r.outputs[0].dtype))
      return absl::UnimplementedError("a residual of bytes for a result that is none");
    post.append_sum(residual.scale, residual.zero, TypeOf(r.inputs[4].dtype));
    a.summand = 4;
  } else if (r.has_input(4)) {
    const memory::desc floats = Describe(r.outputs[0].shape.dims(), Layout::kChannelsLast);
    post.append_binary(dnnl::algorithm::binary_add, floats);
    a.operands.push_back({DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, 4, floats, nullptr});
  }
  AddActivation(activation, &post);
  a.attr.set_post_ops(post);
  if (IsByte(r.outputs[0].dtype)) {
    a.attr.set_scales_mask(DNNL_ARG_DST, 0);
    a.operands.push_back({DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST, 0, memory::desc(),
                          One<float>(y.scale, memory::data_type::f32)});
    AddZeroPoint(DNNL_ARG_DST, y.zero, &a);
  }
  return a;
}

}  // namespace

KernelResult MakeQuantizedConvolution(const KernelRequest& r) {
  if (!Int8().vnni) return absl::UnimplementedError("this CPU does not multiply bytes exactly");
  MIRIN_RETURN_IF_ERROR(CheckConstants(r));
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (w[1] * w[2] * w[3] > kMaxInt8Depth)
    return absl::UnimplementedError("sums that could pass int32");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanWindow(r.node->attrs(), Tail(x), Tail(w)));
  const int64_t group = r.node->attrs().Int("group", 1), out = w[0];
  return Guarded([&]() -> KernelResult {
    const memory::desc source = Describe(x, Layout::kChannelsLast, TypeOf(r.inputs[0].dtype));
    const memory::desc target = Describe(y, Layout::kChannelsLast, TypeOf(r.outputs[0].dtype));
    memory::dims weight_dims(w.begin(), w.end());
    if (group > 1) {
      weight_dims.insert(weight_dims.begin(), group);
      weight_dims[1] = out / group;
    }
    MIRIN_ASSIGN_OR_RETURN(Attributes attributes, AttributesOf(r, group > 1));
    const memory::desc any_weight(weight_dims, memory::data_type::s8, tag::any),
        bias(r.has_input(3) ? memory::dims{out} : memory::dims{}, memory::data_type::f32, tag::a);
    const WindowDims window = ToDims(axes);
    using Convolution = dnnl::convolution_forward;
    const Convolution::primitive_desc desc =
        r.has_input(3)
            ? Convolution::primitive_desc(Engine(), dnnl::prop_kind::forward_inference,
                                          dnnl::algorithm::convolution_direct, source, any_weight,
                                          bias, target, window.stride, window.dilation,
                                          window.before, window.after, attributes.attr)
            : Convolution::primitive_desc(Engine(), dnnl::prop_kind::forward_inference,
                                          dnnl::algorithm::convolution_direct, source, any_weight,
                                          target, window.stride, window.dilation, window.before,
                                          window.after, attributes.attr);
    // The packed form holds what makes up for a signed source and for its zero point, if there are such.
    const memory::desc packed_desc = desc.weights_desc();
    const std::string key =
        absl::StrCat("int8conv:", Name(r.inputs[0].dtype), ":", r.node->attrs().Int("x_zero") != 0,
                     ":", packed_desc.get_size());
    MIRIN_ASSIGN_OR_RETURN(
        const std::shared_ptr<const memory> weights,
        Pack(r, 1, key,
             memory::desc(weight_dims, memory::data_type::s8, PlainTag(weight_dims.size())),
             packed_desc));
    std::vector<OneDnnKernel::Operand> operands = std::move(attributes.operands);
    operands.insert(operands.end(), {{DNNL_ARG_SRC, 0, source, nullptr},
                                     {DNNL_ARG_DST, -1, target, nullptr},
                                     {DNNL_ARG_WEIGHTS, 1, packed_desc, weights}});
    uint32_t consumed = 2 | 4;
    if (r.has_input(3)) {
      MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const memory> packed_bias, Vector(r, 3));
      operands.push_back({DNNL_ARG_BIAS, 3, bias, packed_bias});
      consumed |= 8;
    }
    return std::make_unique<OneDnnKernel>(
        Convolution(desc), ImplementationName(desc.impl_info_str()), std::move(operands),
        desc.scratchpad_desc(),
        std::vector<Layout>{Layout::kChannelsLast, Layout::kPlain, Layout::kPlain, Layout::kPlain,
                            Layout::kChannelsLast},
        Layout::kChannelsLast, consumed, attributes.summand);
  });
}

namespace {

// The same convolution of floats, with bytes turned into them and back around it.
class FloatConvolution final : public Kernel {
 public:
  FloatConvolution(const KernelRequest& r, std::unique_ptr<Kernel> inner)
      : inner_(std::move(inner)),
        x_(FormOf(*r.node, "x", r.inputs[0].dtype)),
        residual_(
            FormOf(*r.node, "residual", r.has_input(4) ? r.inputs[4].dtype : DType::kUnknown)),
        y_(FormOf(*r.node, "y", r.outputs[0].dtype)),
        residual_bytes_(r.has_input(4) && IsByte(r.inputs[4].dtype)),
        result_bytes_(IsByte(r.outputs[0].dtype)),
        implementation_(absl::StrCat(inner_->implementation(), "+int8")) {
    x_.scale = 1;  // part of the weights
    const auto booked = [&](const ir::TensorType& type, Layout layout) {
      const size_t at = scratch_bytes_;
      scratch_bytes_ += (LayoutBytes(DType::kFloat32, type.shape.dims(), layout) + 63) / 64 * 64;
      return at;
    };
    scratch_bytes_ = (inner_->scratch_bytes() + 63) / 64 * 64;
    x_at_ = booked(r.inputs[0], inner_->input_layout(0));
    if (residual_bytes_) residual_at_ = booked(r.inputs[4], inner_->input_layout(3));
    if (result_bytes_) y_at_ = booked(r.outputs[0], inner_->output_layout(0));
  }

  absl::Status Run(const KernelContext& c) const override {
    const auto floats = [&](const TensorView& like, size_t at) {
      return TensorView{static_cast<char*>(c.scratch()) + at, DType::kFloat32, like.layout,
                        like.dims};
    };
    const auto from_bytes = [&](const TensorView& bytes, const TensorView& to, Int8Form form) {
      c.threads().ParallelFor(static_cast<int64_t>(bytes.bytes()), kElementGrain,
                              [&](int64_t begin, int64_t end) {
                                Int8().dequantize(bytes.as<uint8_t>() + begin,
                                                  to.as<float>() + begin, end - begin, form);
                              });
    };
    const TensorView absent;
    const TensorView x = floats(c.input(0), x_at_);
    from_bytes(c.input(0), x, x_);
    TensorView residual = c.has_input(4) ? c.input(4) : absent, y = c.output(0);
    if (residual_bytes_) {
      residual = floats(c.input(4), residual_at_);
      from_bytes(c.input(4), residual, residual_);
    }
    if (result_bytes_) y = floats(c.output(0), y_at_);
    const std::array<const TensorView*, 4> inputs = {&x, &absent, &absent, &residual};
    const std::array<const TensorView*, 1> outputs = {&y};
    const KernelContext inner(inputs, outputs, c.scratch(), &c.threads(), nullptr);
    MIRIN_RETURN_IF_ERROR(inner_->Run(inner));
    if (!result_bytes_) return absl::OkStatus();
    c.threads().ParallelFor(static_cast<int64_t>(c.output(0).bytes()), kElementGrain,
                            [&](int64_t begin, int64_t end) {
                              Int8().requantize(y.as<float>() + begin,
                                                c.output(0).as<uint8_t>() + begin, end - begin, y_);
                            });
    return absl::OkStatus();
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }
  Layout input_layout(int i) const override {
    return i == 0 ? inner_->input_layout(0) : i == 4 ? inner_->input_layout(3) : Layout::kPlain;
  }
  Layout output_layout(int i) const override { return inner_->output_layout(i); }
  bool ConsumesConstant(int i) const override { return i >= 1 && i <= 3; }
  bool NeedsArena() const override { return inner_->NeedsArena(); }
  absl::string_view implementation() const override { return implementation_; }

 private:
  std::unique_ptr<Kernel> inner_;
  Int8Form x_, residual_, y_;
  bool residual_bytes_, result_bytes_;
  std::string implementation_;
  size_t scratch_bytes_ = 0, x_at_ = 0, residual_at_ = 0, y_at_ = 0;
};

// weight * scale, per output channel.
absl::StatusOr<Tensor> ScaledWeight(const Tensor& weight, const Tensor& scale) {
  MIRIN_ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(DType::kFloat32, weight.dims()));
  MIRIN_ASSIGN_OR_RETURN(const Tensor scales, scale.Aligned());
  const int64_t inner = weight.elements() / weight.dims()[0];
  for (int64_t i = 0; i < weight.elements(); ++i) {
    out.mutable_data_as<float>()[i] =
        static_cast<float>(weight.data_as<int8_t>()[i]) * scales.data_as<float>()[i / inner];
  }
  return out;
}

}  // namespace

KernelResult MakeQuantizedConvolutionInFloat(const KernelRequest& r) {
  MIRIN_RETURN_IF_ERROR(CheckConstants(r));
  MIRIN_ASSIGN_OR_RETURN(const Tensor weight, ScaledWeight(*r.constants[1], *r.constants[2]));
  const auto as_float = [](const ir::TensorType& type) {
    return ir::TensorType{DType::kFloat32, type.shape};
  };
  const ir::TensorType absent;
  const std::array<ir::TensorType, 4> inputs = {as_float(r.inputs[0]), as_float(r.inputs[1]),
                                                r.has_input(3) ? r.inputs[3] : absent,
                                                r.has_input(4) ? as_float(r.inputs[4]) : absent};
  const std::array<ir::TensorType, 1> outputs = {as_float(r.outputs[0])};
  const std::array<Layout, 4> layouts = {r.input_layouts[0], Layout::kPlain, Layout::kPlain,
                                         r.has_input(4) ? r.input_layouts[4] : Layout::kPlain};
  const std::array<const Tensor*, 4> constants = {
      nullptr, &weight, r.has_input(3) ? r.constants[3] : nullptr, nullptr};
  // The packed weights are kept for the scale, which no other convolution has.
  const std::array<const ir::Value*, 4> values = {
      nullptr, r.constant_values[2], r.has_input(3) ? r.constant_values[3] : nullptr, nullptr};
  KernelRequest request = r;
  request.inputs = inputs;
  request.outputs = outputs;
  request.input_layouts = layouts;
  request.constants = constants;
  request.constant_values = values;
  KernelResult inner = MakeConvolution(request);
  if (!inner.ok()) return inner.status();
  return std::make_unique<FloatConvolution>(r, *std::move(inner));
}

}  // namespace mirin::cpu
