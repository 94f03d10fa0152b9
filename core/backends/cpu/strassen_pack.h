// How rows of A become the matrices of StrassenArgs, beside multiply-adds; included as simd_vector.h is.
#ifndef CORE_BACKENDS_CPU_STRASSEN_PACK_H_
#define CORE_BACKENDS_CPU_STRASSEN_PACK_H_

#include "core/backends/cpu/gemm_tile.h"

namespace mirin::cpu::MIRIN_SIMD {

constexpr int32_t kMagnitude = 0x7fffffff, kInfinityBits = 0x7f800000;

inline Mask Magnitude(Vector x) { return reinterpret_cast<Mask>(x) & kMagnitude; }
inline Mask LargerBits(Mask a, Mask b) { return a > b ? a : b; }
inline int32_t Largest(Mask x) {
  Mask lane;
  for (int l = 0; l < kLanes; ++l) lane[l] = l;
#pragma GCC unroll 4
  for (int width = kLanes / 2; width > 0; width /= 2)
    x = LargerBits(x, __builtin_shuffle(x, lane ^ width));
  return x[0];
}

// The power of two that brings a magnitude to [1, 2), and its inverse: for zero 0, so that what others leave behind goes.
inline void ScaleOf(int32_t bits, float* scale, float* inverse) {
  int32_t exponent = bits >> 23;
  exponent = exponent < 1 ? 1 : exponent > 253 ? 253 : exponent;
  const int32_t down = bits == 0 ? 0 : (254 - exponent) << 23, up = bits == 0 ? 0 : exponent << 23;
  __builtin_memcpy(scale, &down, sizeof down);
  __builtin_memcpy(inverse, &up, sizeof up);
}

constexpr int kA21 = kS1;  // of a plain product

inline const float* RowOf(const StrassenArgs& s, int64_t row) {
  const GemmArgs& g = *s.product;
  const int64_t at = g.row_begin + row < g.row_end ? g.row_begin + row : g.row_end - 1;
  return g.a + (s.a_rows == nullptr ? at * g.a_row : s.a_rows[at]) +
         s.depth_begin / kLanes * s.a_block;
}

// Rows [begin, end) of the upper half and their partners stay as they are.
inline void LeavePlain(const StrassenArgs& s, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t partner = s.partner + i;
    s.plain[i] = true;
    s.scale[i] = s.inverse[i] = s.scale[partner] = s.inverse[partner] = 1;
  }
}

// The scales of rows [begin, end) of the upper half and of their partners, a few numbers at a time.
class ScaleAhead {
 public:
  ScaleAhead(const StrassenArgs& s, int64_t begin, int64_t end)
      : s_(s),
        begin_(begin),
        end_(end),
        row_(begin),
        x_(RowOf(s, begin)),
        next_(RowOf(s, begin + 1)),
        left_(2 * s.depth) {
    for (int64_t i = begin; i < end; ++i) s.plain[i] = false;
  }

  // Whether there is more to do.
  MIRIN_INLINE bool Next() {
    constexpr int kAtOnce = 4;
    for (int j = 0; j < kAtOnce; ++j) {
      const int64_t at = j * kLanes < left_ ? j * s_.a_block : 0;
      largest_ = LargerBits(Magnitude(Load(x_ + at)), largest_);
      __builtin_prefetch(next_ + at, 0, 2);
    }
    x_ += kAtOnce * s_.a_block;
    next_ += kAtOnce * s_.a_block;
    left_ -= kAtOnce * kLanes;
    return left_ > 0 || NextRow();
  }

 private:
  bool NextRow() {
    const int32_t bits = Largest(largest_);
    ScaleOf(bits, s_.scale + row_, s_.inverse + row_);
    finite_ = finite_ && bits < kInfinityBits;
    largest_ = Mask{};
    left_ = 2 * s_.depth;
    if (++row_ == end_) row_ = s_.partner + begin_;
    if (row_ < s_.partner + end_) {
      x_ = RowOf(s_, row_);
      next_ = RowOf(s_, row_ + 1 == end_ ? s_.partner + begin_ : row_ + 1);
      return true;
    }
    if (!finite_) LeavePlain(s_, begin_, end_);
    return false;
  }

  const StrassenArgs& s_;
  int64_t begin_, end_, row_;
  const float *x_, *next_;  // the row, and the one after it, which is fetched
  int64_t left_;
  Mask largest_ = {};
  bool finite_ = true;
};

// A row of the upper half and its partner become rows of packed_a, a vector of each quadrant at a time.
struct RowPair {
  const float *up[kStrassenTerms], *low[kStrassenTerms];
  float scale[kStrassenTerms], low_scale[kStrassenTerms];
  int64_t half;  // floats to the other half of the depth
  float* to;
  int terms;
  bool plain;

  RowPair() = default;
  RowPair(const StrassenArgs& s, int64_t i)
      : half(s.depth / kLanes * s.a_block),
        to(s.packed_a + i * s.depth),
        terms(s.terms),
        plain(s.plain[i]) {
    for (int t = 0; t < terms; ++t) {
      const StrassenTerm& term = s.term[t];
      const int64_t row = term.row + i, partner = row + s.partner,
                    depth = term.depth / kLanes * s.a_block;
      up[t] = RowOf(s, row) + depth;
      low[t] = RowOf(s, partner) + depth;
      scale[t] = s.scale[row] * term.sign;
      low_scale[t] = s.scale[partner] * term.sign;
    }
  }

  // In order: stores to neighbours are what this waits for.
  MIRIN_INLINE void PackVector(const StrassenArgs& s) {
    const int64_t matrix = s.matrix();
    const auto put = [&](int which, Vector x) MIRIN_INLINE { Store(to + which * matrix, x); };
    Vector a11 = Load(up[0]) * scale[0], a12 = Load(up[0] + half) * scale[0],
           a21 = Load(low[0]) * low_scale[0], a22 = Load(low[0] + half) * low_scale[0];
    up[0] += s.a_block;
    low[0] += s.a_block;
    for (int t = 1; t < terms; ++t) {
      a11 += Load(up[t]) * scale[t];
      a12 += Load(up[t] + half) * scale[t];
      a21 += Load(low[t]) * low_scale[t];
      a22 += Load(low[t] + half) * low_scale[t];
      up[t] += s.a_block;
      low[t] += s.a_block;
    }
    put(kA11, a11);
    put(kA12, a12);
    put(kA22, a22);
    if (plain) {
      put(kA21, a21);
    } else {
      const Vector s1 = a21 + a22, s2 = s1 - a11;
      put(kS1, s1);
      put(kS2, s2);
      put(kS3, a11 - a21);
      put(kS4, a12 - s2);
    }
    to += kLanes;
  }
};

// Rows that are scaled and packed beside the multiply-adds of those before them.
class PackAhead {
 public:
  PackAhead(const StrassenArgs& s, int64_t begin, int64_t end)
      : s_(s),
        scale_(s, begin, s.scales ? end : begin),
        scales_(s.scales && begin < end),
        row_(begin),
        end_(end) {
    if (!scales_ && begin < end) Begin();
  }

  MIRIN_INLINE void Next() {
    if (scales_) {
      scales_ = scale_.Next();
      if (!scales_) Begin();
    } else if (left_ > 0) {
      pair_.PackVector(s_);
      left_ -= kLanes;
      if (left_ == 0 && ++row_ < end_) Begin();
    }
  }
  void Finish() {
    while (scales_ || left_ > 0) Next();
  }

 private:
  void Begin() {
    pair_ = RowPair(s_, row_);
    left_ = s_.depth;
  }

  const StrassenArgs& s_;
  ScaleAhead scale_;
  bool scales_;
  int64_t row_, end_, left_ = 0;
  RowPair pair_;
};

}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_STRASSEN_PACK_H_
