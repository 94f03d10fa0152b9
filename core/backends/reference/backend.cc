#include "core/backends/reference/backend.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/backends/reference/kernels.h"

namespace mirin::reference {
namespace {

class ReferenceKernel final : public Kernel {
 public:
  ReferenceKernel(const ir::Node* node, KernelFn fn) : node_(node), fn_(fn) {}
  absl::Status Run(const KernelContext& context) const override { return fn_(*node_, context); }
  absl::string_view implementation() const override { return "reference"; }

 private:
  const ir::Node* node_;
  KernelFn fn_;
};

class ReferenceBackend final : public Backend {
 public:
  absl::string_view name() const override { return "reference"; }
  absl::StatusOr<std::unique_ptr<Kernel>> CreateKernel(
      const KernelRequest& request) const override {
    const KernelFn fn = FindKernel(request.node->op());
    if (fn == nullptr) {
      return absl::UnimplementedError(
          absl::StrCat("operator '", request.node->op(), "' has no reference kernel"));
    }
    return std::make_unique<ReferenceKernel>(request.node, fn);
  }
};

}  // namespace

KernelFn FindKernel(absl::string_view op) {
  static const auto* const kIndex = new std::map<std::string, KernelFn, std::less<>>{
#define MIRIN_OP(Name) {#Name, &kernels::Name},
#include "core/ops/op_list.inc"
#undef MIRIN_OP
  };
  auto it = kIndex->find(std::string(op));
  return it == kIndex->end() ? nullptr : it->second;
}

std::unique_ptr<Backend> CreateBackend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace mirin::reference
