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
  // Where steps of the operands are no more than a few of the result, the sum is a * left + (b * right + offset) in those: of bytes that a flip
  // made unsigned.
  bool fine;
  float left, right, offset;
  PackForm pack;
  Ints flip_a, flip_b;
#endif
};

inline SumForm SumFormOf(const Int8Sum& sum) {
  const UnaryKind activation = sum.relu ? UnaryKind::kRelu : UnaryKind::kIdentity;
  SumForm f;
  f.sum = sum;
  f.to_bytes = ToBytesOf(sum.y, activation);
#if defined(__AVX512F__)
  constexpr float kMostSteps = 16;
  const int32_t flip_a = sum.a.is_signed ? 128 : 0, flip_b = sum.b.is_signed ? 128 : 0;
  f.left = sum.a.scale / sum.y.scale;
  f.right = sum.b.scale / sum.y.scale;
  f.fine = f.left + f.right < kMostSteps;
  f.offset = -(static_cast<float>(sum.a.zero + flip_a) * f.left +
               static_cast<float>(sum.b.zero + flip_b) * f.right);
  f.pack = PackFormOf(sum.y, activation);
  f.flip_a = _mm512_set1_epi8(static_cast<int8_t>(flip_a));
  f.flip_b = _mm512_set1_epi8(static_cast<int8_t>(flip_b));
#endif
  return f;
}

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

// Whole blocks of numbers by add_blocks(a, b, y, n), the rest in a block of its own.
template <int64_t kBlock, typename AddBlocks>
inline void AddInBlocks(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n,
                        AddBlocks add_blocks) {
  const int64_t rest = n % kBlock, whole = n - rest;
  add_blocks(a, b, y, whole);
  if (rest == 0) return;
  uint8_t left[kBlock] = {}, right[kBlock] = {}, sums[kBlock];
  __builtin_memcpy(left, a + whole, static_cast<unsigned long>(rest));
  __builtin_memcpy(right, b + whole, static_cast<unsigned long>(rest));
  add_blocks(left, right, sums, kBlock);
  __builtin_memcpy(y + whole, sums, static_cast<unsigned long>(rest));
}

#if defined(__AVX512F__)
// Bytes 16 i + 4 v + e of 64 as lane 4 i + e of a vector, for PackedBytes.
template <int V>
inline Vector Spread(Ints bytes) {
  constexpr int64_t kNone = 0x80808000;
  const Ints each = _mm512_broadcast_i32x4(_mm_set_epi32(
      static_cast<int32_t>(kNone + 4 * V + 3), static_cast<int32_t>(kNone + 4 * V + 2),
      static_cast<int32_t>(kNone + 4 * V + 1), static_cast<int32_t>(kNone + 4 * V)));
  return __builtin_convertvector(reinterpret_cast<IntVector>(_mm512_shuffle_epi8(bytes, each)),
                                 Vector);
}

// n is a multiple of 64; where steps are fine.
inline void AddPacked(const SumForm& f, const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
  const PackForm form = f.pack;
  const Ints flip_a = f.flip_a, flip_b = f.flip_b;
  const float left = f.left, right = f.right, offset = f.offset;
  const auto steps = [&](Vector one, Vector other) __attribute__((always_inline)) {
    return one * left + (other * right + offset);
  };
  for (int64_t i = 0; i < n; i += 4 * kLanes) {
    const Ints p = _mm512_xor_si512(Load(a + i), flip_a), q = _mm512_xor_si512(Load(b + i), flip_b);
    Store(y + i, PackedBytes<true>(
                     form, steps(Spread<0>(p), Spread<0>(q)), steps(Spread<1>(p), Spread<1>(q)),
                     steps(Spread<2>(p), Spread<2>(q)), steps(Spread<3>(p), Spread<3>(q))));
  }
}
#endif

// y may be a or b.
inline void Add(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, const Int8Sum& sum) {
  const SumForm f = SumFormOf(sum);
#if defined(__AVX512F__)
  if (f.fine)
    return AddInBlocks<4 * kLanes>(
        a, b, y, n, [&](const uint8_t* p, const uint8_t* q, uint8_t* to, int64_t count) {
          AddPacked(f, p, q, to, count);
        });
#endif
  const auto add = sum.a.is_signed
                       ? sum.b.is_signed ? AddWhole<int8_t, int8_t> : AddWhole<int8_t, uint8_t>
                   : sum.b.is_signed ? AddWhole<uint8_t, int8_t>
                                     : AddWhole<uint8_t, uint8_t>;
  AddInBlocks<kLanes>(a, b, y, n,
                      [&](const uint8_t* p, const uint8_t* q, uint8_t* to, int64_t count) {
                        add(f, p, q, to, count);
                      });
}

}  // namespace
}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_INT8_ADD_H_
