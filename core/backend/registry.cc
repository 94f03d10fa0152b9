#include "core/backend/registry.h"

#include <atomic>

namespace mirin {
namespace {

std::atomic<BackendFactory> installed_factory{nullptr};

}  // namespace

void InstallBackends(BackendFactory factory) { installed_factory.store(factory); }

absl::StatusOr<std::vector<std::unique_ptr<Backend>>> MakeBackends(
    absl::Span<const std::string> names) {
  const BackendFactory factory = installed_factory.load();
  if (factory == nullptr)
    return absl::FailedPreconditionError("no backends are installed in this process");
  return factory(names);
}

}  // namespace mirin
