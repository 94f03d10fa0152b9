// Attention of SimdKernels, compiled once per instruction set as simd_kernels.cc: the scores of a block of queries stay in the
// first-level cache, and what is done to them happens where the products have them in registers.
#include "core/backends/cpu/gemm_tile.h"
#include "core/backends/cpu/simd_math.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr float kInfinity = __builtin_inff();

inline int64_t WholeVectors(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// The first `count` lanes from memory, the others 0.
inline Vector LoadPart(const float* x, int64_t count) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vector>(
      _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), x));
#else
  Vector value = {};
  __builtin_memcpy(&value, x, static_cast<unsigned long>(count) * 4);
  return value;
#endif
}

inline void StorePart(float* y, Vector x, int64_t count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(y, static_cast<__mmask16>((1u << count) - 1), reinterpret_cast<__m512>(x));
#else
  __builtin_memcpy(y, &x, static_cast<unsigned long>(count) * 4);
#endif
}

// acc = rows of A, one number a step, times lines of V vectors.
template <int R, int V>
MIRIN_INLINE inline void Product(const float* a, int64_t a_row, const float* lines, int64_t line,
                                 int64_t depth, Vector (&acc)[R][V]) {
  EachVector<R, V>([&](int r, int v) MIRIN_INLINE { acc[r][v] = Vector{}; });
// Unrolled, AVX2 would run out of registers.
#pragma GCC unroll 1
  for (int64_t p = 0; p < depth; ++p) MultiplyAdd(a + p, a_row, lines + p * line, acc);
}

// What is added to the scores of the keys of a panel: a number per row, `step` floats further for each key.
struct Shift {
  const float* at;  // null: nothing
  int64_t row, step;
};

// Scores of R queries and V vectors of keys, `rest` of them in the last one, and the largest so far of each query, lane by lane.
template <int R, int V>
MIRIN_INLINE inline void ScoreTile(const AttendArgs& g, const float* query, const float* panel,
                                   const Shift& shift, int64_t rest, float* scores, Vector* high) {
  Vector acc[R][V];
  Product(query, g.query_row, panel, V * kLanes, g.depth, acc);
  const auto finish = [&](auto at, auto last) MIRIN_INLINE {
    Each<R>([&](int r) MIRIN_INLINE {
      Vector top = high[r];
      Each<V>([&](int v) MIRIN_INLINE {
        Vector x = at(acc[r][v] * g.scale, r, v);
        if (v == V - 1) x = last(x);
        Store(scores + r * g.score_row + v * kLanes, x);
        top = Larger(x, top);
      });
      high[r] = top;
    });
  };
  const auto nothing = [](Vector x, int, int) MIRIN_INLINE { return x; };
  const auto whole = [](Vector x) MIRIN_INLINE { return x; };
  if (rest == kLanes) {
    if (shift.at == nullptr) return finish(nothing, whole);
    return finish(
        [&](Vector x, int r, int v)
            MIRIN_INLINE { return x + Load(shift.at + r * shift.row + v * kLanes * shift.step); },
        whole);
  }
  Vector beyond;  // no key
  for (int l = 0; l < kLanes; ++l) beyond[l] = l < rest ? 0 : -kInfinity;
  const auto cut = [&](Vector x) MIRIN_INLINE { return x + beyond; };
  if (shift.at == nullptr) return finish(nothing, cut);
  finish(
      [&](Vector x, int r, int v) MIRIN_INLINE {
        const float* at = shift.at + r * shift.row + v * kLanes * shift.step;
        return x + (v == V - 1 ? LoadPart(at, rest) : Load(at));
      },
      cut);
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
MIRIN_INLINE inline void ValueTile(const AttendArgs& g, const float* weights, const float* lines,
                                   int64_t line, const float* factor, float* y, int64_t rest) {
  Vector acc[R][V];
  Product(weights, g.score_row, lines, line, g.keys, acc);
  EachVector<R, V>([&](int r, int v) MIRIN_INLINE {
    float* to = y + r * g.y_row + v * kLanes;
    const Vector x = acc[r][v] * factor[r];
    if (v < V - 1 || rest == kLanes) {
      Store(to, x);
    } else {
      StorePart(to, x, rest);
    }
  });
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

// Calls fn(row, constant rows, column, constant vectors, columns of the last vector) for the tiles of some rows and columns: panel by panel, rows alike.
template <typename Fn>
inline void ForTiles(int64_t rows, int64_t columns, Fn fn) {
  const int64_t tiles = (rows + kRows - 1) / kRows;
  for (int64_t j = 0; j < columns; j += kColumns) {
    const int64_t width = Least(kColumns, columns - j), rest = (width - 1) % kLanes + 1;
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t i = rows * t / tiles;
      WithSizes<kRows>(rows * (t + 1) / tiles - i, width,
                       [&](auto r, auto v) { fn(i, r, j, v, rest); });
    }
  }
}

// So few keys behind whole vectors that a vector of them would cost more than a product of rows for each.
constexpr int64_t kMostLone = kLanes / 8;
inline int64_t LoneKeys(int64_t keys) {
  const int64_t rest = keys % kLanes;
  return keys > kLanes && rest <= kMostLone ? rest : 0;
}

// The score of a query and a key by themselves.
inline float Score(const AttendArgs& g, const Shift& shift, int64_t query, int64_t key) {
  const float *q = g.query + query * g.query_row, *k = g.key + key * g.key_row;
  const int64_t whole = g.depth / kLanes * kLanes;
  Vector sum = {};
  for (int64_t d = 0; d < whole; d += kLanes) sum += Load(q + d) * Load(k + d);
  if (whole < g.depth)
    sum += LoadPart(q + whole, g.depth - whole) * LoadPart(k + whole, g.depth - whole);
  const float score = SumOfLanes(sum) * g.scale;
  return shift.at == nullptr ? score : score + shift.at[query * shift.row + key * shift.step];
}

// Of all keys one by one, for queries so few that packing would not pay.
void ScoreSingly(const AttendArgs& g, const Shift& shift, Vector* high) {
  for (int64_t i = 0; i < g.rows; ++i) {
    float* row = g.scores + i * g.score_row;
    const int64_t end = WholeVectors(g.keys);
    for (int64_t key = 0; key < g.keys; ++key) row[key] = Score(g, shift, i, key);
    for (int64_t key = g.keys; key < end; ++key) row[key] = -kInfinity;
    for (int64_t key = 0; key < end; key += kLanes) high[i] = Larger(Load(row + key), high[i]);
  }
}

}  // namespace

void AttendPack(const AttendArgs& g) {
  const int64_t keys = g.keys - LoneKeys(g.keys);
  for (int64_t j = 0; j < keys; j += kColumns) {
    const int64_t width = Least(kColumns, keys - j), wide = WholeVectors(width);
    float* panel = g.packed_keys + j * g.depth;
    PackColumns(g.key + j * g.key_row, g.depth, width, g.key_row, wide, panel);
  }
  for (int64_t j = 0; j < g.value_depth; j += kColumns) {
    const int64_t width = Least(kColumns, g.value_depth - j), wide = WholeVectors(width);
    float* to = g.packed_values + j * g.keys;
    const float* from = g.value + j;
    for (int64_t p = 0; p < g.keys; ++p, from += g.value_row, to += wide) {
      int64_t c = 0;
      for (; c + kLanes <= width; c += kLanes) Store(to + c, Load(from + c));
      if (c < width) Store(to + c, LoadPart(from + c, width - c));
    }
  }
}

void Attend(const AttendArgs& g) {
  const bool packed = g.packed_keys != nullptr;
  const int64_t lone = packed ? LoneKeys(g.keys) : 0, keys = g.keys - lone;
  Vector high[kAttendRows];
  float factor[kAttendRows] = {}, extra[kMostLone + 1][kAttendRows] = {};
  for (int64_t i = 0; i < g.rows; ++i) high[i] = Vector{} - kInfinity;
  Shift shift = {g.mask, g.mask_row, g.mask_column};
  float lines[kAttendRows * kLanes];
  if (g.mask != nullptr && g.mask_column == 0) {
    for (int64_t i = 0; i < g.rows; ++i)
      Store(lines + i * kLanes, Vector{} + g.mask[i * g.mask_row]);
    shift = {lines, kLanes, 0};
  }
  if (!packed) ScoreSingly(g, shift, high);
  ForTiles(g.rows, packed ? keys : 0, [&](int64_t i, auto r, int64_t j, auto v, int64_t rest) {
    const Shift here = {shift.at == nullptr ? nullptr : shift.at + i * shift.row + j * shift.step,
                        shift.row, shift.step};
    ScoreTile<r.value, v.value>(g, g.query + i * g.query_row, g.packed_keys + j * g.depth, here,
                                rest, g.scores + i * g.score_row + j, high + i);
  });
  for (int64_t t = 0; t < lone; ++t) {
    for (int64_t i = 0; i < g.rows; ++i) extra[t][i] = Score(g, shift, i, keys + t);
  }
  const int64_t vectors = (keys + kLanes - 1) / kLanes;
  // Several loops: what has a long latency is done for many rows at a time.
  for (int64_t i = 0; i < g.rows; ++i) {
    factor[i] = LargestLane(high[i]);
    for (int64_t t = 0; t < lone; ++t)
      factor[i] = extra[t][i] > factor[i] ? extra[t][i] : factor[i];
  }
  for (int64_t i = 0; i < g.rows; ++i)
    high[i] = Weigh(g.scores + i * g.score_row, vectors, factor[i]);
  for (int64_t t = 0; t < lone; ++t) {
    for (int64_t i = 0; i < g.rows; i += kLanes)
      Store(extra[t] + i, ExpOfNegative(Load(extra[t] + i) - Load(factor + i)));
  }
  for (int64_t i = 0; i < g.rows; ++i) {
    float sum = SumOfLanes(high[i]);
    for (int64_t t = 0; t < lone; ++t) {
      g.scores[i * g.score_row + keys + t] = extra[t][i];
      sum += extra[t][i];
    }
    factor[i] = 1.0f / sum;
  }
  ForTiles(g.rows, g.value_depth, [&](int64_t i, auto r, int64_t j, auto v, int64_t rest) {
    ValueTile<r.value, v.value>(
        g, g.scores + i * g.score_row, packed ? g.packed_values + j * g.keys : g.value + j,
        packed ? v.value * kLanes : g.value_row, factor + i, g.y + i * g.y_row + j, rest);
  });
}

}  // namespace mirin::cpu::MIRIN_SIMD
