#include "core/backends/cpu/backend.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "core/backends/cpu/image_by_image.h"
#include "core/backends/cpu/kernel_list.h"
#include "core/backends/cpu/onednn.h"
#include "core/backends/cpu/simd_kernels.h"
#include "core/base/cpus.h"

namespace mirin::cpu {
namespace {

KernelResult FirstThatAccepts(const std::vector<KernelFactory>& factories,
                              const KernelRequest& request) {
  absl::Status refusal;
  for (KernelFactory factory : factories) {
    KernelResult kernel = factory(request);
    if (kernel.ok() || !absl::IsUnimplemented(kernel.status())) return kernel;
    refusal = kernel.status();
  }
  return refusal;
}

class CpuBackend final : public Backend {
 public:
  absl::string_view name() const override { return "cpu"; }
  std::string packing() const override {
    return absl::StrCat(IsaName(), ", ", Core().name, ", ", onednn::VersionAndIsa());
  }

  absl::StatusOr<std::unique_ptr<Kernel>> CreateKernel(
      const KernelRequest& request) const override {
    const std::vector<KernelFactory>* factories = KernelsFor(request.node->op());
    if (factories == nullptr) return absl::UnimplementedError("no kernel for this operator");
    const auto choose = [&](const KernelRequest& r) { return FirstThatAccepts(*factories, r); };
    KernelResult kernel = request.deterministic && IsImageBatch(request)
                              ? MakeImageByImage(request, choose)
                              : choose(request);
    if (kernel.ok() && FlushesSubnormals(request.node->op())) (*kernel)->set_flushes_subnormals();
    return kernel;
  }

  absl::StatusOr<std::unique_ptr<Kernel>> CreateReorder(const ir::TensorType& type, Layout from,
                                                        Layout to,
                                                        const ThreadShare& threads) const override {
    return MakeReorder(type, from, to, threads);
  }
};

}  // namespace

std::unique_ptr<Backend> CreateBackend() { return std::make_unique<CpuBackend>(); }

const char* Description() {
  static const auto* const kText =
      new std::string(absl::StrCat("x86-64 CPU, ", IsaName(), ", ", AvailableCpus(), " threads"));
  return kText->c_str();
}

}  // namespace mirin::cpu
