// Convolution and its transpose by oneDNN, with bias, residual and activation inside.
#include <algorithm>

#include "core/backends/cpu/onednn.h"
#include "core/base/status.h"

namespace mirin::cpu {

using namespace onednn;  // NOLINT: this file is made of it

KernelResult MakeConvolution(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  if (!r.can_pack(1)) return absl::UnimplementedError("computed weights");
  if (NumElements(x) == 0 || NumElements(y) == 0)
    return absl::UnimplementedError("an empty tensor");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanWindow(r.node->attrs(), Tail(x), Tail(w)));
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind activation,
                         ops::ParseActivation(r.node->attrs().String("activation")));
  if (r.has_input(2) && !r.can_pack(2)) return absl::UnimplementedError("a computed bias");
  const int64_t group = r.node->attrs().Int("group", 1), in = x[1], out = w[0];
  const bool depthwise = group > 1 && group == in && group == out;
  const Layout blocked = BlockedLayout();
  const int64_t block = blocked == Layout::kBlocked16 ? 16 : 8;
  const bool blockable =
      blocked != Layout::kPlain &&
      (group == 1 || depthwise || (in / group % block == 0 && out / group % block == 0));
  Layout source_layout = blockable && (in > 4 || depthwise) ? blocked : Layout::kPlain;
  Layout target_layout = blockable && out > 4 ? blocked : Layout::kPlain;

  return Guarded([&]() -> KernelResult {
    memory::dims weight_dims(w.begin(), w.end());
    if (group > 1) {
      weight_dims.insert(weight_dims.begin(), group);
      weight_dims[1] = out / group;
    }
    const memory::desc any_weight(weight_dims, memory::data_type::f32, tag::any);
    const memory::desc bias(r.has_input(2) ? memory::dims{out} : memory::dims{},
                            memory::data_type::f32, tag::a);
    const WindowDims window = ToDims(axes);
    using Convolution = dnnl::convolution_forward;
    const auto describe = [&] {
      const memory::desc source = Describe(x, source_layout), target = Describe(y, target_layout);
      dnnl::post_ops post;
      if (r.has_input(3)) post.append_binary(dnnl::algorithm::binary_add, target);
      AddActivation(activation, &post);
      dnnl::primitive_attr attr;
      attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
      attr.set_post_ops(post);
      return r.has_input(2)
                 ? Convolution::primitive_desc(Engine(), dnnl::prop_kind::forward_inference,
                                               dnnl::algorithm::convolution_direct, source,
                                               any_weight, bias, target, window.stride,
                                               window.dilation, window.before, window.after, attr)
                 : Convolution::primitive_desc(Engine(), dnnl::prop_kind::forward_inference,
                                               dnnl::algorithm::convolution_direct, source,
                                               any_weight, target, window.stride, window.dilation,
                                               window.before, window.after, attr);
    };
    Convolution::primitive_desc desc = describe();
    // Few channels and wide dilations have no code for blocks, but a matrix product over plain data, far ahead of the plain loops.
    if (IsPlainLoops(desc.impl_info_str()) &&
        (source_layout != Layout::kPlain || target_layout != Layout::kPlain)) {
      source_layout = target_layout = Layout::kPlain;
      desc = describe();
    }
    const memory::desc source = Describe(x, source_layout), target = Describe(y, target_layout);
    const memory::desc packed_desc = desc.weights_desc();
    MIRIN_ASSIGN_OR_RETURN(
        const std::shared_ptr<const memory> weights,
        Pack(r, 1, "conv",
             memory::desc(weight_dims, memory::data_type::f32, PlainTag(weight_dims.size())),
             packed_desc));
    std::vector<OneDnnKernel::Operand> operands = {{DNNL_ARG_SRC, 0, source, nullptr},
                                                   {DNNL_ARG_DST, -1, target, nullptr},
                                                   {DNNL_ARG_WEIGHTS, 1, packed_desc, weights}};
    uint32_t consumed = 2;
    if (r.has_input(2)) {
      MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const memory> packed_bias,
                             Pack(r, 2, "bias", bias, bias));
      operands.push_back({DNNL_ARG_BIAS, 2, bias, packed_bias});
      consumed |= 4;
    }
    if (r.has_input(3))
      operands.push_back({DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, 3, target, nullptr});
    return std::make_unique<OneDnnKernel>(
        Convolution(desc), ImplementationName(desc.impl_info_str()), std::move(operands),
        desc.scratchpad_desc(),
        std::vector<Layout>{source_layout, Layout::kPlain, Layout::kPlain, target_layout},
        target_layout, consumed);
  });
}

// Transposed convolution in two or three dimensions.
KernelResult MakeDeconvolution(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  const size_t bias_input = r.node->op() == "Conv2DTranspose" ? 3 : 2;
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  if (!r.can_pack(1)) return absl::UnimplementedError("computed weights");
  if (NumElements(x) == 0 || NumElements(y) == 0)
    return absl::UnimplementedError("an empty tensor");
  const bool has_bias = r.has_input(bias_input);
  if (has_bias && !r.can_pack(bias_input)) return absl::UnimplementedError("a computed bias");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanTransposedWindow(r.node->attrs(), Tail(x), Tail(w), Tail(y)));
  for (const ops::WindowAxis& a : axes) {
    if (a.pad_before < 0 || a.pad_after < -a.stride)
      return absl::UnimplementedError("an output larger than the window covers");
  }
  const int64_t group = r.node->attrs().Int("group", 1), in = x[1] / group, out = w[1];
  return Guarded([&]() -> KernelResult {
    const memory::desc source = Describe(x, Layout::kPlain), target = Describe(y, Layout::kPlain);
    // The file has [I, O/group, ..]; oneDNN wants [group, O/group, I/group, ..].
    memory::dims weight_dims = {group, out, in}, strides;
    const Dims file = Strides(w);
    strides = {in * file[0], file[1], file[0]};
    for (size_t i = 2; i < w.size(); ++i) {
      weight_dims.push_back(w[i]);
      strides.push_back(file[i]);
    }
    if (group == 1) {
      weight_dims.erase(weight_dims.begin());
      strides.erase(strides.begin());
    }
    const memory::desc any_weight(weight_dims, memory::data_type::f32, tag::any),
        bias(has_bias ? memory::dims{y[1]} : memory::dims{}, memory::data_type::f32, tag::a);
    const WindowDims window = ToDims(axes);
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    using Deconvolution = dnnl::deconvolution_forward;
    const Deconvolution::primitive_desc desc =
        has_bias ? Deconvolution::primitive_desc(Engine(), dnnl::prop_kind::forward_inference,
                                                 dnnl::algorithm::deconvolution_direct, source,
                                                 any_weight, bias, target, window.stride,
                                                 window.dilation, window.before, window.after, attr)
                 : Deconvolution::primitive_desc(Engine(), dnnl::prop_kind::forward_inference,
                                                 dnnl::algorithm::deconvolution_direct, source,
                                                 any_weight, target, window.stride, window.dilation,
                                                 window.before, window.after, attr);
    const memory::desc packed_desc = desc.weights_desc();
    MIRIN_ASSIGN_OR_RETURN(
        const std::shared_ptr<const memory> weights,
        Pack(r, 1, "deconv", memory::desc(weight_dims, memory::data_type::f32, strides),
             packed_desc));
    std::vector<OneDnnKernel::Operand> operands = {{DNNL_ARG_SRC, 0, source, nullptr},
                                                   {DNNL_ARG_DST, -1, target, nullptr},
                                                   {DNNL_ARG_WEIGHTS, 1, packed_desc, weights}};
    uint32_t consumed = 2;
    if (has_bias) {
      MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const memory> packed_bias,
                             Pack(r, bias_input, "bias", bias, bias));
      operands.push_back({DNNL_ARG_BIAS, static_cast<int>(bias_input), bias, packed_bias});
      consumed |= uint32_t{1} << bias_input;
    }
    return std::make_unique<OneDnnKernel>(
        Deconvolution(desc), ImplementationName(desc.impl_info_str()), std::move(operands),
        desc.scratchpad_desc(), std::vector<Layout>{}, Layout::kPlain, consumed);
  });
}

}  // namespace mirin::cpu
