// What the oneDNN kernels share. oneDNN's exceptions end in the files that include this.
#ifndef CORE_BACKENDS_CPU_ONEDNN_H_
#define CORE_BACKENDS_CPU_ONEDNN_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "core/backends/cpu/kernel.h"
#include "core/ops/activation_kind.h"
#include "core/ops/window.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace mirin::cpu::onednn {

using dnnl::memory;
using tag = memory::format_tag;

const dnnl::engine& Engine();
dnnl::stream& Stream();

// The block size that suits this CPU; plain where nothing is blocked.
Layout BlockedLayout();

// float32, int8, uint8 or int32.
memory::data_type TypeOf(DType dtype);

memory::desc Describe(const Dims& dims, Layout layout,
                      memory::data_type type = memory::data_type::f32);

// A primitive with its operands by kernel input (>= 0), by kernel output (-1 - i), or fixed.
class OneDnnKernel final : public Kernel {
 public:
  struct Operand {
    int argument;
    int source;  // input index, or -1 - output index
    memory::desc desc;
    std::shared_ptr<const memory> fixed;
  };

  // `summand`: the input that a sum post-op adds: output 0 holds it before the primitive runs; -1: none.
  OneDnnKernel(dnnl::primitive primitive, std::string implementation, std::vector<Operand> operands,
               memory::desc scratch, std::vector<Layout> input_layouts, Layout output_layout,
               uint32_t consumed, int summand = -1)
      : primitive_(std::move(primitive)),
        implementation_(std::move(implementation)),
        operands_(std::move(operands)),
        scratch_(std::move(scratch)),
        input_layouts_(std::move(input_layouts)),
        output_layout_(output_layout),
        consumed_(consumed),
        summand_(summand) {}

  absl::Status Run(const KernelContext& context) const override;

  size_t scratch_bytes() const override { return scratch_.get_size(); }
  Layout input_layout(int i) const override {
    return i < static_cast<int>(input_layouts_.size()) ? input_layouts_[i] : Layout::kPlain;
  }
  Layout output_layout(int i) const override { return i == 0 ? output_layout_ : Layout::kPlain; }
  bool ConsumesConstant(int i) const override { return (consumed_ >> i & 1) != 0; }
  bool CanRunInPlace(int i) const override { return i == summand_; }
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
  int summand_;
};

// Runs fn and turns oneDNN's exceptions into a refusal: the next backend then answers.
template <typename Fn>
KernelResult Guarded(Fn fn) {
  try {
    return fn();
  } catch (const dnnl::error& e) {
    if (e.status == dnnl_out_of_memory)
      return absl::ResourceExhaustedError("oneDNN: out of memory");
    return absl::UnimplementedError(absl::StrCat("oneDNN: ", e.what()));
  }
}

void AddActivation(ops::ActivationKind kind, dnnl::post_ops* post);

// Numbers of the constant input i in the form that a primitive wants, shared by every session and shape that wants the same; `plain`
// describes them as they are. `key`: what they depend on besides the forms.
absl::StatusOr<std::shared_ptr<const memory>> Pack(const KernelRequest& r, size_t i,
                                                   absl::string_view key, const memory::desc& plain,
                                                   const memory::desc& to);
// "oneDNN 3.2.0 0123abc isa 255": what the library's forms of weights depend on.
std::string VersionAndIsa();
// What a packed form depends on, for the weight cache.
std::string FormOf(const memory::desc& desc);
// C order of so many axes.
tag PlainTag(size_t rank);

// oneDNN has nothing better than loops over single numbers.
inline bool IsPlainLoops(absl::string_view info) { return absl::StartsWith(info, "ref"); }
inline std::string ImplementationName(const char* info) { return absl::StrCat("onednn:", info); }

struct WindowDims {
  memory::dims stride, dilation, before, after;
};

WindowDims ToDims(const std::vector<ops::WindowAxis>& axes);

// Spatial sizes.
inline std::vector<int64_t> Tail(const Dims& dims) {
  return std::vector<int64_t>(dims.begin() + 2, dims.end());
}

}  // namespace mirin::cpu::onednn

#endif  // CORE_BACKENDS_CPU_ONEDNN_H_
