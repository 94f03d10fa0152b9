// Loops over the pixels of one channel block of a blocked layout.
#ifndef CORE_BACKENDS_CPU_BLOCKED_KERNELS_H_
#define CORE_BACKENDS_CPU_BLOCKED_KERNELS_H_

#include <stdint.h>

namespace mirin::cpu {

// A pixel is `lanes` channels side by side. Pointers may be unaligned.
struct BlockedKernels {
  int64_t lanes;
  // y = scale * sum of the pixels x[n]
  void (*sum)(const float* x, int64_t n, float scale, float* y);
  // y[n] = x[n] * factor, a pixel; y may be x.
  void (*multiply)(const float* x, const float* factor, float* y, int64_t n);
};

// Null where the instruction set has no blocked layout.
const BlockedKernels* Blocked();

namespace avx2 {
const BlockedKernels& BlockedTable();
}
namespace avx512 {
const BlockedKernels& BlockedTable();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_BLOCKED_KERNELS_H_
