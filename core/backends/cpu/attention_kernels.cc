// Attention of SimdKernels, compiled once per instruction set as simd_kernels.cc: the scores of a block of queries stay in the
// first-level cache, and what is done to them happens where the products have them in registers.
#include "core/backends/cpu/gemm_tile.h"
#include "core/backends/cpu/simd_math.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr float kInfinity = __builtin_inff();

// acc = rows of A, one number a step, times a panel.
template <int R, int V>
inline void Product(const float* a, int64_t a_row, const float* panel, int64_t depth,
                    Vector (&acc)[R][V]) {
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) acc[r][v] = Vector{};
  }
// Unrolled, AVX2 would run out of registers.
#pragma GCC unroll 1
  for (int64_t p = 0; p < depth; ++p) MultiplyAdd(a + p, a_row, panel + p * kColumns, acc);
}

// What is added to the scores of one panel's keys: a number per key and row, kColumns of them a row; -inf behind the last key.
struct Shift {
  const float* at;  // null: nothing
  int64_t row;
};

// `width` of the mask's numbers from key `first` on, `kRows` rows from `row` on, in `lines` unless they lie in memory as the tiles want them.
Shift ShiftOf(const AttendArgs& g, int64_t row, int64_t first, int64_t width, float* lines) {
  const bool whole = width % kLanes == 0;
  if (g.mask == nullptr && whole) return {nullptr, 0};
  const float* mask =
      g.mask == nullptr ? nullptr : g.mask + row * g.mask_row + first * g.mask_column;
  if (whole && g.mask_column == 1) return {mask, g.mask_row};
  const bool alike = g.mask == nullptr || g.mask_row == 0;
  const int64_t rows = alike ? 1 : g.rows - row < kRows ? g.rows - row : kRows;
  for (int64_t r = 0; r < rows; ++r) {
    float* line = lines + r * kColumns;
    for (int64_t j = 0; j < kColumns; ++j)
      line[j] = j >= width        ? -kInfinity
                : mask == nullptr ? 0
                                  : mask[r * g.mask_row + j * g.mask_column];
  }
  return {lines, alike ? 0 : kColumns};
}

// Scores of R queries and the keys of a panel, and the largest so far of each query, lane by lane.
template <int R, int V>
inline void ScoreTile(const AttendArgs& g, int64_t row, const float* panel, const Shift& shift,
                      float* scores, Vector* high) {
  Vector acc[R][V];
  Product(g.query + row * g.query_row, g.query_row, panel, g.depth, acc);
  for (int r = 0; r < R; ++r) {
    float* to = scores + r * g.score_row;
    Vector top = high[r];
    for (int v = 0; v < V; ++v) {
      Vector x = acc[r][v] * g.scale;
      if (shift.at != nullptr) x += Load(shift.at + r * shift.row + v * kLanes);
      Store(to + v * kLanes, x);
      top = Larger(x, top);
    }
    high[r] = top;
  }
}

// In place: exp(x - high) of whole vectors. Returns the sum, lane by lane.
inline Vector Weigh(float* x, int64_t vectors, float high) {
  Vector sum[2] = {};
  int64_t i = 0;
  for (; i + 2 <= vectors; i += 2) {
    for (int u = 0; u < 2; ++u) {
      const Vector weight = ExpOfNegative(Load(x + (i + u) * kLanes) - high);
      Store(x + (i + u) * kLanes, weight);
      sum[u] += weight;
    }
  }
  if (i < vectors) {
    const Vector weight = ExpOfNegative(Load(x + i * kLanes) - high);
    Store(x + i * kLanes, weight);
    sum[0] += weight;
  }
  return sum[0] + sum[1];
}

// Sums of the values, each row times its factor.
template <int R, int V>
inline void ValueTile(const AttendArgs& g, const float* weights, const float* panel,
                      const float* factor, float* y, int64_t width) {
  Vector acc[R][V];
  Product(weights, g.score_row, panel, g.keys, acc);
  if (width == V * kLanes) {
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) Store(y + r * g.y_row + v * kLanes, acc[r][v] * factor[r]);
    }
    return;
  }
  for (int r = 0; r < R; ++r) {
    Vector line[V];
    for (int v = 0; v < V; ++v) line[v] = acc[r][v] * factor[r];
    __builtin_memcpy(y + r * g.y_row, line, static_cast<unsigned long>(width) * 4);
  }
}

template <int N>
struct Size {
  static constexpr int value = N;
};

// Calls fn of the constants (rows, vectors) for a tile of that many rows and `width` columns.
template <int R, typename Fn>
inline void WithSizes(int64_t rows, int64_t width, Fn fn) {
  if constexpr (R > 0) {
    if (rows != R) return WithSizes<R - 1>(rows, width, fn);
    if (width <= kLanes) {
      fn(Size<R>(), Size<1>());
    } else if (width <= 2 * kLanes) {
      fn(Size<R>(), Size<2>());
    } else {
      fn(Size<R>(), Size<kVectors>());
    }
  }
}

}  // namespace

void Attend(const AttendArgs& g) {
  Vector high[kAttendRows];
  float factor[kAttendRows];
  for (int64_t i = 0; i < g.rows; ++i) high[i] = Vector{} - kInfinity;
  const auto rows_at = [&](int64_t i) { return g.rows - i < kRows ? g.rows - i : kRows; };
  for (int64_t j = 0; j < g.keys; j += kColumns) {
    const int64_t width = g.keys - j < kColumns ? g.keys - j : kColumns;
    const float* panel = g.packed_keys + j * g.depth;
    float lines[kRows * kColumns];
    for (int64_t i = 0; i < g.rows; i += kRows) {
      const Shift shift = ShiftOf(g, i, j, width, lines);
      WithSizes<kRows>(rows_at(i), width, [&](auto r, auto v) {
        ScoreTile<r.value, v.value>(g, i, panel, shift, g.scores + i * g.score_row + j, high + i);
      });
    }
  }
  const int64_t vectors = (g.keys + kLanes - 1) / kLanes;
  // Three loops: what has a long latency is done for many rows at a time.
  for (int64_t i = 0; i < g.rows; ++i) factor[i] = LargestLane(high[i]);
  for (int64_t i = 0; i < g.rows; ++i)
    high[i] = Weigh(g.scores + i * g.score_row, vectors, factor[i]);
  for (int64_t i = 0; i < g.rows; ++i) factor[i] = 1.0f / SumOfLanes(high[i]);
  for (int64_t j = 0; j < g.value_depth; j += kColumns) {
    const int64_t width = g.value_depth - j < kColumns ? g.value_depth - j : kColumns;
    const float* panel = g.packed_values + j * g.keys;
    for (int64_t i = 0; i < g.rows; i += kRows) {
      WithSizes<kRows>(rows_at(i), width, [&](auto r, auto v) {
        ValueTile<r.value, v.value>(g, g.scores + i * g.score_row, panel, factor + i,
                                    g.y + i * g.y_row + j, width);
      });
    }
  }
}

}  // namespace mirin::cpu::MIRIN_SIMD
