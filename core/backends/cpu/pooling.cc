// Pooling and normalisation over neighbouring channels by oneDNN, in whatever layout the input has.
#include "core/backends/cpu/onednn.h"
#include "core/base/status.h"

namespace mirin::cpu {

using namespace onednn;  // NOLINT: this file is made of it

KernelResult MakePooling(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &y = r.outputs[0].shape.dims();
  const bool average = r.node->op() == "AvgPool" || r.node->op() == "AvgPool3D";
  const bool bytes = r.inputs[0].dtype == DType::kInt8 || r.inputs[0].dtype == DType::kUInt8;
  if (!IsF32(r, 0) && !(bytes && !average)) return Refuse(r.inputs[0]);
  if (NumElements(x) == 0 || NumElements(y) == 0)
    return absl::UnimplementedError("an empty tensor");
  const size_t spatial = x.size() - 2;
  std::vector<ops::WindowAxis> axes(spatial);
  if (r.node->attrs().Bool("global")) {
    for (size_t i = 0; i < spatial; ++i) axes[i].kernel = axes[i].input = x[2 + i];
  } else {
    MIRIN_ASSIGN_OR_RETURN(
        const std::vector<int64_t> kernel,
        ops::SpatialAttribute(r.node->attrs(), "kernel_size", static_cast<int>(spatial), 1, 1));
    ops::WindowOptions options;
    options.ceil_mode = r.node->attrs().Int("round_mode") == 1;
    MIRIN_ASSIGN_OR_RETURN(axes, ops::PlanWindow(r.node->attrs(), Tail(x), kernel, options));
  }
  if (r.node->attrs().Int("divisor_override") != 0)
    return absl::UnimplementedError("divisor_override");
  for (const ops::WindowAxis& a : axes) {
    const int64_t window = (a.kernel - 1) * a.dilation + 1;
    if (a.pad_before >= window || a.pad_after >= window)
      return absl::UnimplementedError("padding as large as the window");
    if (a.overhang > 0 && r.node->attrs().Bool("count_include_pad") &&
        !r.node->attrs().Bool("count_overhang", true))
      return absl::UnimplementedError("windows that reach beyond the padding");
  }
  return Guarded([&]() -> KernelResult {
    const Layout layout = bytes ? Layout::kChannelsLast : r.input_layouts[0];
    const memory::data_type type = TypeOf(r.inputs[0].dtype);
    const memory::desc source = Describe(x, layout, type), target = Describe(y, layout, type);
    const WindowDims window = ToDims(axes);
    memory::dims kernel;
    for (const ops::WindowAxis& a : axes) kernel.push_back(a.kernel);
    const dnnl::algorithm algorithm = !average ? dnnl::algorithm::pooling_max
                                      : r.node->attrs().Bool("count_include_pad")
                                          ? dnnl::algorithm::pooling_avg_include_padding
                                          : dnnl::algorithm::pooling_avg_exclude_padding;
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::pooling_forward::primitive_desc desc(
        Engine(), dnnl::prop_kind::forward_inference, algorithm, source, target, window.stride,
        kernel, window.dilation, window.before, window.after, attr);
    return std::make_unique<OneDnnKernel>(
        dnnl::pooling_forward(desc), ImplementationName(desc.impl_info_str()),
        std::vector<OneDnnKernel::Operand>{{DNNL_ARG_SRC, 0, source, nullptr},
                                           {DNNL_ARG_DST, -1, target, nullptr}},
        desc.scratchpad_desc(), std::vector<Layout>{layout}, layout, 0);
  });
}

KernelResult MakeLrn(const KernelRequest& r) {
  const Dims& x = r.inputs[0].shape.dims();
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  if (NumElements(x) == 0) return absl::UnimplementedError("an empty tensor");
  const ir::Attributes& attrs = r.node->attrs();
  const int64_t size = 2 * attrs.Int("depth_radius") + 1;
  return Guarded([&]() -> KernelResult {
    const memory::desc desc = Describe(x, Layout::kPlain);
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    // oneDNN divides alpha by the size.
    const dnnl::lrn_forward::primitive_desc lrn(
        Engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::lrn_across_channels, desc,
        desc, size, static_cast<float>(attrs.Float("alpha") * static_cast<double>(size)),
        static_cast<float>(attrs.Float("beta")), static_cast<float>(attrs.Float("bias")), attr);
    return std::make_unique<OneDnnKernel>(
        dnnl::lrn_forward(lrn), ImplementationName(lrn.impl_info_str()),
        std::vector<OneDnnKernel::Operand>{{DNNL_ARG_SRC, 0, desc, nullptr},
                                           {DNNL_ARG_DST, -1, desc, nullptr}},
        lrn.scratchpad_desc(), std::vector<Layout>{}, Layout::kPlain, 0);
  });
}

}  // namespace mirin::cpu
