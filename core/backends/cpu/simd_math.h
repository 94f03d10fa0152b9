// Functions of whole vectors that several sources of the vector kernels need; included as simd_vector.h is.
#ifndef CORE_BACKENDS_CPU_SIMD_MATH_H_
#define CORE_BACKENDS_CPU_SIMD_MATH_H_

#include "core/backends/cpu/simd_vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace mirin::cpu::MIRIN_SIMD {

// Of the results of identity and the rectifiers.
struct Range {
  float low, high;
};

inline Range RangeOf(UnaryKind kind) {
  constexpr float kInfinity = __builtin_inff();
  if (kind == UnaryKind::kRelu) return {0, kInfinity};
  if (kind == UnaryKind::kRelu6) return {0, 6};
  return {-kInfinity, kInfinity};
}

// Whether that is all they do.
inline bool IsRange(UnaryKind kind) {
  return kind == UnaryKind::kIdentity || kind == UnaryKind::kRelu || kind == UnaryKind::kRelu6;
}

inline int64_t Least(int64_t a, int64_t b) { return a < b ? a : b; }

// a where it is larger, else b; b where either is NaN.
inline Vector Larger(Vector a, Vector b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vector>(
      _mm512_maskz_max_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Vector>(
      _mm256_max_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#else
  const Mask m = a > b;
  return reinterpret_cast<Vector>((reinterpret_cast<Mask>(a) & m) |
                                  (reinterpret_cast<Mask>(b) & ~m));
#endif
}

// a where it is smaller, else b; b where either is NaN.
inline Vector Smaller(Vector a, Vector b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vector>(
      _mm512_maskz_min_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Vector>(
      _mm256_min_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#else
  const Mask m = a < b;
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

// exp(x) for |x| <= 87 as a polynomial in what is left times a power of two: within 2 ulp of the exact value, NaN for NaN.
struct ExpParts {
  Vector polynomial, power;
};

inline ExpParts PartsOfExp(Vector x) {
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
  const Bits power = (reinterpret_cast<Bits>(shifted) << 23) + 0x3F800000u;
  return {p, reinterpret_cast<Vector>(power)};
}

#if defined(__AVX512F__)
// 2^(r + n) for |r| <= 0.5: one instruction scales.
inline __m512 PowerOfTwo(__mmask16 lanes, __m512 r, __m512 n) {
  const auto step = [&](__m512 p, float term) {
    return _mm512_fmadd_ps(p, r, _mm512_set1_ps(term));
  };
  __m512 p = step(_mm512_set1_ps(1.53458125e-4f), 1.33999309e-3f);
  p = step(p, 9.61848907e-3f);
  p = step(p, 5.55032864e-2f);
  p = step(p, 2.40226462e-1f);
  p = step(p, 6.93147182e-1f);
  return _mm512_maskz_scalef_ps(lanes, step(p, 1.0f), n);
}

inline __m512 Nearest(__m512 x) { return _mm512_maskz_roundscale_ps(0xffff, x, 8); }
#endif

// exp of numbers that are 0 or less: within 2 ulp of the exact value, exactly 0 below -87, NaN for NaN.
inline Vector ExpOfNegative(Vector x) {
#if defined(__AVX512F__)
  const __m512 wide = reinterpret_cast<__m512>(x), scale = _mm512_set1_ps(1.44269502f);
  const __m512 n = Nearest(_mm512_mul_ps(wide, scale));
  const __m512 r =
      _mm512_fmadd_ps(wide, _mm512_set1_ps(1.92596299e-8f), _mm512_fmsub_ps(wide, scale, n));
  // Not less: NaN stays.
  const __mmask16 near = _mm512_cmp_ps_mask(wide, _mm512_set1_ps(-87.0f), _CMP_NLT_UQ);
  return reinterpret_cast<Vector>(PowerOfTwo(near, r, n));
#else
  const ExpParts e = PartsOfExp(x);
  const Mask far = x < -87.0f;
  const Vector result = e.polynomial * e.power;
  return reinterpret_cast<Vector>(reinterpret_cast<Mask>(result) & ~far);
#endif
}

// exp(-x) for |x| <= 87: within 3 ulp of the exact value for |x| < 10, NaN for NaN.
inline Vector ExpOfMinus(Vector x) {
#if defined(__AVX512F__)
  const __m512 wide = reinterpret_cast<__m512>(x), scale = _mm512_set1_ps(-1.44269504f);
  const __m512 n = Nearest(_mm512_mul_ps(wide, scale));
  return reinterpret_cast<Vector>(PowerOfTwo(0xffff, _mm512_fmsub_ps(wide, scale, n), n));
#else
  const ExpParts e = PartsOfExp(-x);
  return e.polynomial * e.power;
#endif
}

// 1 / (1 + exp(-x)), not exactly 0 far below zero.
inline Vector Sigmoid(Vector x) {
  return 1.0f / (1.0f + ExpOfMinus(Smaller(Vector{} + 87.0f, Larger(Vector{} - 87.0f, x))));
}

// x times that, nearly 0 far below zero.
inline Vector Silu(Vector x) {
  const Vector above = Larger(Vector{} - 87.0f, x);
  return above / (1.0f + ExpOfMinus(Smaller(Vector{} + 87.0f, above)));
}

#if defined(__AVX512F__)
// x times the normal distribution function, exactly 0 below -5.6: within 2.4e-7 of the exact value, for |x| < 1.5 within 1e-7.
// relu(x) - |x| Phi(-|x|), the latter by a polynomial around the nearest of 16 centres.
inline Vector GeluErf(Vector x) {
  constexpr int kTerms = 6;
  constexpr float kCentres = 2.5892856f;  // a unit of |x|
  static constexpr float kTable[kTerms][kLanes] = {
      {0.5f, 0.349671721f, 0.219934702f, 0.123305418f, 0.061193984f, 0.0267393924f, 0.0102452915f,
       0.0034312061f, 0.00100194523f, 0.000254607352f, 5.62155838e-05f, 1.07711758e-05f,
       1.78917912e-06f, 2.57437563e-07f, 3.20643601e-08f, 0},
      {-0.154074252f, -0.143001735f, -0.114333898f, -0.0787464902f, -0.0467207618f, -0.0238787197f,
       -0.010513193f, -0.00398731558f, -0.00130271411f, -0.000366640248f, -8.88901923e-05f,
       -1.85648078e-05f, -3.3400288e-06f, -5.17646811e-07f, -6.91100297e-08f, 0},
      {-6.08153172e-08f, 0.0106644509f, 0.0170532223f, 0.0176181123f, 0.0139374342f, 0.008904282f,
       0.00470441021f, 0.00208158069f, 0.000777211797f, 0.000246067997f, 6.62796811e-05f,
       1.52244093e-05f, 2.98737882e-06f, 5.01419606e-07f, 7.20635285e-08f, 0},
      {0.0038306585f, 0.0030245909f, 0.00114634586f, -0.000670248526f, -0.00161026174f,
       -0.00161986216f, -0.00114200672f, -0.000625338871f, -0.000276765204f, -0.000101003359f,
       -3.07485643e-05f, -7.86661894e-06f, -1.69984412e-06f, -3.11348259e-07f, -4.84679354e-08f, 0},
      {-1.63667107e-06f, -0.000374557945f, -0.000505775737f, -0.00036161879f, -0.000107291518f,
       7.89500627e-05f, 0.000137483905f, 0.000111249778f, 6.34283642e-05f, 2.80071545e-05f,
       9.95412029e-06f, 2.90534376e-06f, 7.04781257e-07f, 1.43208396e-07f, 2.45074876e-08f, 0},
      {-8.3523948e-05f, -5.58750398e-05f, 5.11561984e-06f, 4.7099933e-05f, 4.83111435e-05f,
       2.41250218e-05f, 8.66200537e-07f, -9.17187117e-06f, -8.85640657e-06f, -5.20206095e-06f,
       -2.25500139e-06f, -7.67930828e-07f, -2.11561343e-07f, -4.79372986e-08f, -9.02745168e-09f, 0},
  };
  const __m512 v = reinterpret_cast<__m512>(x), magic = _mm512_set1_ps(12582912.0f),
               scale = _mm512_set1_ps(kCentres);
  // Of the last centre at most: an infinite number would meet the table's 0.
  const __m512 magnitude = _mm512_maskz_min_ps(
      0xffff,
      _mm512_castsi512_ps(_mm512_and_epi32(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff))),
      _mm512_set1_ps(5.88f));
  const __m512 shifted = _mm512_fmadd_ps(magnitude, scale, magic);
  const __m512 t = _mm512_fmsub_ps(magnitude, scale, _mm512_sub_ps(shifted, magic));
  const __m512i centre = _mm512_castps_si512(shifted);  // its last four bits count
  const auto term = [&](int i) {
    return _mm512_maskz_permutexvar_ps(0xffff, centre, _mm512_loadu_ps(kTable[i]));
  };
  __m512 p = term(kTerms - 1);
#pragma GCC unroll 5
  for (int i = kTerms - 2; i >= 0; --i) p = _mm512_fmadd_ps(p, t, term(i));
  const __m512 positive = _mm512_maskz_max_ps(0xffff, _mm512_setzero_ps(), v);  // NaN for NaN
  return reinterpret_cast<Vector>(_mm512_fnmadd_ps(magnitude, p, positive));
}
#endif

}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_SIMD_MATH_H_
