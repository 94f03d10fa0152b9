// A kernel made of a function: what the files of this backend build on.
#ifndef CORE_BACKENDS_CPU_KERNEL_H_
#define CORE_BACKENDS_CPU_KERNEL_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/backend/backend.h"
#include "core/backends/cpu/kernel_list.h"
#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu {

struct KernelTraits {
  std::string implementation;
  uint32_t in_place = 0;           // bit i: output 0 may be input i
  uint32_t consumed = 0;           // bit i: constant input i was packed
  uint32_t unaligned = 0;          // bit i: constant input i may lie anywhere
  Layout layout = Layout::kPlain;  // of outputs and of inputs
  uint32_t plain = 0;              // bit i: not of input i, which is plain
  size_t scratch_bytes = 0;
};

template <typename Fn>
class FunctionKernel final : public Kernel {
 public:
  FunctionKernel(KernelTraits traits, Fn fn) : traits_(std::move(traits)), fn_(std::move(fn)) {}
  absl::Status Run(const KernelContext& context) const override {
    if constexpr (std::is_void_v<decltype(fn_(context))>) {
      fn_(context);
      return absl::OkStatus();
    } else {
      return fn_(context);
    }
  }
  size_t scratch_bytes() const override { return traits_.scratch_bytes; }
  Layout input_layout(int i) const override {
    return (traits_.plain >> i & 1) != 0 ? Layout::kPlain : traits_.layout;
  }
  Layout output_layout(int) const override { return traits_.layout; }
  bool CanRunInPlace(int i) const override { return (traits_.in_place >> i & 1) != 0; }
  bool ConsumesConstant(int i) const override { return (traits_.consumed >> i & 1) != 0; }
  bool TakesUnaligned(int i) const override { return (traits_.unaligned >> i & 1) != 0; }
  absl::string_view implementation() const override { return traits_.implementation; }

 private:
  const KernelTraits traits_;
  const Fn fn_;
};

template <typename Fn>
std::unique_ptr<Kernel> FromFunction(KernelTraits traits, Fn fn) {
  return std::make_unique<FunctionKernel<Fn>>(std::move(traits), std::move(fn));
}

inline std::string SimdName(absl::string_view kernel) {
  return absl::StrCat("cpu:", kernel, ":", Simd().name);
}

inline absl::Status Refuse(const ir::TensorType& type) {
  return absl::UnimplementedError(absl::StrCat("type ", ir::ToString(type)));
}

inline bool IsF32(const KernelRequest& r, int i) { return r.inputs[i].dtype == DType::kFloat32; }

// Calls fn with a zero of the type that elements of this many bytes, at most eight, are moved as.
template <typename Fn>
auto WithElement(size_t bytes, Fn fn) {
  switch (bytes) {
    case 1:
      return fn(uint8_t{0});
    case 2:
      return fn(uint16_t{0});
    case 4:
      return fn(uint32_t{0});
    default:
      return fn(uint64_t{0});
  }
}

// Elements below which a second thread does not pay.
constexpr int64_t kElementGrain = 16384;

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_KERNEL_H_
