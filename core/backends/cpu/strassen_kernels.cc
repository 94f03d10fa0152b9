// The products of StrassenArgs, compiled once per instruction set as simd_kernels.cc.
//
// With halves of the rows of A, of the depth and of a pair of panels of B (Winograd's form of Strassen's algorithm):
//   C11 = A11 B11 + A12 B21            U2 = A11 B11 + S2 T2, U3 = U2 + S3 T3, P5 = S1 T1
//   C12 = U2 + P5 + S4 B22             S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21, S4 = A12 - S2
//   C21 = U3 + A22 T4                  T1 = B12 - B11, T2 = B22 - T1, T3 = B22 - B12, T4 = B21 - T2
//   C22 = U3 + P5
#include "core/backends/cpu/gemm_tile.h"
#include "core/backends/cpu/simd_math.h"
#include "core/backends/cpu/strassen_pack.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

template <int R, int V>
using Tile = Vector[R][V];

// Rows of a tile that is V vectors wide: its sums leave registers for a line of a panel, a number of A, and what is done meanwhile.
template <int V>
constexpr int kTileRows = kRows * kVectors / V;

// What is done bit by bit beside the multiply-adds of a pair: what the next one reads is fetched, two runs of `lines` cache lines, `gap`
// floats between them, and a sum for a later one is made.
struct Meanwhile {
  const float* from;
  int64_t lines, gap;
  int64_t at_once;
  int64_t done, step;  // 2^-16 lines
  StrassenSum make;
  int64_t left, left_panel;  // floats of the sum, and of its second panel

  MIRIN_INLINE void Next() {
    for (int64_t i = 0; i < at_once; ++i, done += step) {
      const int64_t line = done >> 16;
      __builtin_prefetch(from + line * 16 + (line < lines ? 0 : gap), 0, 3);
    }
    if (left > 0) Make();
  }
  MIRIN_INLINE void Make() {
    constexpr int kAtOnce = 2, kAhead = 12;  // vectors
    for (int i = 0; i < kAtOnce; ++i) {
      const int64_t at = i * kLanes, ahead = at + kAhead * kLanes;
      Store(make.to + at, Load(make.x + at) - Load(make.y + at));
      __builtin_prefetch(make.x + ahead, 0, 3);
      __builtin_prefetch(make.y + ahead, 0, 3);
    }
    make.to += kAtOnce * kLanes;
    make.x += kAtOnce * kLanes;
    make.y += kAtOnce * kLanes;
    left -= kAtOnce * kLanes;
    if (left == left_panel) {
      make.x += make.x_gap;
      make.y += make.y_gap;
    }
  }
  void Finish() {
    while (left > 0) Make();
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
  int64_t c_row, c_block;
  int64_t rows;         // that C has from here on
  const float* before;  // what is added, in the form of C; null: nothing
  const float*
      plus[2];  // what is added to the sums as they are, rows of plus_row numbers; null: nothing
  int64_t plus_row;
  const float* inverse;
  const float* column_scale;  // null: ones
  const float* bias;          // null: none
  UnaryKind activation;
};

// A product of panels, and what is made beside it where to is not null.
struct Factors {
  const float *a, *panel;
  Difference sum;
};

// Products of a tile: x = from + A B, which keep gets; to gets x + also + A B of `then`.
template <int R, int V>
struct Product {
  const Tile<R, V>* from;  // null: zeros
  Factors factors;
  Tile<R, V>* keep;        // null: none
  const Tile<R, V>* also;  // null: zeros
  Factors then;            // a is null: none
  const Place* to;         // null: none
};

// What Finish reads and writes comes while the last of the sums are made, row by row.
template <int V>
struct FetchRows {
  const float *c, *before;  // null: none
  int64_t row, block;

  void Next() {
    if (c == nullptr) return;
    for (int v = 0; v < V; ++v) __builtin_prefetch(c + v * block, 1, 3);
    c += row;
    if (before == nullptr) return;
    for (int v = 0; v < V; ++v) __builtin_prefetch(before + v * block, 0, 3);
    before += row;
  }
};

template <int R, int V>
MIRIN_INLINE inline void Finish(const Place& to, Tile<R, V>& acc) {
  for (const float* plus : to.plus) {
    if (plus == nullptr) continue;
    EachVector<R, V>([&](int r, int v)
                         MIRIN_INLINE { acc[r][v] += Load(plus + r * to.plus_row + v * kLanes); });
  }
  if (to.column_scale != nullptr) {
    Vector scale[V];
    Each<V>([&](int v) MIRIN_INLINE { scale[v] = Load(to.column_scale + v * kLanes); });
    EachVector<R, V>([&](int r, int v) MIRIN_INLINE { acc[r][v] *= scale[v]; });
  }
  Vector bias[V] = {};
  if (to.bias != nullptr)
    Each<V>([&](int v) MIRIN_INLINE { bias[v] = Load(to.bias + v * kLanes); });
  EachVector<R, V>([&](int r, int v)
                       MIRIN_INLINE { acc[r][v] = acc[r][v] * to.inverse[r] + bias[v]; });
  if (to.before != nullptr) {
    EachVector<R, V>([&](int r, int v) MIRIN_INLINE {
      acc[r][v] += Load(to.before + (r < to.rows ? r : 0) * to.c_row + v * to.c_block);
    });
  }
  const bool range_only = IsRange(to.activation);
  if (range_only && to.activation != UnaryKind::kIdentity) {
    const Range range = RangeOf(to.activation);
    EachVector<R, V>([&](int r, int v) MIRIN_INLINE {
      acc[r][v] = Smaller(Vector{} + range.high, Larger(Vector{} + range.low, acc[r][v]));
    });
  }
  const bool whole = to.rows >= R, direct = whole && range_only;
  float tile[R * V * kLanes];
  float* out = direct ? to.c : tile;
  const int64_t out_row = direct ? to.c_row : V * kLanes, out_block = direct ? to.c_block : kLanes;
  EachVector<R, V>([&](int r, int v)
                       MIRIN_INLINE { Store(out + r * out_row + v * out_block, acc[r][v]); });
  if (direct) return;
  const int64_t rows = whole ? R : to.rows;
  const auto put = [&](auto function) {
#pragma GCC unroll 1
    for (int64_t r = 0; r < rows; ++r) {
      for (int v = 0; v < V; ++v)
        Store(to.c + r * to.c_row + v * to.c_block, function(Load(tile + (r * V + v) * kLanes)));
    }
  };
#if defined(__AVX512F__)
  if (to.activation == UnaryKind::kGeluErf) return put([](Vector x) { return GeluErf(x); });
#endif
  if (to.activation == UnaryKind::kSilu) return put([](Vector x) { return Silu(x); });
  if (!range_only) Unary(to.activation, tile, tile, R * V * kLanes, 0);
  put([](Vector x) { return x; });
}

enum { kT1, kT2, kT3, kT4 };  // in sums_of_b

// Not inlined, and one loop: accumulators of several would be moved to memory and back. Each product's sums start from zero, so that it is
// rounded by its own size. With kSum it makes differences besides: additions and stores have units of their own, which a product leaves idle.
template <bool kSum, int R, int V>
__attribute__((noinline)) void Multiply(const Product<R, V>& product, int64_t depth,
                                        Meanwhile* meanwhile, PackAhead* ahead) {
  Tile<R, V> acc;
  EachVector<R, V>([&](int r, int v) MIRIN_INLINE { acc[r][v] = Vector{}; });
  const auto add = [&](const Tile<R, V>* tile) MIRIN_INLINE {
    if (tile != nullptr)
      EachVector<R, V>([&](int r, int v) MIRIN_INLINE { acc[r][v] += (*tile)[r][v]; });
  };
  const auto keep = [&]() MIRIN_INLINE {
    add(product.from);
    if (product.keep != nullptr)
      EachVector<R, V>([&](int r, int v) MIRIN_INLINE { (*product.keep)[r][v] = acc[r][v]; });
  };
  FetchRows<V> rows = {};
  if (product.to != nullptr) {
    const Place& to = *product.to;
    rows = {to.c, to.before == to.c ? nullptr : to.before, to.c_row, to.c_block};
  }
  Factors f = product.factors;
  const int64_t then = product.then.a == nullptr ? 0 : depth;
  for (int64_t left = depth + then; left > 0; left -= 4) {
    if (left == then) {
      keep();
      if (product.keep != nullptr)
        EachVector<R, V>([&](int r, int v) MIRIN_INLINE { acc[r][v] = Vector{}; });
      f = product.then;
    }
    meanwhile->Next();
    if (left <= 4 * R) rows.Next();
    if constexpr (!kSum) ahead->Next();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      MultiplyAdd(f.a + i, depth, f.panel + i * V * kLanes, acc);
      if (kSum && f.sum.to != nullptr) {
        for (int v = 0; v < V; ++v) {
          const int64_t at = (i * V + v) * kLanes;
          Store(f.sum.to + at, Load(f.sum.x + at) - Load(f.sum.y + at));
        }
      }
    }
    f.a += 4;
    f.panel += 4 * V * kLanes;
    if (kSum && f.sum.to != nullptr) {
      f.sum.x += 4 * V * kLanes;
      f.sum.y += 4 * V * kLanes;
      f.sum.to += 4 * V * kLanes;
    }
  }
  then == 0 ? keep() : add(product.keep);
  add(product.also);
  if (product.to != nullptr) Finish<R, V>(*product.to, acc);
}

// Where a tile of C lies, from a row of the upper or lower half and a column on.
inline Place PlaceOf(const StrassenArgs& s, int64_t row, bool low, int64_t column) {
  const GemmArgs& g = *s.product;
  row += low ? s.partner : 0;
  const int64_t at = (g.row_begin + row) * g.c_row + column / kLanes * s.c_block;
  Place p;
  p.c = g.c + at;
  p.c_row = g.c_row;
  p.c_block = s.c_block;
  p.rows = s.c_rows - row;
  p.before = !s.first ? p.c : s.add == nullptr ? nullptr : s.add + at;
  for (int i = 0; i < 2; ++i)
    p.plus[i] = s.plus[i] == nullptr ? nullptr : s.plus[i] + row * s.plus_row + column;
  p.plus_row = s.plus_row;
  p.inverse = s.inverse + row;
  p.column_scale = s.column_scale == nullptr ? nullptr : s.column_scale + column;
  p.bias = s.last && g.bias != nullptr ? g.bias + column : nullptr;
  p.activation = s.last ? g.activation : UnaryKind::kIdentity;
  return p;
}

// A tile of each quadrant of C. With kSum it makes the sums of B, which other tiles read.
template <bool kSum, int R, int V>
void Quadrants(const StrassenArgs& s, int64_t tile_row, int64_t column, Meanwhile* meanwhile,
               PackAhead* ahead) {
  const int64_t width = V * kLanes, panel = s.depth * width;
  const float *b11 = s.b, *b21 = b11 + panel, *b12 = b11 + s.b_panel, *b22 = b12 + panel;
  const auto a = [&](int i) { return s.packed_a + i * s.matrix() + tile_row * s.depth; };
  const auto t = [&](int i) { return s.sums_of_b + i * panel; };
  const Place c11 = PlaceOf(s, tile_row, false, column),
              c12 = PlaceOf(s, tile_row, false, column + width),
              c21 = PlaceOf(s, tile_row, true, column),
              c22 = PlaceOf(s, tile_row, true, column + width);
  const auto multiply = [&](const Product<R, V>& product) {
    Multiply<kSum, R, V>(product, s.depth, meanwhile, ahead);
  };
  const auto multiply_only = [&](const Product<R, V>& product) {
    Multiply<false, R, V>(product, s.depth, meanwhile, ahead);
  };
  // Each with the first product that reads one of its terms.
  const Difference sums[] = {
      {b12, b11, t(kT1)}, {b22, t(kT1), t(kT2)}, {b22, b12, t(kT3)}, {b21, t(kT2), t(kT4)}};
  const auto f = [&](int left, const float* right, const Difference& sum = {}) {
    return Factors{a(left), right, sum};
  };
  if (s.plain[tile_row]) {
    if (kSum) {
      for (const Difference& d : sums) {
        for (int64_t i = 0; i < panel; i += kLanes) Store(d.to + i, Load(d.x + i) - Load(d.y + i));
      }
    }
    multiply_only({nullptr, f(kA11, b11), nullptr, nullptr, f(kA12, b21), &c11});
    multiply_only({nullptr, f(kA11, b12), nullptr, nullptr, f(kA12, b22), &c12});
    multiply_only({nullptr, f(kA21, b11), nullptr, nullptr, f(kA22, b21), &c21});
    multiply_only({nullptr, f(kA21, b12), nullptr, nullptr, f(kA22, b22), &c22});
    return;
  }
  Tile<R, V> u, p5;
  multiply({nullptr, f(kA11, b11, sums[kT1]), &u, nullptr, f(kA12, b21), &c11});
  multiply({nullptr, f(kS1, t(kT1), sums[kT2]), &p5, nullptr, {}, nullptr});
  multiply({&u, f(kS2, t(kT2), sums[kT4]), &u, &p5, f(kS4, b22, sums[kT3]), &c12});
  multiply_only({&u, f(kS3, t(kT3)), &u, &p5, {}, &c22});
  multiply_only({&u, f(kA22, t(kT4)), nullptr, nullptr, {}, &c21});
}

template <int R, int V>
inline void Rows(const StrassenArgs& s, int64_t rows, int64_t tile_row, int64_t column,
                 Meanwhile* meanwhile, PackAhead* ahead) {
  if constexpr (R > 0) {
    if (rows != R) return Rows<R - 1, V>(s, rows, tile_row, column, meanwhile, ahead);
    Quadrants<false, R, V>(s, tile_row, column, meanwhile, ahead);
  }
}

template <int V>
void Pair(const StrassenArgs& s, int64_t column) {
  constexpr int kMost = kTileRows<V>;
  const int64_t width = V * kLanes, rest = s.half_rows - kMost, tiles = (rest + kMost - 1) / kMost;
  const int64_t lines = 2 * s.depth * width / 16, calls = 7 * (1 + tiles) * (s.depth / 4);
  const int64_t at_once = (2 * lines + calls - 1) / calls;
  Meanwhile meanwhile = {s.next,
                         lines,
                         s.next_panel - lines * 16,
                         at_once,
                         0,
                         (2 * lines << 16) / (calls * at_once),
                         s.make,
                         s.make.to == nullptr ? 0 : 2 * lines * 16,
                         lines * 16};
  // Tiles are alike: one of few rows would wait for B.
  const auto tile = [&](int64_t i) { return i == 0 ? 0 : kMost + rest * (i - 1) / tiles; };
  if (s.packs) PackAhead(s, 0, kMost).Finish();
  for (int64_t i = 0; i <= tiles; ++i) {
    const int64_t row = tile(i), end = tile(i + 1);
    PackAhead ahead(s, end, s.packs && i < tiles ? tile(i + 2) : end);
    if (i == 0)
      Quadrants<true, kMost, V>(s, 0, column, &meanwhile, &ahead);
    else
      Rows<kMost, V>(s, end - row, row, column, &meanwhile, &ahead);
    ahead.Finish();
  }
  meanwhile.Finish();
}

template <int V>
void Put(const StrassenArgs& s, int64_t column) {
  constexpr int kRowsAtOnce = 8;
  for (int64_t row = 0; row < s.c_rows; row += kRowsAtOnce) {
    const Place to = PlaceOf(s, row, false, column);
    FetchRows<V> next = {to.c + kRowsAtOnce * to.c_row, nullptr, to.c_row, to.c_block};
    if (to.before != nullptr && to.before != to.c) next.before = to.before + kRowsAtOnce * to.c_row;
    Tile<kRowsAtOnce, V> sums;
    EachVector<kRowsAtOnce, V>([&](int r, int v) MIRIN_INLINE {
      sums[r][v] = Vector{};
      if (v == 0) next.Next();
    });
    Finish<kRowsAtOnce, V>(to, sums);
  }
}

}  // namespace

void StrassenPair(const StrassenArgs& s, int64_t column) {
  constexpr int64_t kNarrow = (kVectors - 1) * kLanes;
  s.columns == kNarrow ? Pair<kVectors - 1>(s, column) : Pair<kVectors>(s, column);
}

void StrassenPut(const StrassenArgs& s) {
  constexpr int64_t kNarrow = (kVectors - 1) * kLanes;
  for (int panel = 0; panel < 2; ++panel) {
    const int64_t column = panel * s.columns;
    s.columns == kNarrow ? Put<kVectors - 1>(s, column) : Put<kVectors>(s, column);
  }
}

}  // namespace mirin::cpu::MIRIN_SIMD
