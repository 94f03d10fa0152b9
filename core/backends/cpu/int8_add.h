// Sums of bytes; included as int8_vector.h is.
#ifndef CORE_BACKENDS_CPU_INT8_ADD_H_
#define CORE_BACKENDS_CPU_INT8_ADD_H_

#include "core/backends/cpu/int8_vector.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

struct SumForm {
  Int8Sum sum;
  ToBytes to_bytes;
#if defined(__AVX512F__)
  bool small;  // no sum comes near 2^31 steps
  PackForm pack;
#endif
};

inline SumForm SumFormOf(const Int8Sum& sum) {
  const UnaryKind activation = sum.relu ? UnaryKind::kRelu : UnaryKind::kIdentity;
  SumForm f;
  f.sum = sum;
  f.to_bytes = ToBytesOf(sum.y, activation);
#if defined(__AVX512F__)
  f.small = (sum.a.scale + sum.b.scale) * f.to_bytes.inverse < (1 << 20);
  f.pack = PackFormOf(sum.y, activation);
#endif
  return f;
}

#if defined(__AVX512F__)
// Bytes 16 i + 4 v + e of 64 as lane 4 i + e of a vector, for PackedBytes.
template <int V>
inline IntVector Spread(Ints bytes) {
  constexpr int64_t kNone = 0x80808000;
  const Ints each = _mm512_broadcast_i32x4(_mm_set_epi32(
      static_cast<int32_t>(kNone + 4 * V + 3), static_cast<int32_t>(kNone + 4 * V + 2),
      static_cast<int32_t>(kNone + 4 * V + 1), static_cast<int32_t>(kNone + 4 * V)));
  return reinterpret_cast<IntVector>(_mm512_shuffle_epi8(bytes, each));
}

// n is a multiple of 64. Signed bytes are made unsigned by a flip.
template <bool kSmall>
inline void AddPacked(const SumForm& f, const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
  const PackForm form = f.pack;
  const int32_t flip_a = f.sum.a.is_signed ? 128 : 0, flip_b = f.sum.b.is_signed ? 128 : 0,
                a_zero = f.sum.a.zero + flip_a, b_zero = f.sum.b.zero + flip_b;
  const float a_scale = f.sum.a.scale, b_scale = f.sum.b.scale;
  const Ints flips_a = _mm512_set1_epi8(static_cast<int8_t>(flip_a)),
             flips_b = _mm512_set1_epi8(static_cast<int8_t>(flip_b));
  const auto steps = [&](IntVector left, IntVector right) __attribute__((always_inline)) {
    const Vector sum = __builtin_convertvector(left - a_zero, Vector) * a_scale +
                       __builtin_convertvector(right - b_zero, Vector) * b_scale;
    return sum * form.inverse;
  };
  for (int64_t i = 0; i < n; i += 4 * kLanes) {
    const Ints p = _mm512_xor_si512(Load(a + i), flips_a),
               q = _mm512_xor_si512(Load(b + i), flips_b);
    Store(y + i, PackedBytes<kSmall>(
                     form, steps(Spread<0>(p), Spread<0>(q)), steps(Spread<1>(p), Spread<1>(q)),
                     steps(Spread<2>(p), Spread<2>(q)), steps(Spread<3>(p), Spread<3>(q))));
  }
}
#else
// n is a multiple of kLanes.
template <typename A, typename B>
inline void AddWhole(const SumForm& f, const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
  const Int8Form &a_form = f.sum.a, &b_form = f.sum.b;
  for (int64_t i = 0; i < n; i += kLanes) {
    const auto left = reinterpret_cast<IntVector>(Widen(reinterpret_cast<const A*>(a) + i)),
               right = reinterpret_cast<IntVector>(Widen(reinterpret_cast<const B*>(b) + i));
    const Vector sum = __builtin_convertvector(left - a_form.zero, Vector) * a_form.scale +
                       __builtin_convertvector(right - b_form.zero, Vector) * b_form.scale;
    StoreBytes(y + i, RoundedSteps(sum * f.to_bytes.inverse, f.to_bytes), kLanes);
  }
}
#endif

// y may be a or b.
inline void Add(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, const Int8Sum& sum) {
  const SumForm f = SumFormOf(sum);
#if defined(__AVX512F__)
  constexpr int64_t kBlock = 4 * kLanes;
  const auto add = f.small ? AddPacked<true> : AddPacked<false>;
#else
  constexpr int64_t kBlock = kLanes;
  const auto add = sum.a.is_signed
                       ? sum.b.is_signed ? AddWhole<int8_t, int8_t> : AddWhole<int8_t, uint8_t>
                   : sum.b.is_signed ? AddWhole<uint8_t, int8_t>
                                     : AddWhole<uint8_t, uint8_t>;
#endif
  const int64_t rest = n % kBlock, whole = n - rest;
  add(f, a, b, y, whole);
  if (rest == 0) return;
  uint8_t left[kBlock] = {}, right[kBlock] = {}, sums[kBlock];
  __builtin_memcpy(left, a + whole, static_cast<unsigned long>(rest));
  __builtin_memcpy(right, b + whole, static_cast<unsigned long>(rest));
  add(f, left, right, sums, kBlock);
  __builtin_memcpy(y + whole, sums, static_cast<unsigned long>(rest));
}

}  // namespace
}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_INT8_ADD_H_
