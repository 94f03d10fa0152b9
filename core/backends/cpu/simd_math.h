// Functions of whole vectors that several sources of the vector kernels need; included as simd_vector.h is.
#ifndef CORE_BACKENDS_CPU_SIMD_MATH_H_
#define CORE_BACKENDS_CPU_SIMD_MATH_H_

#include "core/backends/cpu/simd_vector.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace mirin::cpu::MIRIN_SIMD {

// a where it is larger, else b; b where either is NaN.
inline Vector Larger(Vector a, Vector b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vector>(
      _mm512_maskz_max_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#else
  const Mask m = a > b;
  return reinterpret_cast<Vector>((reinterpret_cast<Mask>(a) & m) |
                                  (reinterpret_cast<Mask>(b) & ~m));
#endif
}

// Lanes of halves against each other, then of quarters ..: every lane gets the result.
template <typename Fn>
inline float Reduce(Vector x, Fn fn) {
  Mask lane;
  for (int l = 0; l < kLanes; ++l) lane[l] = l;
#pragma GCC unroll 4
  for (int width = kLanes / 2; width > 0; width /= 2) x = fn(x, __builtin_shuffle(x, lane ^ width));
  return x[0];
}

inline float SumOfLanes(Vector x) {
  return Reduce(x, [](Vector a, Vector b) { return a + b; });
}

// Of lanes that are not NaN.
inline float LargestLane(Vector x) {
  return Reduce(x, [](Vector a, Vector b) { return Larger(a, b); });
}

// exp of numbers that are 0 or less, as 2^n times a polynomial in what is left: within 2 ulp of the exact value, exactly 0
// below -87, NaN for NaN.
inline Vector ExpOfNegative(Vector x) {
  const Vector shifted = x * 1.44269504f + 12582912.0f;
  const Vector n = shifted - 12582912.0f;
  const Vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vector p = Vector{} + 1.38145401e-3f;
  p = p * r + 8.36874521e-3f;
  p = p * r + 4.16683908e-2f;
  p = p * r + 1.66665204e-1f;
  p = p * r + 4.99999934e-1f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const Mask power = (reinterpret_cast<Mask>(shifted) << 23) + 0x3F800000;
#if defined(__AVX512F__)
  const __m512 wide = reinterpret_cast<__m512>(x);
  // Not less: NaN stays.
  const __mmask16 near = _mm512_cmp_ps_mask(wide, _mm512_set1_ps(-87.0f), _CMP_NLT_UQ);
  return reinterpret_cast<Vector>(
      _mm512_maskz_mul_ps(near, reinterpret_cast<__m512>(p), reinterpret_cast<__m512>(power)));
#else
  const Mask far = x < -87.0f;
  const Vector result = p * reinterpret_cast<Vector>(power);
  return reinterpret_cast<Vector>(reinterpret_cast<Mask>(result) & ~far);
#endif
}

}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_SIMD_MATH_H_
