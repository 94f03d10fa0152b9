// The products of StrassenArgs, compiled once per instruction set as simd_kernels.cc.
//
// With halves of the rows of A, of the depth and of a pair of panels of B (Winograd's form of Strassen's algorithm):
//   C11 = A11 B11 + A12 B21            U2 = A11 B11 + S2 T2, U3 = U2 + S3 T3, P5 = S1 T1
//   C12 = U2 + P5 + S4 B22             S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21, S4 = A12 - S2
//   C21 = U3 + A22 T4                  T1 = B12 - B11, T2 = B22 - T1, T3 = B22 - B12, T4 = B21 - T2
//   C22 = U3 + P5
#include "core/backends/cpu/gemm_tile.h"
#include "core/backends/cpu/simd_math.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr float kMostFloat = 3.402823466e38f;
constexpr int32_t kMagnitude = 0x7fffffff, kInfinityBits = 0x7f800000;

inline Mask Magnitude(Vector x) { return reinterpret_cast<Mask>(x) & kMagnitude; }
inline Mask LargerBits(Mask a, Mask b) { return a > b ? a : b; }
inline bool Finite(Mask largest) {
  for (int l = 0; l < kLanes; ++l) {
    if (largest[l] >= kInfinityBits) return false;
  }
  return true;
}

// The power of two that brings the largest of a row to [1, 2), and its inverse; false when a number is not finite.
bool ScaleOf(const float* x, int64_t n, float* scale, float* inverse) {
  constexpr int kAtOnce = 4;
  Mask largest[kAtOnce] = {};
  int64_t i = 0;
  for (; i + kAtOnce * kLanes <= n; i += kAtOnce * kLanes) {
    for (int j = 0; j < kAtOnce; ++j)
      largest[j] = LargerBits(Magnitude(Load(x + i + j * kLanes)), largest[j]);
  }
  const Mask all =
      LargerBits(LargerBits(largest[0], largest[1]), LargerBits(largest[2], largest[3]));
  int32_t bits = 0;
  for (int l = 0; l < kLanes; ++l) bits = all[l] > bits ? all[l] : bits;
  for (; i < n; ++i) {
    int32_t one;
    __builtin_memcpy(&one, x + i, sizeof one);
    bits = (one & kMagnitude) > bits ? one & kMagnitude : bits;
  }
  int32_t exponent = bits >> 23;
  exponent = bits == 0 ? 127 : exponent < 1 ? 1 : exponent > 253 ? 253 : exponent;
  const int32_t down = (254 - exponent) << 23, up = exponent << 23;
  __builtin_memcpy(scale, &down, sizeof down);
  __builtin_memcpy(inverse, &up, sizeof up);
  return bits < kInfinityBits;
}

#define MIRIN_INLINE __attribute__((always_inline))

// f(0) to f(N - 1) with constants: an array that they alone index is in registers from the first.
template <int N, typename F>
MIRIN_INLINE inline void Each(const F& f) {
  if constexpr (N > 1) Each<N - 1>(f);
  f(N - 1);
}
template <int R, typename F>
MIRIN_INLINE inline void EachVector(const F& f) {
  Each<R>([&](int r) MIRIN_INLINE { Each<kVectors>([&](int v) MIRIN_INLINE { f(r, v); }); });
}

template <int R>
using Tile = Vector[R][kVectors];

// What the next pair will read, fetched bit by bit: two runs of `lines` cache lines, `gap` floats between them.
struct Fetch {
  const float* from;
  int64_t lines, gap;
  int64_t at_once;
  int64_t done, step;  // 2^-16 lines

  void Next() {
    for (int64_t i = 0; i < at_once; ++i, done += step) {
      const int64_t line = done >> 16;
      __builtin_prefetch(from + line * 16 + (line < lines ? 0 : gap), 0, 3);
    }
  }
};

// to = x - y, numbers of whole panels.
struct Difference {
  const float *x, *y;
  float* to;
};

// A tile of C.
struct Place {
  float* c;
  int64_t c_row;
  int64_t rows;  // that C has from here on
  const float* inverse;
  const float* bias;  // null: none
  bool first;         // block of the depth
  UnaryKind activation;
};

// One of the products of a tile: x = from + also + A B.
template <int R>
struct Product {
  const float *a, *panel;
  const Tile<R>*from, *also;  // null: zeros
  Tile<R>* keep;              // gets x; null: none
  const Place* to;            // gets x + plus; null: none
  const Tile<R>* plus;        // null: zeros
};

template <int R>
MIRIN_INLINE inline void Finish(const Place& to, const Tile<R>& acc) {
  Vector bias[kVectors] = {};
  if (to.bias != nullptr)
    Each<kVectors>([&](int v) MIRIN_INLINE { bias[v] = Load(to.bias + v * kLanes); });
  const bool whole = to.rows >= R;
  float tile[R * kColumns];
  const bool direct = whole && to.activation == UnaryKind::kIdentity;
  float* out = direct ? to.c : tile;
  const int64_t out_row = direct ? to.c_row : kColumns;
  if (to.first) {
    EachVector<R>([&](int r, int v) MIRIN_INLINE {
      Store(out + r * out_row + v * kLanes, acc[r][v] * to.inverse[r] + bias[v]);
    });
  } else {
    EachVector<R>([&](int r, int v) MIRIN_INLINE {
      const float* before = to.c + (r < to.rows ? r : 0) * to.c_row + v * kLanes;
      Store(out + r * out_row + v * kLanes, acc[r][v] * to.inverse[r] + Load(before) + bias[v]);
    });
  }
  if (direct) return;
  Unary(to.activation, tile, tile, R * kColumns, 0);
  const int64_t rows = whole ? R : to.rows;
  for (int64_t r = 0; r < rows; ++r)
    __builtin_memcpy(to.c + r * to.c_row, tile + r * kColumns, kColumns * 4);
}

// Not inlined: over several of these loops accumulators would be moved to memory and back. With kSum it makes a difference besides:
// additions and stores have units of their own, which a product leaves idle.
template <bool kSum, int R>
__attribute__((noinline)) void Multiply(const Product<R>& product, int64_t depth, Fetch* fetch,
                                        const Difference& sum) {
  Tile<R> acc;
  if (product.from == nullptr) {
    EachVector<R>([&](int r, int v) MIRIN_INLINE { acc[r][v] = Vector{}; });
  } else {
    EachVector<R>([&](int r, int v) MIRIN_INLINE { acc[r][v] = (*product.from)[r][v]; });
  }
  if (product.also != nullptr)
    EachVector<R>([&](int r, int v) MIRIN_INLINE { acc[r][v] += (*product.also)[r][v]; });
  for (int64_t p = 0; p < depth; p += 4) {
    fetch->Next();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      MultiplyAdd(product.a + p + i, depth, product.panel + (p + i) * kColumns, acc);
      if constexpr (kSum) {
        for (int v = 0; v < kVectors; ++v) {
          const int64_t at = (p + i) * kColumns + v * kLanes;
          Store(sum.to + at, Load(sum.x + at) - Load(sum.y + at));
        }
      }
    }
  }
  if (product.keep != nullptr)
    EachVector<R>([&](int r, int v) MIRIN_INLINE { (*product.keep)[r][v] = acc[r][v]; });
  if (product.to == nullptr) return;
  if (product.plus != nullptr)
    EachVector<R>([&](int r, int v) MIRIN_INLINE { acc[r][v] += (*product.plus)[r][v]; });
  Finish<R>(*product.to, acc);
}

// Offsets of the matrices in StrassenArgs::packed_a and sums_of_b.
enum { kA11, kA12, kA22, kS1, kS2, kS3, kS4 };
enum { kT1, kT2, kT3, kT4 };

// A tile of each quadrant of C. With kSum it makes the sums of B, which other tiles read.
template <bool kSum, int R>
void Quadrants(const StrassenArgs& s, int64_t tile_row, int64_t column, Fetch* fetch) {
  const GemmArgs& g = *s.product;
  const int64_t panel = s.depth * kColumns, matrix = s.half_rows * s.depth;
  const float* b11 =
      static_cast<const float*>(g.packed_b) + column * g.k + s.depth_begin * kColumns;
  const float *b21 = b11 + panel, *b12 = b11 + g.k * kColumns, *b22 = b12 + panel;
  const auto a = [&](int i) { return s.packed_a + i * matrix + tile_row * s.depth; };
  const auto t = [&](int i) { return s.sums_of_b + i * panel; };
  const bool last = s.depth_begin + 2 * s.depth >= g.k;
  const auto place = [&](bool low, bool right) {
    const int64_t row = tile_row + (low ? s.half_rows : 0), to = column + (right ? kColumns : 0);
    Place p;
    p.c = g.c + (g.row_begin + row) * g.c_row + to;
    p.c_row = g.c_row;
    p.rows = g.row_end - g.row_begin - row;
    p.inverse = s.inverse + row;
    p.bias = last && g.bias != nullptr ? g.bias + to : nullptr;
    p.first = s.depth_begin == 0;
    p.activation = last ? g.activation : UnaryKind::kIdentity;
    return p;
  };
  const Place c11 = place(false, false), c12 = place(false, true), c21 = place(true, false),
              c22 = place(true, true);
  Tile<R> u, p5;
  const auto multiply = [&](const Product<R>& product, const Difference& sum) {
    Multiply<kSum, R>(product, s.depth, fetch, sum);
  };
  const auto multiply_only = [&](const Product<R>& product) {
    Multiply<false, R>(product, s.depth, fetch, {});
  };
  multiply({a(kA11), b11, nullptr, nullptr, &u, nullptr, nullptr}, {b12, b11, t(kT1)});
  multiply({a(kA12), b21, &u, nullptr, nullptr, &c11, nullptr}, {b22, t(kT1), t(kT2)});
  multiply({a(kS2), t(kT2), &u, nullptr, &u, nullptr, nullptr}, {b22, b12, t(kT3)});
  multiply({a(kS1), t(kT1), nullptr, nullptr, &p5, nullptr, nullptr}, {b21, t(kT2), t(kT4)});
  multiply_only({a(kS4), b22, &u, &p5, nullptr, &c12, nullptr});
  multiply_only({a(kS3), t(kT3), &u, nullptr, &u, &c22, &p5});
  multiply_only({a(kA22), t(kT4), &u, nullptr, nullptr, &c21, nullptr});
}

template <int R>
inline void Rows(const StrassenArgs& s, int64_t rows, int64_t tile_row, int64_t column,
                 Fetch* fetch) {
  if constexpr (R > 0) {
    if (rows != R) return Rows<R - 1>(s, rows, tile_row, column, fetch);
    Quadrants<false, R>(s, tile_row, column, fetch);
  }
}

}  // namespace

bool StrassenEven(const float* pair, int64_t k) {
  constexpr float kMost = 32, kSmallest = 0x1p-100f, kLargest = 0x1p100f;
  Mask largest[2 * kVectors] = {};
  for (int64_t p = 0; p < k; ++p) {
    for (int v = 0; v < 2 * kVectors; ++v) {
      const int64_t at = (v < kVectors ? 0 : k * kColumns) + p * kColumns + v % kVectors * kLanes;
      largest[v] = LargerBits(Magnitude(Load(pair + at)), largest[v]);
    }
  }
  float low = kMostFloat, high = 0;
  for (int v = 0; v < 2 * kVectors; ++v) {
    if (!Finite(largest[v])) return false;
    const Vector columns = reinterpret_cast<Vector>(largest[v]);
    for (int l = 0; l < kLanes; ++l) {
      const float one = columns[l];
      low = one < low ? one : low;
      high = one > high ? one : high;
    }
  }
  return low >= kSmallest && high <= kLargest && high / kMost <= low;
}

bool StrassenScales(const StrassenArgs& s) {
  const GemmArgs& g = *s.product;
  bool finite = true;
  for (int64_t i = 0; i < 2 * s.half_rows; ++i) {
    const int64_t row = g.row_begin + i;
    s.scale[i] = s.inverse[i] = 1;
    if (row < g.row_end) finite &= ScaleOf(g.a + row * g.a_row, g.k, s.scale + i, s.inverse + i);
  }
  return finite;
}

void StrassenPackA(const StrassenArgs& s, int64_t begin, int64_t end) {
  const GemmArgs& g = *s.product;
  const int64_t matrix = s.half_rows * s.depth;
  for (int64_t i = begin; i < end; ++i) {
    const bool pair = g.row_begin + s.half_rows + i < g.row_end;
    const float* up = g.a + (g.row_begin + i) * g.a_row + s.depth_begin;
    const float* low = pair ? up + s.half_rows * g.a_row : up;
    const float scale = s.scale[i], low_scale = pair ? s.scale[s.half_rows + i] : 0;
    float* to = s.packed_a + i * s.depth;
    for (int64_t p = 0; p < s.depth; p += kLanes) {
      const Vector a11 = Load(up + p) * scale, a12 = Load(up + s.depth + p) * scale,
                   a21 = Load(low + p) * low_scale, a22 = Load(low + s.depth + p) * low_scale;
      const Vector s1 = a21 + a22, s2 = s1 - a11;
      const auto put = [&](int which, Vector x) { Store(to + which * matrix + p, x); };
      put(kA11, a11);
      put(kA12, a12);
      put(kA22, a22);
      put(kS1, s1);
      put(kS2, s2);
      put(kS3, a11 - a21);
      put(kS4, a12 - s2);
    }
  }
}

void StrassenPair(const StrassenArgs& s, int64_t column) {
  const GemmArgs& g = *s.product;
  const int64_t rest = s.half_rows - kRows, tiles = (rest + kRows - 1) / kRows;
  const int64_t lines = 2 * s.depth * kColumns / 16, calls = 7 * (1 + tiles) * (s.depth / 4);
  const int64_t at_once = (2 * lines + calls - 1) / calls;
  Fetch fetch = {s.next,  lines, g.k * kColumns - lines * 16,
                 at_once, 0,     (2 * lines << 16) / (calls * at_once)};
  Quadrants<true, kRows>(s, 0, column, &fetch);
  for (int64_t i = 0; i < tiles; ++i) {  // alike: a tile of few rows would wait for B
    const int64_t row = kRows + rest * i / tiles, end = kRows + rest * (i + 1) / tiles;
    Rows<kRows>(s, end - row, row, column, &fetch);
  }
}

}  // namespace mirin::cpu::MIRIN_SIMD
