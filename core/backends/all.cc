#include "core/backends/all.h"

#include "absl/strings/str_cat.h"
#include "core/backend/registry.h"
#include "core/backends/cpu/backend.h"
#include "core/backends/reference/backend.h"

namespace mirin {
namespace {

absl::StatusOr<std::vector<std::unique_ptr<Backend>>> Create(absl::Span<const std::string> names) {
  std::vector<std::unique_ptr<Backend>> backends;
  for (const std::string& name : names) {
    if (name == "reference") continue;
    if (name == "cpu") {
      backends.push_back(cpu::CreateBackend());
      continue;
    }
    return absl::NotFoundError(
        absl::StrCat("there is no device '", name, "' in this build; it has: cpu, reference"));
  }
  backends.push_back(reference::CreateBackend());
  return backends;
}

}  // namespace

const std::vector<DeviceInfo>& Devices() {
  static const auto* const kDevices = new std::vector<DeviceInfo>{
      {"cpu", cpu::Description()},
      {"reference", "plain loops, for comparison"},
  };
  return *kDevices;
}

void InstallAllBackends() { InstallBackends(&Create); }

}  // namespace mirin
