// The inner step of products with packed panels; included as simd_vector.h is.
#ifndef CORE_BACKENDS_CPU_GEMM_TILE_H_
#define CORE_BACKENDS_CPU_GEMM_TILE_H_

#include "core/backends/cpu/simd_vector.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace mirin::cpu::MIRIN_SIMD {

typedef uint16_t Half;  // IEEE binary16

#if defined(__AVX512F__)
inline Vector Load(const Half* x) {
  return reinterpret_cast<Vector>(
      _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x))));
}
#elif defined(__F16C__)
inline Vector Load(const Half* x) {
  return reinterpret_cast<Vector>(
      _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))));
}
#endif

#define MIRIN_INLINE __attribute__((always_inline))

// f(0) to f(N - 1) with constants: an array that they alone index is in registers from the first.
template <int N, typename F>
MIRIN_INLINE inline void Each(const F& f) {
  if constexpr (N > 1) Each<N - 1>(f);
  f(N - 1);
}
template <int R, int V, typename F>
MIRIN_INLINE inline void EachVector(const F& f) {
  Each<R>([&](int r) MIRIN_INLINE { Each<V>([&](int v) MIRIN_INLINE { f(r, v); }); });
}

// acc += left * line. With AVX-512 acc stays in its register: gcc's choice among the forms of the instruction moves sums from register to
// register and to memory where many are alive.
MIRIN_INLINE inline void MultiplyAdd(Vector left, Vector line, Vector* acc) {
#if defined(__AVX512F__)
  Vector sum = *acc;
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(line), "v"(left));
  *acc = sum;
#else
  *acc += left * line;
#endif
}

MIRIN_INLINE inline Vector Broadcast(const float* x) {
#if defined(__AVX512F__)
  Vector all;
  asm("vbroadcastss %1, %0" : "=v"(all) : "m"(*x));
  return all;
#else
  return *x - Vector{};
#endif
}

// acc += column of R numbers of A, a_row floats apart, times a line of a panel, whose numbers are W.
template <int R, int V, typename W>
inline void MultiplyAdd(const float* a, int64_t a_row, const W* line, Vector (&acc)[R][V]) {
  Vector b[V];
  for (int v = 0; v < V; ++v) b[v] = Load(line + v * kLanes);
  Each<R>([&](int r) MIRIN_INLINE {
    const Vector left = Broadcast(a + r * a_row);
    Each<V>([&](int v) MIRIN_INLINE { MultiplyAdd(left, b[v], &acc[r][v]); });
  });
}

// A panel of `width` columns whose k numbers are neighbours, the columns `column` floats apart: lines of `line` floats, zeros behind the width.
void PackColumns(const float* b, int64_t k, int64_t width, int64_t column, int64_t line,
                 float* packed);

}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_GEMM_TILE_H_
