// Compiled once per instruction set, as simd_kernels.cc.
#include "core/backends/cpu/depthwise_kernels.h"

#include "core/backends/cpu/simd_math.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr int64_t kTile = 12;  // results that are summed up together

inline int64_t LessOf(int64_t a, int64_t b) { return a < b ? a : b; }
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

// R results. Pixels: how far apart their windows are, Columns: how many taps a row has side by side; 0 where the tile says it.
template <int R, int Pixels, int Columns>
void Sum(const Tile& t, const float* x, float* y) {
  const int64_t step = Pixels > 0 ? Pixels * kLanes : t.step,
                x_column = Columns > 0 ? kLanes : t.x_column,
                columns = Columns > 0 ? Columns : t.tap_columns;
  Vector sums[R];
  const Vector bias = Load(t.bias);
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) sums[r] = bias;
  const float* weights = t.weights;
  const int64_t y_step = t.y_step;
  const auto add = [&](int64_t j) __attribute__((always_inline)) {
    const Vector w = Load(weights + j * kLanes);
    const float* tap = x + j * x_column;
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) sums[r] += Load(tap + r * step) * w;
  };
  for (int64_t i = 0; i < t.tap_rows; ++i, x += t.x_row, weights += t.weight_row) {
    if constexpr (Columns > 0) {
#pragma GCC unroll 5
      for (int j = 0; j < Columns; ++j) add(j);
    } else {
      for (int64_t j = 0; j < columns; ++j) add(j);
    }
  }
  const Vector low = Vector{} + t.range.low, high = Vector{} + t.range.high;
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) Store(y + r * y_step, Smaller(high, Larger(low, sums[r])));
}

template <int Pixels, int Columns>
struct Sums {
  static constexpr Tile::Sum kOf[kTile + 1] = {nullptr,
                                               Sum<1, Pixels, Columns>,
                                               Sum<2, Pixels, Columns>,
                                               Sum<3, Pixels, Columns>,
                                               Sum<4, Pixels, Columns>,
                                               Sum<5, Pixels, Columns>,
                                               Sum<6, Pixels, Columns>,
                                               Sum<7, Pixels, Columns>,
                                               Sum<8, Pixels, Columns>,
                                               Sum<9, Pixels, Columns>,
                                               Sum<10, Pixels, Columns>,
                                               Sum<11, Pixels, Columns>,
                                               Sum<12, Pixels, Columns>};
};

template <int Pixels>
const Tile::Sum* SumsOf(const Tile& t) {
  if (t.x_column == kLanes && t.tap_columns == 3) return Sums<Pixels, 3>::kOf;
  if (t.x_column == kLanes && t.tap_columns == 5) return Sums<Pixels, 5>::kOf;
  return Sums<Pixels, 0>::kOf;
}

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
  t.sums = t.step == kLanes ? SumsOf<1>(t) : t.step == 2 * kLanes ? SumsOf<2>(t) : Sums<0, 0>::kOf;
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

void Convolve(const DepthwiseArgs& g) {
  const Range range = RangeOf(g.activation);
  const bool written = g.activation == UnaryKind::kIdentity || g.activation == UnaryKind::kRelu ||
                       g.activation == UnaryKind::kRelu6;
  const int64_t column = g.columns.inner_begin, count = g.columns.inner_end - column;
  const int64_t x_row = g.rows.stride * g.columns.size * kLanes, y_row = g.columns.results * kLanes;
  // Of the first row whose windows lie in the image, if there is one: the next ones' are alike.
  const int64_t first = MoreOf(g.row_begin, g.rows.inner_begin);
  const Tile all = TileAt(g, first, column, false, range);
  for (int64_t begin = g.row_begin; begin < g.row_end; begin += kTile) {
    const int64_t end = LessOf(g.row_end, begin + kTile),
                  inner = MoreOf(begin, LessOf(end, g.rows.inner_begin)),
                  inner_end = MoreOf(inner, LessOf(end, g.rows.inner_end));
    ForOuterColumns(g.columns,
                    [&](int64_t c) { LineAt(g, inner, c, inner_end - inner, true, range); });
    for (int64_t row = begin; row < end; ++row) {
      if (row >= inner && row < inner_end) {
        Line(all, all.x + (row - first) * x_row, all.y + (row - first) * y_row, count);
      } else {
        ForOuterColumns(g.columns, [&](int64_t c) { LineAt(g, row, c, 1, false, range); });
        LineAt(g, row, column, count, false, range);
      }
      float* y = g.y + row * y_row;
      if (!written) Unary(g.activation, y, y, y_row, 0);
    }
  }
}

constexpr DepthwiseKernels kTable = {kLanes, Convolve};

}  // namespace

const DepthwiseKernels& DepthwiseTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
