#include "core/backends/null/backend.h"

#include "absl/strings/str_cat.h"

namespace mirin::null {
namespace {

class NullBackend final : public Backend {
 public:
  absl::string_view name() const override { return "null"; }

  absl::StatusOr<std::unique_ptr<Kernel>> CreateKernel(
      const KernelRequest& request) const override {
    return absl::UnimplementedError(
        absl::StrCat("the null backend has no kernel for ", request.node->op()));
  }
};

}  // namespace

std::unique_ptr<Backend> CreateBackend() { return std::make_unique<NullBackend>(); }

}  // namespace mirin::null
