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
  Mask largest = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) largest = LargerBits(Magnitude(Load(x + i)), largest);
  int32_t bits = 0;
  for (int l = 0; l < kLanes; ++l) bits = largest[l] > bits ? largest[l] : bits;
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

template <int R>
using Tile = Vector[R][kVectors];

struct Fetch {
  const float* at;
  int64_t lines;  // for each product
};

// acc += rows of A times a panel of B.
template <int R>
inline void Accumulate(const float* a, int64_t depth, const float* panel, Fetch* fetch,
                       Tile<R>& acc) {
  int64_t p = 0;
  for (int64_t lines = fetch->lines; lines > 0 && p + 4 <= depth; p += 4, --lines) {
    __builtin_prefetch(fetch->at, 0, 2);
    fetch->at += 16;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) MultiplyAdd(a + p + i, depth, panel + (p + i) * kColumns, acc);
  }
#pragma GCC unroll 4
  for (; p < depth; ++p) MultiplyAdd(a + p, depth, panel + p * kColumns, acc);
}

template <int R>
inline void Keep(const Tile<R>& acc, Tile<R>& to) {
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < kVectors; ++v) to[r][v] = acc[r][v];
  }
}

template <int R>
inline void Plus(const Tile<R>& x, Tile<R>& acc) {
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < kVectors; ++v) acc[r][v] += x[r][v];
  }
}

// Rows of a tile to C at `row`, `column`, as far as C has them.
template <int R>
inline void Finish(const StrassenArgs& s, const Tile<R>& acc, int64_t row, int64_t column,
                   const float* inverse) {
  const GemmArgs& g = *s.product;
  const bool first = s.depth_begin == 0, last = s.depth_begin + 2 * s.depth >= g.k;
  const float* bias = last && g.bias != nullptr ? g.bias + column : nullptr;
  const bool activate = last && g.activation != UnaryKind::kIdentity;
  float* c = g.c + row * g.c_row + column;
  const int64_t rows = g.row_end - row < R ? g.row_end - row : R;
  float tile[R * kColumns];
  for (int r = 0; r < R; ++r) {
    float* line = c + (r < rows ? r : 0) * g.c_row;
    for (int v = 0; v < kVectors; ++v) {
      Vector x = acc[r][v] * inverse[r];
      if (!first) x += Load(line + v * kLanes);
      if (bias != nullptr) x += Load(bias + v * kLanes);
      if (activate) {
        Store(tile + r * kColumns + v * kLanes, x);
      } else if (r < rows) {
        Store(line + v * kLanes, x);
      }
    }
  }
  if (!activate) return;
  Unary(g.activation, tile, tile, R * kColumns, 0);
  for (int64_t r = 0; r < rows; ++r)
    __builtin_memcpy(c + r * g.c_row, tile + r * kColumns, kColumns * 4);
}

// Offsets of the matrices in StrassenArgs::packed_a and sums_of_b.
enum { kA11, kA12, kA22, kS1, kS2, kS3, kS4 };
enum { kT1, kT2, kT3, kT4 };

template <int R>
inline void Quadrants(const StrassenArgs& s, int64_t tile_row, int64_t column, Fetch* fetch) {
  const int64_t panel = s.depth * kColumns, matrix = s.half_rows * s.depth;
  const float* b = static_cast<const float*>(s.product->packed_b) + column * s.product->k +
                   s.depth_begin * kColumns;
  const float *b11 = b, *b21 = b + panel, *b22 = b + s.product->k * kColumns + panel;
  const auto a = [&](int i) { return s.packed_a + i * matrix + tile_row * s.depth; };
  const auto t = [&](int i) { return s.sums_of_b + i * panel; };
  const int64_t top = s.product->row_begin + tile_row, bottom = top + s.half_rows;
  const float *up = s.inverse + tile_row, *low = up + s.half_rows;
  Tile<R> acc, u, p5;
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < kVectors; ++v) acc[r][v] = Vector{};
  }
  Accumulate<R>(a(kA11), s.depth, b11, fetch, acc);
  Keep<R>(acc, u);
  Accumulate<R>(a(kA12), s.depth, b21, fetch, acc);
  Finish<R>(s, acc, top, column, up);
  Keep<R>(u, acc);
  Accumulate<R>(a(kS2), s.depth, t(kT2), fetch, acc);
  Keep<R>(acc, u);
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < kVectors; ++v) acc[r][v] = Vector{};
  }
  Accumulate<R>(a(kS1), s.depth, t(kT1), fetch, acc);
  Keep<R>(acc, p5);
  Plus<R>(u, acc);
  Accumulate<R>(a(kS4), s.depth, b22, fetch, acc);
  Finish<R>(s, acc, top, column + kColumns, up);
  Keep<R>(u, acc);
  Accumulate<R>(a(kS3), s.depth, t(kT3), fetch, acc);
  Plus<R>(acc, p5);
  Finish<R>(s, p5, bottom, column + kColumns, low);
  Accumulate<R>(a(kA22), s.depth, t(kT4), fetch, acc);
  Finish<R>(s, acc, bottom, column, low);
}

template <int R>
inline void Rows(const StrassenArgs& s, int64_t rows, int64_t tile_row, int64_t column,
                 Fetch* fetch) {
  if constexpr (R > 0) {
    if (rows != R) return Rows<R - 1>(s, rows, tile_row, column, fetch);
    Quadrants<R>(s, tile_row, column, fetch);
  }
}

// T1 to T4; false when one is not finite.
bool SumB(const StrassenArgs& s, int64_t column) {
  const int64_t panel = s.depth * kColumns;
  const float* left = static_cast<const float*>(s.product->packed_b) + column * s.product->k +
                      s.depth_begin * kColumns;
  const float* right = left + s.product->k * kColumns;
  Mask largest = {};
  for (int64_t i = 0; i < panel; i += kLanes) {
    const Vector b11 = Load(left + i), b21 = Load(left + panel + i), b12 = Load(right + i),
                 b22 = Load(right + panel + i);
    const Vector t1 = b12 - b11, t2 = b22 - t1, t3 = b22 - b12, t4 = b21 - t2;
    float* to = s.sums_of_b + i;
    Store(to, t1);
    Store(to + panel, t2);
    Store(to + 2 * panel, t3);
    Store(to + 3 * panel, t4);
    largest = LargerBits(LargerBits(Magnitude(t4), Magnitude(t3)), largest);
  }
  return Finite(largest);
}

}  // namespace

bool StrassenEven(const float* pair, int64_t k) {
  constexpr float kMost = 32;
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
  return low > 0 && high / kMost <= low;
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

bool StrassenPair(const StrassenArgs& s, int64_t column) {
  if (!SumB(s, column)) return false;
  const GemmArgs& g = *s.product;
  const int64_t tiles = (s.half_rows + kRows - 1) / kRows;
  // All that the next pair will read, spread over the products of the tiles.
  const int64_t lines = 4 * s.depth * kColumns / 16 / (7 * tiles) + 1;
  const int64_t first_half = (tiles + 1) / 2;
  Fetch fetch = {s.next, lines};
  for (int64_t i = 0; i < s.half_rows; i += kRows) {
    if (i / kRows == first_half) fetch.at = s.next + g.k * kColumns;
    Rows<kRows>(s, s.half_rows - i < kRows ? s.half_rows - i : kRows, i, column, &fetch);
  }
  return true;
}

}  // namespace mirin::cpu::MIRIN_SIMD
