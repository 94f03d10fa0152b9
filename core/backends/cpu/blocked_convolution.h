// What convolutions of our own, from blocked layouts to blocked layouts, have in common.
#ifndef CORE_BACKENDS_CPU_BLOCKED_CONVOLUTION_H_
#define CORE_BACKENDS_CPU_BLOCKED_CONVOLUTION_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/backends/cpu/kernel.h"
#include "core/ops/window.h"

namespace mirin::cpu {

struct BlockedConvolution {
  std::vector<ops::WindowAxis> axes;  // rows and columns; no padding is negative
  int64_t groups;
  UnaryKind activation;     // of whole blocks: zeros behind the last channel stay
  std::vector<float> bias;  // of whole blocks; empty: none
  bool has_add;             // input 3 is added
  KernelTraits traits;      // weights and bias are plain and packed

  const float* bias_data() const { return bias.empty() ? nullptr : bias.data(); }
};

// For the kernel cpu:`name`. Unimplemented, with the reason, where there is no blocked layout, for images of another rank or type, weights and
// biases that cannot be packed, empty tensors, negative padding, and summands unlike the result.
absl::StatusOr<BlockedConvolution> BeginConvolution(const KernelRequest& r, absl::string_view name);

// Calls fn(o, block) for each block of `lanes` results, the first of which is o, of weights [O, ..]: [..][lanes], the results side by side,
// zeros behind the last.
absl::Status ForEachBlock(const Tensor& weight,
                          absl::FunctionRef<void(int64_t o, const float* block)> fn);

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_BLOCKED_CONVOLUTION_H_
