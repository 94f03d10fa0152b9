#include "core/backends/cpu/blocked_convolution.h"

#include <algorithm>
#include <numeric>

#include "core/backends/cpu/direct_kernels.h"
#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/onednn.h"
#include "core/base/status.h"

namespace mirin::cpu {

absl::StatusOr<BlockedConvolution> BeginConvolution(const KernelRequest& r,
                                                    absl::string_view name) {
  if (Direct() == nullptr) return absl::UnimplementedError("no blocked layout");
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  const bool has_bias = r.has_input(2);
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  if (x.size() != 4) return absl::UnimplementedError("another rank");
  if (!r.can_pack(1) || (has_bias && !r.can_pack(2)))
    return absl::UnimplementedError("computed weights");
  if (r.has_input(3) && (!IsF32(r, 3) || r.inputs[3].shape.dims() != y)) return Refuse(r.inputs[3]);
  for (const Dims& dims : {x, w, y}) {
    if (NumElements(dims) == 0) return absl::UnimplementedError("an empty tensor");
  }
  BlockedConvolution c = {};
  MIRIN_ASSIGN_OR_RETURN(c.axes,
                         ops::PlanWindow(r.node->attrs(), onednn::Tail(x), onednn::Tail(w)));
  for (const ops::WindowAxis& a : c.axes) {
    if (a.pad_before < 0 || a.pad_after < 0) return absl::UnimplementedError("negative padding");
  }
  c.groups = r.node->attrs().Int("group", 1);
  MIRIN_ASSIGN_OR_RETURN(c.activation, FusedActivation(*r.node));
  if (c.activation == UnaryKind::kSigmoid && w[0] % Direct()->lanes != 0)
    return absl::UnimplementedError("an activation that changes the padding of a block");
  if (has_bias) {
    c.bias.resize(static_cast<size_t>(RoundUp(w[0], Direct()->lanes)));
    __builtin_memcpy(c.bias.data(), r.constants[2]->data(), r.constants[2]->bytes());
  }
  c.has_add = r.has_input(3);
  c.traits.implementation = SimdName(name);
  c.traits.layout = onednn::BlockedLayout();
  c.traits.plain = 2 | 4;
  c.traits.consumed = has_bias ? 2 | 4 : 2;
  return c;
}

absl::Status ForEachBlock(const Tensor& weight,
                          absl::FunctionRef<void(int64_t o, const float* block)> fn) {
  const DirectKernels& kernels = *Direct();
  const int64_t results = weight.dims()[0], depth = weight.elements() / results;
  const std::shared_ptr<void> block =
      AllocateAligned(static_cast<size_t>(depth * kernels.lanes) * sizeof(float));
  if (block == nullptr) return absl::ResourceExhaustedError("no memory for packed weights");
  std::vector<int32_t> order(static_cast<size_t>(depth));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t o = 0; o < results; o += kernels.lanes) {
    kernels.pack(static_cast<const char*>(weight.data()) + o * depth * 4, depth,
                 std::min(kernels.lanes, results - o), order.data(), kernels.lanes,
                 static_cast<float*>(block.get()));
    fn(o, static_cast<const float*>(block.get()));
  }
  return absl::OkStatus();
}

}  // namespace mirin::cpu
