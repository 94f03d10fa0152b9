// What the sources of the 8-bit kernels share: included once per instruction set, with MIRIN_SIMD as int8_kernels.cc says.
#ifndef CORE_BACKENDS_CPU_INT8_VECTOR_H_
#define CORE_BACKENDS_CPU_INT8_VECTOR_H_

#include <immintrin.h>

#include "core/backends/cpu/int8_kernels.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

// One vector of int32 sums, and what adds the products of kGroup neighbours in depth to each of them. With VNNI these are bytes,
// A unsigned and B signed; without, 16-bit numbers, because byte products of older instructions saturate.
#if defined(__AVX512VNNI__)
constexpr bool kBytes = true;
using AElement = uint8_t;
#else
constexpr bool kBytes = false;
using AElement = int16_t;
#endif
#if defined(__AVX512F__)
constexpr int kLanes = 16, kRows = 6, kVectors = 4;
using Ints = __m512i;
inline Ints Load(const void* from) { return _mm512_loadu_si512(from); }
inline void Store(void* to, Ints v) { _mm512_storeu_si512(to, v); }
inline Ints Repeat(int32_t v) { return _mm512_set1_epi32(v); }
#if defined(__AVX512VNNI__)
// As text: of the intrinsic, gcc 12 makes copies of the sums in every step.
inline Ints AddProducts(Ints sum, Ints a, Ints b) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
#else
inline Ints AddProducts(Ints sum, Ints a, Ints b) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
}
#endif
inline Ints Widen(const uint8_t* from) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Ints Widen(const int8_t* from) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline void Narrow(Ints v, uint8_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(v));
}
#elif defined(__AVX2__)
constexpr int kLanes = 8, kRows = 4, kVectors = 2;
using Ints = __m256i;
inline Ints Load(const void* from) { return _mm256_loadu_si256(static_cast<const Ints*>(from)); }
inline void Store(void* to, Ints v) { _mm256_storeu_si256(static_cast<Ints*>(to), v); }
inline Ints Repeat(int32_t v) { return _mm256_set1_epi32(v); }
inline Ints AddProducts(Ints sum, Ints a, Ints b) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
inline Ints Widen(const uint8_t* from) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
}
inline Ints Widen(const int8_t* from) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
}
inline void Narrow(Ints v, uint8_t* to) {
  const Ints bytes = _mm256_shuffle_epi8(v, _mm256_set1_epi32(0x0c080400));
  _mm_storel_epi64(
      reinterpret_cast<__m128i*>(to),
      _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)));
}
#else
constexpr int kLanes = 4, kRows = 4, kVectors = 2;
using Ints = __m128i;
inline Ints Load(const void* from) { return _mm_loadu_si128(static_cast<const Ints*>(from)); }
inline void Store(void* to, Ints v) { _mm_storeu_si128(static_cast<Ints*>(to), v); }
inline Ints Repeat(int32_t v) { return _mm_set1_epi32(v); }
inline Ints AddProducts(Ints sum, Ints a, Ints b) {
  return _mm_add_epi32(sum, _mm_madd_epi16(a, b));
}
// The four bytes on top of the lanes.
inline Ints OnTop(const void* from) {
  int32_t bytes;
  __builtin_memcpy(&bytes, from, 4);
  const Ints pairs = _mm_unpacklo_epi8(_mm_setzero_si128(), _mm_cvtsi32_si128(bytes));
  return _mm_unpacklo_epi16(_mm_setzero_si128(), pairs);
}
inline Ints Widen(const uint8_t* from) { return _mm_srli_epi32(OnTop(from), 24); }
inline Ints Widen(const int8_t* from) { return _mm_srai_epi32(OnTop(from), 24); }
inline void Narrow(Ints v, uint8_t* to) {
  const Ints low = _mm_and_si128(v, _mm_set1_epi32(255)), pairs = _mm_packs_epi32(low, low);
  const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(pairs, pairs));
  __builtin_memcpy(to, &bytes, 4);
}
#endif
// Widen gives kLanes bytes as integers, Narrow writes the low bytes of the lanes.
typedef float Vector __attribute__((vector_size(kLanes * 4), may_alias));
typedef int32_t IntVector __attribute__((vector_size(kLanes * 4)));
inline IntVector Integers(const int32_t* from) { return reinterpret_cast<IntVector>(Load(from)); }
inline Vector Floats(const float* from) { return reinterpret_cast<Vector>(Load(from)); }
constexpr int64_t kColumns = kLanes * kVectors;
constexpr int64_t kGroup = kBytes ? 4 : 2;
constexpr int64_t kABytes = kBytes ? 1 : 2;
constexpr int64_t kBBytes = kABytes;
#if defined(__AMX_INT8__)
constexpr int64_t kDepthStep = 64;  // bytes of a row of a tile
#else
constexpr int64_t kDepthStep = kGroup;
#endif
constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer

inline int64_t Padded(int64_t k) { return (k + kGroup - 1) / kGroup * kGroup; }
inline int64_t PaddedB(int64_t k) { return (k + kDepthStep - 1) / kDepthStep * kDepthStep; }

// Where kGroup numbers of B of each of a vector's columns lie in a panel of so many groups: 4 bytes a column. Tiles are read as they lie: 16 groups
// of 16 columns, those of 32 columns one after the other.
inline int64_t GroupAt(int64_t group, int64_t vector, [[maybe_unused]] int64_t groups) {
#if defined(__AMX_INT8__)
  return (vector / 2 * groups + group / 16 * 16) * 128 + vector % 2 * 1024 + group % 16 * 64;
#else
  return (group * kVectors + vector) * kLanes * 4;
#endif
}

// Nearest integer, ties to even, for |v| below 2^22.
inline float Rint(float v) { return (v + kMagic) - kMagic; }

inline float Clamp(float v, float low, float high) {
  v = v > low ? v : low;  // not a number becomes low
  return v < high ? v : high;
}

// How numbers in floating point become bytes.
struct ToBytes {
  float inverse;    // of the scale, rounded to float32
  float low, high;  // in steps from the zero point, of the type and of a rectifier
  int32_t zero;
};

inline bool IsRectifier(UnaryKind kind) {
  return kind == UnaryKind::kIdentity || kind == UnaryKind::kRelu || kind == UnaryKind::kRelu6;
}

// Other activations than rectifiers are not among the bounds.
inline ToBytes ToBytesOf(Int8Form form, UnaryKind activation) {
  ToBytes to = {1.0f / form.scale, static_cast<float>((form.is_signed ? -128 : 0) - form.zero), 0,
                form.zero};
  to.high = to.low + 255;
  const bool from_zero = activation == UnaryKind::kRelu || activation == UnaryKind::kRelu6;
  if (from_zero && to.low < 0) to.low = 0;
  if (activation == UnaryKind::kRelu6 && 6 * to.inverse < to.high) to.high = 6 * to.inverse;
  return to;
}

// Numbers of steps, rounded and saturated: the low byte of each lane.
inline IntVector RoundedSteps(Vector steps, ToBytes to) {
  const Vector low = to.low - Vector{}, high = to.high - Vector{};
  steps = steps > low ? steps : low;  // not a number becomes low
  steps = steps < high ? steps : high;
  return reinterpret_cast<IntVector>(steps + kMagic) + to.zero;
}

#if defined(__AVX512F__)
// How four vectors become one of bytes: unsigned ones that signed ones come from by a flip.
struct PackForm {
  ToBytes to;
  Vector inverse;
  Ints zero, low, high, flip;
};

inline PackForm PackFormOf(Int8Form form, UnaryKind activation) {
  PackForm f;
  f.to = ToBytesOf(form, activation);
  f.inverse = f.to.inverse - Vector{};
  const int32_t offset = form.is_signed ? 128 : 0, zero = form.zero + offset;
  f.zero = _mm512_set1_epi16(static_cast<int16_t>(zero));
  f.low = _mm512_set1_epi8(static_cast<int8_t>(static_cast<int32_t>(f.to.low) + zero));
  f.high = _mm512_set1_epi8(static_cast<int8_t>(static_cast<int32_t>(Rint(f.to.high)) + zero));
  f.flip = _mm512_set1_epi8(static_cast<int8_t>(offset));
  return f;
}

// Nearest integers, ties to even; not a number becomes the least. Small ones are below 2^31.
template <bool kSmall>
inline Ints Rounded(Vector steps) {
  const __m512 most = _mm512_set1_ps(1 << 24), v = reinterpret_cast<__m512>(steps);
  return _mm512_cvtps_epi32(kSmall ? v : _mm512_min_ps(most, v));
}

// Numbers of steps as RoundedSteps has them. Byte 16 i + 4 v + e comes from lane 4 i + e of vector v.
template <bool kSmall = false>
inline Ints PackedBytes(const PackForm& f, Vector v0, Vector v1, Vector v2, Vector v3) {
  const Ints low = _mm512_packs_epi32(Rounded<kSmall>(v0), Rounded<kSmall>(v1)),
             high = _mm512_packs_epi32(Rounded<kSmall>(v2), Rounded<kSmall>(v3)),
             bytes = _mm512_packus_epi16(_mm512_adds_epi16(low, f.zero),
                                         _mm512_adds_epi16(high, f.zero));
  return _mm512_xor_si512(_mm512_min_epu8(_mm512_max_epu8(bytes, f.low), f.high), f.flip);
}
#endif

// The low bytes of the first n lanes.
inline void StoreBytes(uint8_t* to, IntVector v, int64_t n) {
  if (n >= kLanes) return Narrow(reinterpret_cast<Ints>(v), to);
#if defined(__AVX512F__)
  // A call of memcpy would lose what the registers hold.
  const auto first = static_cast<__mmask16>((1u << n) - 1);
  _mm_mask_storeu_epi8(to, first, _mm512_cvtepi32_epi8(reinterpret_cast<Ints>(v)));
#else
  uint8_t bytes[kLanes];
  Narrow(reinterpret_cast<Ints>(v), bytes);
  __builtin_memcpy(to, bytes, static_cast<unsigned long>(n));
#endif
}

}  // namespace
}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_INT8_VECTOR_H_
