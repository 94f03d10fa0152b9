// Scales and rows of A for StrassenArgs, compiled once per instruction set as simd_kernels.cc.
#include "core/backends/cpu/strassen_pack.h"

namespace mirin::cpu::MIRIN_SIMD {

bool StrassenEven(const float* pair, int64_t k) {
  constexpr float kMost = 32, kSmallest = 0x1p-100f, kLargest = 0x1p100f;
  Mask largest[2 * kVectors] = {};
  for (int64_t p = 0; p < k; ++p) {
    for (int v = 0; v < 2 * kVectors; ++v) {
      const int64_t at = (v < kVectors ? 0 : k * kColumns) + p * kColumns + v % kVectors * kLanes;
      largest[v] = LargerBits(Magnitude(Load(pair + at)), largest[v]);
    }
  }
  float low = kLargest, high = 0;
  for (int v = 0; v < 2 * kVectors; ++v) {
    if (Largest(largest[v]) >= kInfinityBits) return false;
    const Vector columns = reinterpret_cast<Vector>(largest[v]);
    for (int l = 0; l < kLanes; ++l) {
      const float one = columns[l];
      low = one < low ? one : low;
      high = one > high ? one : high;
    }
  }
  return low >= kSmallest && high <= kLargest && high / kMost <= low;
}

bool StrassenScale(const float* x, int64_t n, float* scale, float* inverse) {
  Mask largest = {};
  for (int64_t i = 0; i < n; i += kLanes) largest = LargerBits(Magnitude(Load(x + i)), largest);
  const int32_t bits = Largest(largest);
  ScaleOf(bits, scale, inverse);
  return bits < kInfinityBits;
}

bool StrassenScaleRows(const StrassenArgs& s, int64_t begin, int64_t end) {
  bool finite = true;
  for (int64_t i = begin; i < end; ++i) {
    ScaleAhead row(s, i, i + 1);
    while (row.Next()) {
    }
    finite = finite && !s.plain[i];
  }
  return finite;
}

void StrassenLeavePlain(const StrassenArgs& s, int64_t begin, int64_t end) {
  LeavePlain(s, begin, end);
}

void StrassenPackA(const StrassenArgs& s, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    RowPair pair(s, i);
    for (int64_t p = 0; p < s.depth; p += kLanes) pair.PackVector(s);
  }
}

}  // namespace mirin::cpu::MIRIN_SIMD
