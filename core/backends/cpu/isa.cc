#include <cstdlib>
#include <cstring>

#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu {

const SimdKernels& Simd() {
  static const SimdKernels& kChosen = []() -> const SimdKernels& {
    const char* wanted = std::getenv("MIRIN_ISA");
    const bool any = wanted == nullptr || *wanted == '\0' || std::strcmp(wanted, "avx512") == 0;
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (any && avx512) return avx512::Kernels();
    if (avx2 && (any || std::strcmp(wanted, "avx2") == 0)) return avx2::Kernels();
    return portable::Kernels();
  }();
  return kChosen;
}

const char* IsaName() { return Simd().name; }

}  // namespace mirin::cpu
