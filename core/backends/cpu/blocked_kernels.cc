// Compiled once per instruction set, as simd_kernels.cc.
#include "core/backends/cpu/blocked_kernels.h"

#include "core/backends/cpu/simd_vector.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

// Four sums at a time: one would wait for its last addition.
void SumPixels(const float* x, int64_t n, float scale, float* y) {
  Vector sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) sums[u] += Load(x + (i + u) * kLanes);
  }
  for (; i < n; ++i) sums[0] += Load(x + i * kLanes);
  Store(y, ((sums[0] + sums[1]) + (sums[2] + sums[3])) * scale);
}

void MultiplyPixels(const float* x, const float* factor, float* y, int64_t n) {
  const Vector f = Load(factor);
  for (int64_t i = 0; i < n; ++i) Store(y + i * kLanes, Load(x + i * kLanes) * f);
}

constexpr BlockedKernels kTable = {kLanes, SumPixels, MultiplyPixels};

}  // namespace

const BlockedKernels& BlockedTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
