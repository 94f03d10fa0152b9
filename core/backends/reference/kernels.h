// The reference backend's kernels: every op in plain loops, the oracle for all other backends.
//
// A kernel reads shapes and dtypes from the context, attributes from the node, and values of Ints parameters from the
// context's int64 inputs. Types were checked by the op's inference function; a kernel checks what only data shows
// (indices) and answers Unimplemented for a dtype that it has no code for.
#ifndef CORE_BACKENDS_REFERENCE_KERNELS_H_
#define CORE_BACKENDS_REFERENCE_KERNELS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/backend/kernel.h"
#include "core/ir/graph.h"

namespace mirin::reference {

using KernelFn = absl::Status (*)(const ir::Node& node, const KernelContext& context);

namespace kernels {
#define MIRIN_OP(Name) absl::Status Name(const ir::Node& node, const KernelContext& context);
#include "core/ops/op_list.inc"
#undef MIRIN_OP
}  // namespace kernels

// Null when there is no such op.
KernelFn FindKernel(absl::string_view op);

}  // namespace mirin::reference

#endif  // CORE_BACKENDS_REFERENCE_KERNELS_H_
