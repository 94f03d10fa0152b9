// Compiled once per instruction set, as simd_kernels.cc.
#include "core/backends/cpu/depthwise_kernels.h"

#include "core/backends/cpu/simd_math.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr int64_t kTile = 12;  // results that are summed up together

inline int64_t MoreOf(int64_t a, int64_t b) { return a > b ? a : b; }

struct Taps {
  int64_t begin, end;
};

// Those of a result that lie in the image.
inline Taps TapsOf(const DepthwiseAxis& a, int64_t result) {
  Taps t = {0, a.taps};
  if (result >= a.inner_begin && result < a.inner_end) return t;
  const int64_t first = result * a.stride - a.before;
  while (t.begin < t.end && first + t.begin * a.dilation < 0) ++t.begin;
  while (t.begin < t.end && first + (t.end - 1) * a.dilation >= a.size) --t.end;
  return t;
}

// Neighbours in a row or a column, whose windows have the same taps in the image.
struct Tile {
  // Sums of so many results from x, the first one's first tap in the image, to y.
  using Sum = void (*)(const Tile& tile, const float* x, float* y);
  const Sum* sums;
  const float* x;
  float* y;
  int64_t step, y_step;           // floats to the next result's
  int64_t x_row, x_column;        // floats from tap to tap
  const float* weights;           // of that tap
  int64_t weight_row;             // floats
  int64_t tap_rows, tap_columns;  // in the image
  const float* bias;
  Range range;  // of results
};

// R results. Pixels: how far apart their windows are; 0 where the tile says it.
template <int R, int Pixels>
void Sum(const Tile& t, const float* x, float* y) {
  const int64_t step = Pixels > 0 ? Pixels * kLanes : t.step;
  Vector sums[R];
  const Vector bias = Load(t.bias);
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) sums[r] = bias;
  const float* weights = t.weights;
  const int64_t y_step = t.y_step;
  const int64_t x_column = t.x_column;
  for (int64_t i = 0; i < t.tap_rows; ++i, x += t.x_row, weights += t.weight_row) {
    for (int64_t j = 0; j < t.tap_columns; ++j) {
      const Vector w = Load(weights + j * kLanes);
      const float* tap = x + j * x_column;
#pragma GCC unroll 12
      for (int r = 0; r < R; ++r) sums[r] += Load(tap + r * step) * w;
    }
  }
  const Vector low = Vector{} + t.range.low, high = Vector{} + t.range.high;
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) Store(y + r * y_step, Smaller(high, Larger(low, sums[r])));
}

template <int Pixels>
struct Sums {
  static constexpr Tile::Sum kOf[kTile + 1] = {
      nullptr,         Sum<1, Pixels>,  Sum<2, Pixels>, Sum<3, Pixels>, Sum<4, Pixels>,
      Sum<5, Pixels>,  Sum<6, Pixels>,  Sum<7, Pixels>, Sum<8, Pixels>, Sum<9, Pixels>,
      Sum<10, Pixels>, Sum<11, Pixels>, Sum<12, Pixels>};
};

// For results from (row, column) on, downwards or to the right.
Tile TileAt(const DepthwiseArgs& g, int64_t row, int64_t column, bool down, const Range& range) {
  const Taps rows = TapsOf(g.rows, row), columns = TapsOf(g.columns, column);
  const int64_t x_line = g.columns.size * kLanes, y_line = g.columns.results * kLanes;
  Tile t;
  t.x =
      g.x + (row * g.rows.stride + rows.begin * g.rows.dilation - g.rows.before) * x_line +
      (column * g.columns.stride + columns.begin * g.columns.dilation - g.columns.before) * kLanes;
  t.y = g.y + row * y_line + column * kLanes;
  t.step = down ? g.rows.stride * x_line : g.columns.stride * kLanes;
  t.y_step = down ? y_line : kLanes;
  t.x_row = g.rows.dilation * x_line;
  t.x_column = g.columns.dilation * kLanes;
  t.weights = g.weights + (rows.begin * g.columns.taps + columns.begin) * kLanes;
  t.weight_row = g.columns.taps * kLanes;
  t.tap_rows = rows.end - rows.begin;
  t.tap_columns = columns.end - columns.begin;
  t.bias = g.bias;
  t.range = range;
  t.sums = t.step == kLanes ? Sums<1>::kOf : t.step == 2 * kLanes ? Sums<2>::kOf : Sums<0>::kOf;
  return t;
}

// `count` results, in tiles of nearly equal sizes.
inline void Line(const Tile& t, const float* x, float* y, int64_t count) {
  for (int64_t tiles = (count + kTile - 1) / kTile; tiles > 0; --tiles) {
    const int64_t results = tiles == 1 ? count : count / tiles;
    t.sums[results](t, x, y);
    x += results * t.step;
    y += results * t.y_step;
    count -= results;
  }
}

void LineAt(const DepthwiseArgs& g, int64_t row, int64_t column, int64_t count, bool down,
            const Range& range) {
  if (count <= 0) return;
  const Tile t = TileAt(g, row, column, down, range);
  Line(t, t.x, t.y, count);
}

// Calls fn for the columns whose windows reach beyond the image.
template <typename Fn>
inline void ForOuterColumns(const DepthwiseAxis& columns, Fn fn) {
  for (int64_t c = 0; c < columns.inner_begin; ++c) fn(c);
  for (int64_t c = columns.inner_end; c < columns.results; ++c) fn(c);
}

// What SumRows and Sum leave of it, in `rows` rows.
void Activate(const DepthwiseArgs& g, int64_t row, int64_t rows) {
  if (IsRange(g.activation)) return;
  const int64_t y_row = g.columns.results * kLanes;
  Unary(g.activation, g.y + row * y_row, g.y + row * y_row, rows * y_row, 0);
}

// R rows of results from `row` on, of windows of K by K taps side by side with a stride of S: from left to right, each number of the
// image is loaded once for all the windows that it is in. sums[0] is the next to be finished, of kOpen that overlap.
template <int K, int S, int R>
void SumRows(const DepthwiseArgs& g, int64_t row, Range range) {
  constexpr int kImageRows = (R - 1) * S + K, kOpen = (K + S - 1) / S;
  const int64_t size = g.columns.size, results = g.columns.results;
  const float* x[kImageRows];  // null: beside the image
  for (int i = 0; i < kImageRows; ++i) {
    const int64_t at = row * S - g.rows.before + i;
    x[i] = at < 0 || at >= g.rows.size ? nullptr : g.x + at * size * kLanes;
  }
  Vector weights[K][K];
  for (int i = 0; i < K; ++i) {
    for (int j = 0; j < K; ++j) weights[i][j] = Load(g.weights + (i * K + j) * kLanes);
  }
  const Vector bias = Load(g.bias), low = Vector{} + range.low, high = Vector{} + range.high;
  Vector sums[kOpen][R];
  for (int o = 0; o < kOpen; ++o) {
    for (int r = 0; r < R; ++r) sums[o][r] = bias;
  }
  // The last S columns of the window of sums[0].
  const auto add = [&](int64_t column) __attribute__((always_inline)) {
#pragma GCC unroll 2
    for (int s = 0; s < S; ++s, ++column) {
      if (column < 0 || column >= size) continue;
#pragma GCC unroll 16
      for (int i = 0; i < kImageRows; ++i) {
        if (x[i] == nullptr) continue;
        const Vector left = Load(x[i] + column * kLanes);
#pragma GCC unroll 8
        for (int o = 0; o < kOpen; ++o) {
          const int tap = K - S + s - o * S;
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) {
            const int tap_row = i - r * S;
            if (tap >= 0 && tap_row >= 0 && tap_row < K) sums[o][r] += left * weights[tap_row][tap];
          }
        }
      }
    }
  };
  const auto advance = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int o = 0; o + 1 < kOpen; ++o) sums[o][r] = sums[o + 1][r];
      sums[kOpen - 1][r] = bias;
    }
  };
  int64_t column = K - kOpen * S - g.columns.before;
#pragma GCC unroll 1
  for (int i = 1; i < kOpen; ++i, column += S) {  // results left of the first
    add(column);
    advance();
  }
  float* y = g.y + row * results * kLanes;
#pragma GCC unroll 1
  for (int64_t i = 0; i < results; ++i, column += S, y += kLanes) {
    add(column);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
      Store(y + r * results * kLanes, Smaller(high, Larger(low, sums[0][r])));
    advance();
  }
}

// As many as the registers have room for the sums of.
constexpr int RowsAtOnce(int taps, int stride) {
  if (taps == 5) return 1 + stride;
  return kLanes == 16 ? 4 : 3;
}

template <int K, int S, int R = RowsAtOnce(K, S)>
void ConvolveRows(const DepthwiseArgs& g, int64_t row, Range range) {
  for (; row + R <= g.row_end; row += R) {
    SumRows<K, S, R>(g, row, range);
    Activate(g, row, R);
  }
  if constexpr (R > 1) {
    if (row < g.row_end) ConvolveRows<K, S, R - 1>(g, row, range);
  }
}

// Of 3x3 taps, for Winograd's F(2, 3) along columns: a vector for each of the four points and each tap of a row.
using PairWeights = Vector[4][3];

void TransformWeights(const float* weights, PairWeights& points) {
  for (int j = 0; j < 3; ++j) {
    const Vector first = Load(weights + j * kLanes), last = Load(weights + (6 + j) * kLanes),
                 even = 0.5f * (first + last), odd = 0.5f * Load(weights + (3 + j) * kLanes);
    points[0][j] = first;
    points[1][j] = even + odd;
    points[2][j] = even - odd;
    points[3][j] = last;
  }
}

alignas(64) constexpr float kZeros[kLanes] = {};

// Rows `row` and the next of results, as SumRows: six multiplications a result instead of nine, and sums, which are free beside them.
void SumPair(const DepthwiseArgs& g, const PairWeights& weights, int64_t row, Range range) {
  constexpr int kOpen = 3;
  const int64_t size = g.columns.size, results = g.columns.results;
  const float* x[4];
  int64_t step[4];
  for (int i = 0; i < 4; ++i) {
    const int64_t at = row - g.rows.before + i;
    const bool inside = at >= 0 && at < g.rows.size;
    x[i] = inside ? g.x + at * size * kLanes : kZeros;
    step[i] = inside ? kLanes : 0;
  }
  Vector points[4][3];
  __builtin_memcpy(points, weights, sizeof points);
  const Vector bias = Load(g.bias), low = Vector{} + range.low, high = Vector{} + range.high;
  // Both results have point 1 in them.
  const auto start = [=](int k) { return k == 1 ? bias : Vector{}; };
  Vector sums[kOpen][4];
  for (int o = 0; o < kOpen; ++o) {
    for (int k = 0; k < 4; ++k) sums[o][k] = start(k);
  }
  const auto add = [&](int64_t column) __attribute__((always_inline)) {
    if (column < 0 || column >= size) return;
    const Vector second = Load(x[1] + column * step[1]), third = Load(x[2] + column * step[2]);
    const Vector left[4] = {Load(x[0] + column * step[0]) - third, second + third, third - second,
                            second - Load(x[3] + column * step[3])};
#pragma GCC unroll 4
    for (int o = 0; o < kOpen; ++o) {
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) sums[o][k] += left[k] * points[k][2 - o];
    }
  };
  const auto advance = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      sums[0][k] = sums[1][k];
      sums[1][k] = sums[2][k];
      sums[2][k] = start(k);
    }
  };
  int64_t column = -g.columns.before;
#pragma GCC unroll 1
  for (int i = 1; i < kOpen; ++i, ++column) {
    add(column);
    advance();
  }
  float* y = g.y + row * results * kLanes;
#pragma GCC unroll 1
  for (int64_t i = 0; i < results; ++i, ++column, y += kLanes) {
    add(column);
    const Vector upper = sums[0][1] + sums[0][2] + sums[0][0],
                 lower = sums[0][1] - sums[0][2] - sums[0][3];
    Store(y, Smaller(high, Larger(low, upper)));
    Store(y + results * kLanes, Smaller(high, Larger(low, lower)));
    advance();
  }
}

void ConvolvePairs(const DepthwiseArgs& g, int64_t row, Range range) {
  PairWeights weights;
  TransformWeights(g.weights, weights);
  for (; row + 2 <= g.row_end; row += 2) {
    SumPair(g, weights, row, range);
    Activate(g, row, 2);
  }
  if (row < g.row_end) ConvolveRows<3, 1, 1>(g, row, range);
}

// Whether the windows are such, and their results have been made.
bool ConvolveSquares(const DepthwiseArgs& g, Range range) {
  const DepthwiseAxis &rows = g.rows, &columns = g.columns;
  if (rows.taps != columns.taps || rows.stride != columns.stride || rows.dilation != 1 ||
      columns.dilation != 1)
    return false;
  using Fn = void (*)(const DepthwiseArgs&, int64_t, Range);
  Fn convolve = nullptr;
  // Pairs need twice the registers that AVX2 has.
  if (rows.taps == 3 && rows.stride == 1)
    convolve = kLanes == 16 ? ConvolvePairs : ConvolveRows<3, 1>;
  if (rows.taps == 3 && rows.stride == 2) convolve = ConvolveRows<3, 2>;
  if (rows.taps == 5 && rows.stride == 1) convolve = ConvolveRows<5, 1>;
  if (rows.taps == 5 && rows.stride == 2) convolve = ConvolveRows<5, 2>;
  if (convolve != nullptr) convolve(g, g.row_begin, range);
  return convolve != nullptr;
}

void Convolve(const DepthwiseArgs& g) {
  const Range range = RangeOf(g.activation);
  if (ConvolveSquares(g, range)) return;
  const int64_t column = g.columns.inner_begin, count = g.columns.inner_end - column;
  const int64_t x_row = g.rows.stride * g.columns.size * kLanes, y_row = g.columns.results * kLanes;
  // Of the first row whose windows lie in the image, if there is one: the next ones' are alike.
  const int64_t first = MoreOf(g.row_begin, g.rows.inner_begin);
  const Tile all = TileAt(g, first, column, false, range);
  for (int64_t begin = g.row_begin; begin < g.row_end; begin += kTile) {
    const int64_t end = Least(g.row_end, begin + kTile),
                  inner = MoreOf(begin, Least(end, g.rows.inner_begin)),
                  inner_end = MoreOf(inner, Least(end, g.rows.inner_end));
    ForOuterColumns(g.columns,
                    [&](int64_t c) { LineAt(g, inner, c, inner_end - inner, true, range); });
    for (int64_t row = begin; row < end; ++row) {
      if (row >= inner && row < inner_end) {
        Line(all, all.x + (row - first) * x_row, all.y + (row - first) * y_row, count);
      } else {
        ForOuterColumns(g.columns, [&](int64_t c) { LineAt(g, row, c, 1, false, range); });
        LineAt(g, row, column, count, false, range);
      }
      Activate(g, row, 1);
    }
  }
}

constexpr DepthwiseKernels kTable = {kLanes, Convolve};

}  // namespace

const DepthwiseKernels& DepthwiseTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
