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

template <int R, int V>
using Tile = Vector[R][V];

// Rows of a tile that is V vectors wide: as many sums as leave registers for a line of a panel and a little more.
template <int V>
constexpr int kTileRows = (kRows * kVectors + 4) / V;

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

constexpr int kA21 = kS1;     // of a plain product
enum { kT1, kT2, kT3, kT4 };  // in sums_of_b

inline const float* RowOf(const StrassenArgs& s, int64_t row) {
  const GemmArgs& g = *s.product;
  const int64_t at = g.row_begin + row < g.row_end ? g.row_begin + row : g.row_end - 1;
  return g.a + (s.a_rows == nullptr ? at * g.a_row : s.a_rows[at]) +
         s.depth_begin / kLanes * s.a_block;
}

// Rows [begin, end) of the upper half and their partners stay as they are.
void LeavePlain(const StrassenArgs& s, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t partner = s.half_rows + i;
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
    if (++row_ == end_) row_ = s_.half_rows + begin_;
    if (row_ < s_.half_rows + end_) {
      x_ = RowOf(s_, row_);
      next_ = RowOf(s_, row_ + 1 == end_ ? s_.half_rows + begin_ : row_ + 1);
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
      const int64_t row = term.row + i, partner = row + s.half_rows,
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
  row += low ? s.half_rows : 0;
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
    if (Largest(largest[v]) >= kInfinityBits) return false;
    const Vector columns = reinterpret_cast<Vector>(largest[v]);
    for (int l = 0; l < kLanes; ++l) {
      const float one = columns[l];
      low = one < low ? one : low;
      high = one > high ? one : high;
    }
  }
  return low >= kSmallest && high <= kLargest && high / kMost <= low;
}

bool StrassenScale(const float* x, int64_t n, float* scale, float* inverse) {
  constexpr int kAtOnce = 4;
  Mask largest[kAtOnce] = {};
  int64_t i = 0;
  for (; i + kAtOnce * kLanes <= n; i += kAtOnce * kLanes) {
    for (int j = 0; j < kAtOnce; ++j)
      largest[j] = LargerBits(Magnitude(Load(x + i + j * kLanes)), largest[j]);
  }
  for (; i + kLanes <= n; i += kLanes) largest[0] = LargerBits(Magnitude(Load(x + i)), largest[0]);
  const int32_t bits =
      Largest(LargerBits(LargerBits(largest[0], largest[1]), LargerBits(largest[2], largest[3])));
  ScaleOf(bits, scale, inverse);
  return bits < kInfinityBits;
}

bool StrassenScaleRows(const StrassenArgs& s, int64_t begin, int64_t end) {
  bool finite = true;
  for (int64_t i = begin; i < end; ++i) {
    ScaleAhead row(s, i, i + 1);
    while (row.Next()) {
    }
    finite = finite && !s.plain[i];
  }
  return finite;
}

void StrassenLeavePlain(const StrassenArgs& s, int64_t begin, int64_t end) {
  LeavePlain(s, begin, end);
}

void StrassenPackA(const StrassenArgs& s, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    RowPair pair(s, i);
    for (int64_t p = 0; p < s.depth; p += kLanes) pair.PackVector(s);
  }
}

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
