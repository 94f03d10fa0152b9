// A backend that takes no node: the template for new ones (README.md).
#ifndef CORE_BACKENDS_NULL_BACKEND_H_
#define CORE_BACKENDS_NULL_BACKEND_H_

#include <memory>

#include "core/backend/backend.h"

namespace mirin::null {

std::unique_ptr<Backend> CreateBackend();

}  // namespace mirin::null

#endif  // CORE_BACKENDS_NULL_BACKEND_H_
