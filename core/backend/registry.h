// Where the runtime finds the backends of this build without knowing them.
#ifndef CORE_BACKEND_REGISTRY_H_
#define CORE_BACKEND_REGISTRY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/backend/backend.h"

namespace mirin {

// Makes backends by name, in the order asked for, with "reference" appended when it was not named. NotFound for an unknown
// name, Unavailable when the device or its vendor library is missing, with the reason.
using BackendFactory =
    absl::StatusOr<std::vector<std::unique_ptr<Backend>>> (*)(absl::Span<const std::string> names);

// Installs the factory of the process (core/backends/all.h calls it). Thread-safe; the last call counts.
void InstallBackends(BackendFactory factory);

// FailedPrecondition when no factory was installed.
absl::StatusOr<std::vector<std::unique_ptr<Backend>>> MakeBackends(
    absl::Span<const std::string> names);

}  // namespace mirin

#endif  // CORE_BACKEND_REGISTRY_H_
