#include "core/backends/cpu/onednn.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace onednn {

const dnnl::engine& Engine() {
  static const auto* const kEngine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *kEngine;
}

dnnl::stream& Stream() {
  thread_local dnnl::stream stream(Engine());
  return stream;
}

Layout BlockedLayout() {
  const absl::string_view isa = IsaName();
  return isa == "avx512" ? Layout::kBlocked16 : isa == "avx2" ? Layout::kBlocked8 : Layout::kPlain;
}

namespace {

tag TagOf(Layout layout, size_t rank) {
  switch (layout) {
    case Layout::kPlain:
      return rank == 5 ? tag::abcde : rank == 4 ? tag::abcd : tag::abc;
    case Layout::kChannelsLast:
      return rank == 5 ? tag::acdeb : rank == 4 ? tag::acdb : tag::acb;
    case Layout::kBlocked8:
      return rank == 5 ? tag::aBcde8b : rank == 4 ? tag::aBcd8b : tag::aBc8b;
    case Layout::kBlocked16:
      return rank == 5 ? tag::aBcde16b : rank == 4 ? tag::aBcd16b : tag::aBc16b;
  }
  return tag::abcd;
}

}  // namespace

memory::data_type TypeOf(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return memory::data_type::s8;
    case DType::kUInt8:
      return memory::data_type::u8;
    case DType::kInt32:
      return memory::data_type::s32;
    default:
      return memory::data_type::f32;
  }
}

memory::desc Describe(const Dims& dims, Layout layout, memory::data_type type) {
  return memory::desc(memory::dims(dims.begin(), dims.end()), type, TagOf(layout, dims.size()));
}

absl::Status OneDnnKernel::Run(const KernelContext& c) const {
  // The C interface: no map and no exception on the way.
  std::array<dnnl_exec_arg_t, 12> arguments;
  std::array<dnnl_memory_t, 12> owned;
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
  if (summand_ >= 0 && c.input(summand_).data != c.output(0).data)
    __builtin_memcpy(c.output(0).data, c.input(summand_).data, c.output(0).bytes());
  for (const Operand& o : operands_) {
    if (o.fixed != nullptr) {
      arguments[count++] = {o.argument, o.fixed->get()};
    } else {
      add(o.argument, o.desc,
          o.source >= 0 ? c.input(o.source).data : c.output(-1 - o.source).data);
    }
  }
  if (scratch_.get_size() > 0) add(DNNL_ARG_SCRATCHPAD, scratch_, c.scratch());
  if (status == dnnl_success)
    status = dnnl_primitive_execute(primitive_.get(), Stream().get(), count, arguments.data());
  if (status == dnnl_success) status = dnnl_stream_wait(Stream().get());
  for (int i = 0; i < made; ++i) dnnl_memory_destroy(owned[i]);
  if (status == dnnl_success) return absl::OkStatus();
  if (status == dnnl_out_of_memory) return absl::ResourceExhaustedError("oneDNN: out of memory");
  return absl::InternalError(absl::StrCat("oneDNN: status ", static_cast<int>(status)));
}

void AddActivation(ops::ActivationKind kind, dnnl::post_ops* post) {
  switch (kind) {
    case ops::ActivationKind::kNone:
      break;
    case ops::ActivationKind::kRelu:
      post->append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
      break;
    case ops::ActivationKind::kRelu6:
      post->append_eltwise(dnnl::algorithm::eltwise_clip, 0, 6);
      break;
    case ops::ActivationKind::kSigmoid:
      post->append_eltwise(dnnl::algorithm::eltwise_logistic, 0, 0);
      break;
    case ops::ActivationKind::kTanh:
      post->append_eltwise(dnnl::algorithm::eltwise_tanh, 0, 0);
      break;
    case ops::ActivationKind::kHSwish:
      post->append_eltwise(dnnl::algorithm::eltwise_hardswish, 1.0f / 6, 0.5f);
      break;
    case ops::ActivationKind::kSilu:
      post->append_eltwise(dnnl::algorithm::eltwise_swish, 1, 0);
      break;
    case ops::ActivationKind::kGelu:
      post->append_eltwise(dnnl::algorithm::eltwise_gelu_tanh, 0, 0);
      break;
    case ops::ActivationKind::kGeluErf:
      post->append_eltwise(dnnl::algorithm::eltwise_gelu_erf, 0, 0);
      break;
  }
}

absl::StatusOr<std::shared_ptr<const memory>> Pack(const KernelRequest& r, size_t i,
                                                   absl::string_view key, const memory::desc& plain,
                                                   const memory::desc& to) {
  struct Packed {
    std::shared_ptr<const void> bytes;
    memory form;
  };
  const auto describe = [&](void* bytes) { return memory(to, Engine(), bytes); };
  MIRIN_ASSIGN_OR_RETURN(
      std::shared_ptr<const void> bytes,
      r.Pack(i, absl::StrCat("onednn:", key, ":", FormOf(plain), ":", FormOf(to)), to.get_size(),
             [&](void* packed) -> absl::Status {
               // The file's bytes may lie anywhere; oneDNN wants numbers on their boundary.
               const Tensor& tensor = *r.constants[i];
               std::shared_ptr<void> copy;
               if (!tensor.is_aligned()) {
                 copy = r.weights->Scratch(tensor.bytes());
                 if (copy == nullptr)
                   return absl::ResourceExhaustedError("no memory for packing weights");
                 __builtin_memcpy(copy.get(), tensor.data(), tensor.bytes());
               }
               memory form = describe(packed),
                      from(plain, Engine(),
                           copy != nullptr ? copy.get() : const_cast<void*>(tensor.data()));
               dnnl::reorder(from, form).execute(Stream(), from, form);
               Stream().wait();
               return absl::OkStatus();
             }));
  memory form = describe(const_cast<void*>(bytes.get()));  // primitives only read it
  auto packed = std::make_shared<Packed>(Packed{std::move(bytes), std::move(form)});
  return std::shared_ptr<const memory>(packed, &packed->form);
}

std::string VersionAndIsa() {
  const dnnl_version_t* version = dnnl_version();
  return absl::StrCat("oneDNN ", version->major, ".", version->minor, ".", version->patch, " ",
                      version->hash, " isa ", static_cast<int>(dnnl::get_effective_cpu_isa()));
}

std::string FormOf(const memory::desc& desc) {
  return absl::StrCat(
      absl::StrJoin(desc.get_padded_dims(), "x"), ":", absl::StrJoin(desc.get_strides(), ","), ":",
      absl::StrJoin(desc.get_inner_blks(), ","), ":", absl::StrJoin(desc.get_inner_idxs(), ","));
}

tag PlainTag(size_t rank) {
  static constexpr tag kTags[] = {tag::a,    tag::a,     tag::ab,    tag::abc,
                                  tag::abcd, tag::abcde, tag::abcdef};
  return kTags[rank];
}

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

}  // namespace onednn

KernelResult MakeReorder(const ir::TensorType& type, Layout from, Layout to,
                         const ThreadShare& /*threads*/) {
  const bool known =
      type.dtype == DType::kFloat32 || type.dtype == DType::kInt8 || type.dtype == DType::kUInt8;
  if (!known || type.shape.rank() < 3 || type.shape.rank() > 5) return Refuse(type);
  if (KernelResult own = MakeByteReorder(type, from, to); own.ok()) return own;
  using namespace onednn;  // NOLINT: one function
  return Guarded([&]() -> KernelResult {
    const memory::desc source = Describe(type.shape.dims(), from, TypeOf(type.dtype)),
                       target = Describe(type.shape.dims(), to, TypeOf(type.dtype));
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc desc(Engine(), source, Engine(), target, attr);
    return std::make_unique<OneDnnKernel>(
        dnnl::reorder(desc), "onednn:reorder",
        std::vector<OneDnnKernel::Operand>{{DNNL_ARG_FROM, 0, source, nullptr},
                                           {DNNL_ARG_TO, -1, target, nullptr}},
        desc.scratchpad_desc(), std::vector<Layout>{from}, to, 0);
  });
}

}  // namespace mirin::cpu
