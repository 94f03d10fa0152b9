// The reference backend: answers for every op, slowly, and is the last in every device list.
#ifndef CORE_BACKENDS_REFERENCE_BACKEND_H_
#define CORE_BACKENDS_REFERENCE_BACKEND_H_

#include <memory>

#include "core/backend/backend.h"

namespace mirin::reference {

std::unique_ptr<Backend> CreateBackend();

}  // namespace mirin::reference

#endif  // CORE_BACKENDS_REFERENCE_BACKEND_H_
