// The CPU backend: vector kernels of our own, and oneDNN for convolution and pooling.
#ifndef CORE_BACKENDS_CPU_BACKEND_H_
#define CORE_BACKENDS_CPU_BACKEND_H_

#include <memory>

#include "core/backend/backend.h"

namespace mirin::cpu {

std::unique_ptr<Backend> CreateBackend();

// "x86-64 CPU, avx512, 8 threads": what this process may use. Static text.
const char* Description();

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_BACKEND_H_
