// Convolution, pooling and reorders by oneDNN. Its exceptions end in this file.
#include <algorithm>
#include <array>

#include "absl/strings/str_join.h"
#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"
#include "core/ops/activation_kind.h"
#include "core/ops/window.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace mirin::cpu {
namespace {

using dnnl::memory;
using tag = memory::format_tag;

const dnnl::engine& Engine() {
  static const auto* const kEngine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *kEngine;
}

dnnl::stream& Stream() {
  thread_local dnnl::stream stream(Engine());
  return stream;
}

// The block size that suits this CPU; plain where nothing is blocked.
Layout BlockedLayout() {
  const absl::string_view isa = IsaName();
  return isa == "avx512" ? Layout::kBlocked16 : isa == "avx2" ? Layout::kBlocked8 : Layout::kPlain;
}

tag TagOf(Layout layout, size_t rank) {
  switch (layout) {
    case Layout::kPlain: return rank == 5 ? tag::abcde : rank == 4 ? tag::abcd : tag::abc;
    case Layout::kChannelsLast: return rank == 5 ? tag::acdeb : rank == 4 ? tag::acdb : tag::acb;
    case Layout::kBlocked8: return rank == 5 ? tag::aBcde8b : rank == 4 ? tag::aBcd8b : tag::aBc8b;
    case Layout::kBlocked16: return rank == 5 ? tag::aBcde16b : rank == 4 ? tag::aBcd16b : tag::aBc16b;
  }
  return tag::abcd;
}

memory::desc Describe(const Dims& dims, Layout layout) {
  return memory::desc(memory::dims(dims.begin(), dims.end()), memory::data_type::f32, TagOf(layout, dims.size()));
}

// A primitive with its operands by kernel input (>= 0), by kernel output (-1 - i), or fixed.
class OneDnnKernel final : public Kernel {
 public:
  struct Operand {
    int argument;
    int source;  // input index, or -1 - output index
    memory::desc desc;
    std::shared_ptr<const memory> fixed;
  };

  OneDnnKernel(dnnl::primitive primitive, std::string implementation, std::vector<Operand> operands, memory::desc scratch,
               std::vector<Layout> input_layouts, Layout output_layout, uint32_t consumed)
      : primitive_(std::move(primitive)),
        implementation_(std::move(implementation)),
        operands_(std::move(operands)),
        scratch_(std::move(scratch)),
        input_layouts_(std::move(input_layouts)),
        output_layout_(output_layout),
        consumed_(consumed) {}

  absl::Status Run(const KernelContext& c) const override {
    // The C interface: no map and no exception on the way.
    std::array<dnnl_exec_arg_t, 8> arguments;
    std::array<dnnl_memory_t, 8> owned;
    int count = 0;
    int made = 0;
    dnnl_status_t status = dnnl_success;
    const auto add = [&](int argument, const memory::desc& desc, void* data) {
      if (status != dnnl_success) return;
      dnnl_memory_t m = nullptr;
      status = dnnl_memory_create(&m, desc.get(), Engine().get(), data);
      if (status != dnnl_success) return;
      owned[made++] = m;
      arguments[count++] = {argument, m};
    };
    for (const Operand& o : operands_) {
      if (o.fixed != nullptr) {
        arguments[count++] = {o.argument, o.fixed->get()};
      } else {
        add(o.argument, o.desc, o.source >= 0 ? c.input(o.source).data : c.output(-1 - o.source).data);
      }
    }
    if (scratch_.get_size() > 0) add(DNNL_ARG_SCRATCHPAD, scratch_, c.scratch());
    if (status == dnnl_success) status = dnnl_primitive_execute(primitive_.get(), Stream().get(), count, arguments.data());
    if (status == dnnl_success) status = dnnl_stream_wait(Stream().get());
    for (int i = 0; i < made; ++i) dnnl_memory_destroy(owned[i]);
    if (status == dnnl_success) return absl::OkStatus();
    if (status == dnnl_out_of_memory) return absl::ResourceExhaustedError("oneDNN: out of memory");
    return absl::InternalError(absl::StrCat("oneDNN: status ", static_cast<int>(status)));
  }

  size_t scratch_bytes() const override { return scratch_.get_size(); }
  Layout input_layout(int i) const override {
    return i < static_cast<int>(input_layouts_.size()) ? input_layouts_[i] : Layout::kPlain;
  }
  Layout output_layout(int i) const override { return i == 0 ? output_layout_ : Layout::kPlain; }
  bool ConsumesConstant(int i) const override { return (consumed_ >> i & 1) != 0; }
  bool NeedsArena() const override { return true; }
  absl::string_view implementation() const override { return implementation_; }

 private:
  dnnl::primitive primitive_;
  std::string implementation_;
  std::vector<Operand> operands_;
  memory::desc scratch_;
  std::vector<Layout> input_layouts_;
  Layout output_layout_;
  uint32_t consumed_;
};

// Runs fn and turns oneDNN's exceptions into a refusal: the next backend then answers.
template <typename Fn>
KernelResult Guarded(Fn fn) {
  try {
    return fn();
  } catch (const dnnl::error& e) {
    if (e.status == dnnl_out_of_memory) return absl::ResourceExhaustedError("oneDNN: out of memory");
    return absl::UnimplementedError(absl::StrCat("oneDNN: ", e.what()));
  }
}

absl::Status AddActivation(ops::ActivationKind kind, dnnl::post_ops* post) {
  switch (kind) {
    case ops::ActivationKind::kNone: break;
    case ops::ActivationKind::kRelu: post->append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0); break;
    case ops::ActivationKind::kRelu6: post->append_eltwise(dnnl::algorithm::eltwise_clip, 0, 6); break;
    case ops::ActivationKind::kSigmoid: post->append_eltwise(dnnl::algorithm::eltwise_logistic, 0, 0); break;
    case ops::ActivationKind::kTanh: post->append_eltwise(dnnl::algorithm::eltwise_tanh, 0, 0); break;
    case ops::ActivationKind::kHSwish: post->append_eltwise(dnnl::algorithm::eltwise_hardswish, 1.0f / 6, 0.5f); break;
    case ops::ActivationKind::kSilu: post->append_eltwise(dnnl::algorithm::eltwise_swish, 1, 0); break;
    case ops::ActivationKind::kGelu: post->append_eltwise(dnnl::algorithm::eltwise_gelu_tanh, 0, 0); break;
    case ops::ActivationKind::kGeluErf: post->append_eltwise(dnnl::algorithm::eltwise_gelu_erf, 0, 0); break;
  }
  return absl::OkStatus();
}

std::string ImplementationName(const char* info) { return absl::StrCat("onednn:", info); }

struct WindowDims {
  memory::dims stride, dilation, before, after;
};

WindowDims ToDims(const std::vector<ops::WindowAxis>& axes) {
  WindowDims d;
  for (const ops::WindowAxis& a : axes) {
    d.stride.push_back(a.stride);
    d.dilation.push_back(a.dilation - 1);
    d.before.push_back(a.pad_before);
    d.after.push_back(a.pad_after);
  }
  return d;
}

std::vector<int64_t> Tail(const Dims& dims) { return std::vector<int64_t>(dims.begin() + 2, dims.end()); }

}  // namespace

KernelResult MakeReorder(const ir::TensorType& type, Layout from, Layout to, const ThreadShare& /*threads*/) {
  if (type.dtype != DType::kFloat32 || type.shape.rank() < 3 || type.shape.rank() > 5) return Refuse(type);
  return Guarded([&]() -> KernelResult {
    const memory::desc source = Describe(type.shape.dims(), from), target = Describe(type.shape.dims(), to);
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc desc(Engine(), source, Engine(), target, attr);
    return std::make_unique<OneDnnKernel>(
        dnnl::reorder(desc), "onednn:reorder",
        std::vector<OneDnnKernel::Operand>{{DNNL_ARG_FROM, 0, source, nullptr}, {DNNL_ARG_TO, -1, target, nullptr}},
        desc.scratchpad_desc(), std::vector<Layout>{from}, to, 0);
  });
}

KernelResult MakeConvolution(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(), &y = r.outputs[0].shape.dims();
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  if (r.constants[1] == nullptr || r.constant_values[1] == nullptr || r.weights == nullptr) return absl::UnimplementedError("computed weights");
  if (NumElements(x) == 0 || NumElements(y) == 0) return absl::UnimplementedError("an empty tensor");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes, ops::PlanWindow(r.node->attrs(), Tail(x), Tail(w)));
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind activation, ops::ParseActivation(r.node->attrs().String("activation")));
  const auto has = [&](size_t i) { return r.inputs.size() > i && r.inputs[i].dtype != DType::kUnknown; };
  if (has(2) && (r.constants[2] == nullptr || r.constant_values[2] == nullptr)) return absl::UnimplementedError("a computed bias");
  const int64_t group = r.node->attrs().Int("group", 1), in = x[1], out = w[0];
  const bool depthwise = group > 1 && group == in && group == out;
  const Layout blocked = BlockedLayout();
  const int64_t block = blocked == Layout::kBlocked16 ? 16 : 8;
  const bool blockable = blocked != Layout::kPlain && (group == 1 || depthwise || (in / group % block == 0 && out / group % block == 0));
  const Layout source_layout = blockable && (in > 4 || depthwise) ? blocked : Layout::kPlain;
  const Layout target_layout = blockable && out > 4 ? blocked : Layout::kPlain;

  return Guarded([&]() -> KernelResult {
    const memory::desc source = Describe(x, source_layout), target = Describe(y, target_layout);
    memory::dims weight_dims(w.begin(), w.end());
    if (group > 1) {
      weight_dims.insert(weight_dims.begin(), group);
      weight_dims[1] = out / group;
    }
    const memory::desc any_weight(weight_dims, memory::data_type::f32, tag::any);
    const memory::desc bias(has(2) ? memory::dims{out} : memory::dims{}, memory::data_type::f32, tag::a);
    const WindowDims window = ToDims(axes);
    dnnl::post_ops post;
    if (has(3)) post.append_binary(dnnl::algorithm::binary_add, target);
    MIRIN_RETURN_IF_ERROR(AddActivation(activation, &post));
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    attr.set_post_ops(post);
    using Convolution = dnnl::convolution_forward;
    const Convolution::primitive_desc desc =
        has(2) ? Convolution::primitive_desc(Engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source,
                                             any_weight, bias, target, window.stride, window.dilation, window.before, window.after, attr)
               : Convolution::primitive_desc(Engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source,
                                             any_weight, target, window.stride, window.dilation, window.before, window.after, attr);
    // Packed weights are shared by every session and shape that wants the same form.
    const memory::desc packed_desc = desc.weights_desc();
    const std::string key = absl::StrCat("onednn:conv:", absl::StrJoin(packed_desc.get_padded_dims(), "x"), ":",
                                         absl::StrJoin(packed_desc.get_strides(), ","), ":", absl::StrJoin(packed_desc.get_inner_blks(), ","),
                                         ":", absl::StrJoin(packed_desc.get_inner_idxs(), ","));
    const auto pack = [&](const Tensor& tensor, const memory::desc& plain, const memory::desc& to) -> absl::StatusOr<std::shared_ptr<const memory>> {
      // The file's bytes may lie anywhere; oneDNN wants floats on their boundary.
      auto aligned = Tensor::Allocate(DType::kFloat32, tensor.dims());
      if (!aligned.ok()) return aligned.status();
      __builtin_memcpy(aligned->mutable_data(), tensor.data(), tensor.bytes());
      memory from(plain, Engine(), aligned->mutable_data());
      auto packed = std::make_shared<memory>(to, Engine());
      dnnl::reorder(from, *packed).execute(Stream(), from, *packed);
      Stream().wait();
      return std::shared_ptr<const memory>(packed);
    };
    const tag plain_tag = weight_dims.size() == 6 ? tag::abcdef : weight_dims.size() == 5 ? tag::abcde : weight_dims.size() == 4 ? tag::abcd : tag::abc;
    MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const memory> weights,
                           r.weights->GetOrMake<memory>(r.constant_values[1], key, [&] {
                             return pack(*r.constants[1], memory::desc(weight_dims, memory::data_type::f32, plain_tag), packed_desc);
                           }));
    std::vector<OneDnnKernel::Operand> operands = {{DNNL_ARG_SRC, 0, source, nullptr}, {DNNL_ARG_DST, -1, target, nullptr},
                                                   {DNNL_ARG_WEIGHTS, 1, packed_desc, weights}};
    uint32_t consumed = 2;
    if (has(2)) {
      MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const memory> packed_bias,
                             r.weights->GetOrMake<memory>(r.constant_values[2], "onednn:bias", [&] { return pack(*r.constants[2], bias, bias); }));
      operands.push_back({DNNL_ARG_BIAS, 2, bias, packed_bias});
      consumed |= 4;
    }
    if (has(3)) operands.push_back({DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, 3, target, nullptr});
    return std::make_unique<OneDnnKernel>(Convolution(desc), ImplementationName(desc.impl_info_str()), std::move(operands),
                                          desc.scratchpad_desc(),
                                          std::vector<Layout>{source_layout, Layout::kPlain, Layout::kPlain, target_layout},
                                          target_layout, consumed);
  });
}

KernelResult MakePooling(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &y = r.outputs[0].shape.dims();
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  if (NumElements(x) == 0 || NumElements(y) == 0) return absl::UnimplementedError("an empty tensor");
  std::vector<ops::WindowAxis> axes(2);
  if (r.node->attrs().Bool("global")) {
    for (size_t i = 0; i < 2; ++i) axes[i].kernel = axes[i].input = x[2 + i];
  } else {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, ops::SpatialAttribute(r.node->attrs(), "kernel_size", 2, 1, 1));
    ops::WindowOptions options;
    options.ceil_mode = r.node->attrs().Int("round_mode") == 1;
    MIRIN_ASSIGN_OR_RETURN(axes, ops::PlanWindow(r.node->attrs(), Tail(x), kernel, options));
  }
  if (r.node->attrs().Int("divisor_override") != 0) return absl::UnimplementedError("divisor_override");
  const bool average = r.node->op() == "AvgPool";
  for (const ops::WindowAxis& a : axes) {
    if (a.pad_before >= a.kernel || a.pad_after >= a.kernel) return absl::UnimplementedError("padding as large as the window");
  }
  return Guarded([&]() -> KernelResult {
    const Layout layout = r.input_layouts[0];
    const memory::desc source = Describe(x, layout), target = Describe(y, layout);
    const WindowDims window = ToDims(axes);
    const memory::dims kernel = {axes[0].kernel, axes[1].kernel};
    const dnnl::algorithm algorithm = !average ? dnnl::algorithm::pooling_max
                                      : r.node->attrs().Bool("count_include_pad") ? dnnl::algorithm::pooling_avg_include_padding
                                                                                  : dnnl::algorithm::pooling_avg_exclude_padding;
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::pooling_forward::primitive_desc desc(Engine(), dnnl::prop_kind::forward_inference, algorithm, source, target, window.stride,
                                                     kernel, memory::dims{0, 0}, window.before, window.after, attr);
    return std::make_unique<OneDnnKernel>(
        dnnl::pooling_forward(desc), ImplementationName(desc.impl_info_str()),
        std::vector<OneDnnKernel::Operand>{{DNNL_ARG_SRC, 0, source, nullptr}, {DNNL_ARG_DST, -1, target, nullptr}}, desc.scratchpad_desc(),
        std::vector<Layout>{layout}, layout, 0);
  });
}

}  // namespace mirin::cpu
