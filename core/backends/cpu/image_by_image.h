// Kernels for one element of a batch, repeated over the batch: what is chosen for it cannot depend on how many there are.
#ifndef CORE_BACKENDS_CPU_IMAGE_BY_IMAGE_H_
#define CORE_BACKENDS_CPU_IMAGE_BY_IMAGE_H_

#include "absl/functional/function_ref.h"
#include "core/backends/cpu/kernel_list.h"

namespace mirin::cpu {

// Whether this is an operator of images of which there are several, whose kernels choose by shape.
bool IsImageBatch(const KernelRequest& request);

// `make` is asked for a kernel of the first image.
KernelResult MakeImageByImage(const KernelRequest& request,
                              absl::FunctionRef<KernelResult(const KernelRequest&)> make);

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_IMAGE_BY_IMAGE_H_
