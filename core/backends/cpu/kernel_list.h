// The kernels of this backend by op: an ordered list each, the first that accepts wins.
#ifndef CORE_BACKENDS_CPU_KERNEL_LIST_H_
#define CORE_BACKENDS_CPU_KERNEL_LIST_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/backend/backend.h"

namespace mirin::cpu {

using KernelResult = absl::StatusOr<std::unique_ptr<Kernel>>;
// Refuses with Unimplemented and the reason.
using KernelFactory = KernelResult (*)(const KernelRequest& request);

// Null when this backend has nothing for the op.
const std::vector<KernelFactory>* KernelsFor(absl::string_view op);

// Whether this backend's kernels for the op make zeros of subnormal results: those that sum products, whose rounding is more than that,
// functions that go to zero over numbers of any size, and oneDNN's, whose threads always do.
bool FlushesSubnormals(absl::string_view op);

// One factory per file or family.
KernelResult MakeUnary(const KernelRequest& request);
KernelResult MakeBinary(const KernelRequest& request);
KernelResult MakeBiasAdd(const KernelRequest& request);
KernelResult MakeMatMul(const KernelRequest& request);
KernelResult MakeSoftmax(const KernelRequest& request);
KernelResult MakeLayerNorm(const KernelRequest& request);
KernelResult MakeAttention(const KernelRequest& request);
KernelResult MakeBatchNorm(const KernelRequest& request);
KernelResult MakeRecurrent(const KernelRequest& request);
KernelResult MakeReduce(const KernelRequest& request);
KernelResult MakeTranspose(const KernelRequest& request);
KernelResult MakeGather(const KernelRequest& request);
KernelResult MakeConcat(const KernelRequest& request);
KernelResult MakeSplit(const KernelRequest& request);
KernelResult MakeSlice(const KernelRequest& request);
KernelResult MakeCast(const KernelRequest& request);
KernelResult MakeDepthwise(const KernelRequest& request);
KernelResult MakeStrassenConvolution(const KernelRequest& request);
KernelResult MakeRowWinograd(const KernelRequest& request);
KernelResult MakeWinograd(const KernelRequest& request);
KernelResult MakeDirectConvolution(const KernelRequest& request);
KernelResult MakeConvolution(const KernelRequest& request);
KernelResult MakeChannelSums(const KernelRequest& request);
KernelResult MakeChannelScales(const KernelRequest& request);
KernelResult MakeDeconvolution(const KernelRequest& request);
KernelResult MakePooling(const KernelRequest& request);

KernelResult MakeCompare(const KernelRequest& request);
KernelResult MakePredicate(const KernelRequest& request);
KernelResult MakeLogical(const KernelRequest& request);
KernelResult MakeSelect(const KernelRequest& request);
KernelResult MakeMath(const KernelRequest& request);
KernelResult MakePow(const KernelRequest& request);

KernelResult MakeTopK(const KernelRequest& request);
KernelResult MakeGatherElements(const KernelRequest& request);
KernelResult MakeScatterElements(const KernelRequest& request);
KernelResult MakeGatherNd(const KernelRequest& request);
KernelResult MakeNonZero(const KernelRequest& request);

KernelResult MakeRepeat(const KernelRequest& request);
KernelResult MakePad(const KernelRequest& request);
KernelResult MakeResize(const KernelRequest& request);
KernelResult MakeGroupNorm(const KernelRequest& request);
KernelResult MakeLrn(const KernelRequest& request);
KernelResult MakeRmsNorm(const KernelRequest& request);
KernelResult MakeResizeAxes(const KernelRequest& request);

KernelResult MakeQuantize(const KernelRequest& request);
KernelResult MakeDequantize(const KernelRequest& request);
KernelResult MakeQuantizedAdd(const KernelRequest& request);
KernelResult MakeQuantizedConvolution(const KernelRequest& request);
KernelResult MakeQuantizedConvolutionInFloat(const KernelRequest& request);
KernelResult MakeDynamicQuantMatMul(const KernelRequest& request);
KernelResult MakeDynamicQuantize(const KernelRequest& request);
KernelResult MakeMatMulInteger(const KernelRequest& request);
KernelResult MakeQuantizedDepthwise(const KernelRequest& request);
KernelResult MakeQuantizedMatMul(const KernelRequest& request);
KernelResult MakeQuantizedPointwise(const KernelRequest& request);

// Bytes of few channels to channels last; refuses all else.
KernelResult MakeByteReorder(const ir::TensorType& type, Layout from, Layout to);
KernelResult MakeReorder(const ir::TensorType& type, Layout from, Layout to,
                         const ThreadShare& threads);

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_KERNEL_LIST_H_
