// The packed product of SimdKernels, compiled once per instruction set as simd_kernels.cc.
#include "core/backends/cpu/gemm_tile.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr int64_t kDepth = 768;  // of a block of B that stays in the second-level cache

// One tile of C: rows [0, R) of A times a panel of B, whose numbers are W.
template <typename W>
struct TileArgs {
  const float* a;  // first row and first of the depth
  const W* panel;
  int64_t depth;
  float* c;
  int64_t width;       // columns of the panel that C has
  const float* bias;   // null: none
  const W* next;       // what the next panel's tiles will read
  int64_t next_lines;  // cache lines of it for this tile to fetch, spread over the depth
  int64_t next_step;   // numbers from one of these lines to the next
  int64_t next_more;   // cache lines behind each of them to fetch too
  bool first, last;    // of the blocks of depth
};

constexpr int64_t kFetchEvery = 4;
template <typename W>
constexpr int64_t kLineOf = 64 / sizeof(W);  // numbers of a cache line
// How far ahead of a streamed B the first of the lines of kFetchEvery steps is fetched: the CPU brings the others by itself, but those of 16-bit
// numbers, of which it needs twice as many steps at a time, too late.
constexpr int64_t kStreamAheadBytes = 32 << 10;
// A smaller B is in the second-level cache if it was used before.
constexpr int64_t kLeastStreamBytes = 512 << 10;

template <int R, int V, typename W>
inline void Tile(const GemmArgs& g, const TileArgs<W>& t) {
  Vector acc[R][V];
  EachVector<R, V>([&](int r, int v) MIRIN_INLINE { acc[r][v] = Vector{}; });
  int64_t p = 0;
  const W* fetch = t.next;
  for (int64_t lines = t.next_lines; lines > 0 && p + kFetchEvery <= t.depth;
       p += kFetchEvery, --lines) {
    __builtin_prefetch(fetch, 0, 2);
    for (int64_t line = 1; line <= t.next_more; ++line)
      __builtin_prefetch(fetch + line * kLineOf<W>, 0, 2);
    fetch += t.next_step;
#pragma GCC unroll 4
    for (int i = 0; i < kFetchEvery; ++i)
      MultiplyAdd(t.a + (p + i) * g.a_column, g.a_row, t.panel + (p + i) * kColumns, acc);
  }
  for (; p < t.depth; ++p) MultiplyAdd(t.a + p * g.a_column, g.a_row, t.panel + p * kColumns, acc);
  constexpr int64_t kTile = V * kLanes;
  const bool whole = t.width == kTile;
  if (whole && (!t.last || g.activation == UnaryKind::kIdentity)) {
    EachVector<R, V>([&](int r, int v) MIRIN_INLINE {
      float* to = t.c + r * g.c_row + v * kLanes;
      Vector x = acc[r][v];
      if (!t.first) x += Load(to);
      if (t.last && t.bias != nullptr) x += Load(t.bias + v * kLanes);
      Store(to, x);
    });
    return;
  }
  float tile[R * kTile];
  EachVector<R, V>([&](int r, int v)
                       MIRIN_INLINE { Store(tile + r * kTile + v * kLanes, acc[r][v]); });
  for (int r = 0; r < R; ++r) {
    float* line = tile + r * kTile;
    const float* to = t.c + r * g.c_row;
    if (!t.first) {
      for (int64_t j = 0; j < t.width; ++j) line[j] += to[j];
    }
    if (t.last && t.bias != nullptr) {
      for (int64_t j = 0; j < t.width; ++j) line[j] += t.bias[j];
    }
  }
  if (t.last && g.activation != UnaryKind::kIdentity) Unary(g.activation, tile, tile, R * kTile, 0);
  for (int r = 0; r < R; ++r) {
    __builtin_memcpy(t.c + r * g.c_row, tile + r * kTile, static_cast<unsigned long>(t.width) * 4);
  }
}

template <int R, typename W>
inline void Rows(const GemmArgs& g, int64_t rows, const TileArgs<W>& t) {
  if constexpr (R > 0) {
    if (rows != R) return Rows<R - 1>(g, rows, t);
    if (t.width <= kLanes) {
      Tile<R, 1>(g, t);
    } else if (t.width <= 2 * kLanes) {
      Tile<R, 2>(g, t);
    } else {
      Tile<R, kVectors>(g, t);
    }
  }
}

template <typename W>
void Multiply(const GemmArgs& g, const W* packed_b) {
  const int64_t row_tiles = (g.row_end - g.row_begin + kRows - 1) / kRows,
                panels = (g.column_end - g.column_begin + kColumns - 1) / kColumns;
  const int64_t first_panel = g.column_begin + (g.backward ? (panels - 1) * kColumns : 0),
                step = g.backward ? -kColumns : kColumns;
  constexpr int64_t kLine = kLineOf<W>;
  const bool streams = row_tiles == 1,
             far = g.k * g.n * static_cast<int64_t>(sizeof(W)) >= kLeastStreamBytes;
  // The depth is cut in the same places for any number of rows: a row's bits do not depend on the others. A B that is read once is read in
  // the order of memory, panel by panel.
  const int64_t blocks = g.k > kDepth ? (g.k + kDepth - 1) / kDepth : 1,
                outer = streams ? panels : blocks, inner = streams ? blocks : panels;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t n = 0; n < inner; ++n) {
      const int64_t p = (streams ? n : o) * kDepth, q = streams ? o : n;
      const int64_t j = first_panel + q * step;
      TileArgs<W> t;
      t.depth = g.k - p < kDepth ? g.k - p : kDepth;
      t.first = p == 0;
      t.last = p + t.depth >= g.k;
      t.width = g.n - j < kColumns ? g.n - j : kColumns;
      t.panel = packed_b + j * g.k + p * kColumns;
      t.bias = g.bias == nullptr ? nullptr : g.bias + j;
      if (streams) {
        t.next = t.panel + kStreamAheadBytes / sizeof(W);
        t.next_lines = far ? t.depth / kFetchEvery : 0;
        t.next_step = kFetchEvery * kColumns;
        t.next_more = sizeof(W) < sizeof(float) ? kFetchEvery * kColumns / kLine - 1 : 0;
      } else {
        const bool more = q + 1 < panels;
        t.next =
            more ? t.panel + g.k * step : packed_b + first_panel * g.k + (p + kDepth) * kColumns;
        // A few rows stream B anyway.
        t.next_lines = row_tiles < 4 || (!more && t.last)
                           ? 0
                           : (t.depth * kColumns / kLine + row_tiles - 1) / row_tiles;
        t.next_step = kLine;
        t.next_more = 0;
      }
      for (int64_t i = g.row_begin; i < g.row_end; i += kRows) {
        t.a = g.a + i * g.a_row + p * g.a_column;
        t.c = g.c + i * g.c_row + j;
        Rows<kRows>(g, g.row_end - i < kRows ? g.row_end - i : kRows, t);
        t.next += t.next_lines * kLine;
      }
    }
  }
}

// Rows of `width` neighbours.
void PackRows(const float* b, int64_t k, int64_t width, int64_t row, float* packed) {
  for (int64_t p = 0; p < k; ++p, b += row, packed += kColumns) {
    const char* line = reinterpret_cast<const char*>(b);
    if (width == kColumns) {
      __builtin_memcpy(packed, line, kColumns * 4);
    } else {
      __builtin_memcpy(packed, line, static_cast<unsigned long>(width) * 4);
      for (int64_t c = width; c < kColumns; ++c) packed[c] = 0;
    }
  }
}

typedef float Four __attribute__((vector_size(16), aligned(1), may_alias));
typedef int32_t FourInts __attribute__((vector_size(16)));

// Weights in a mapped file may lie anywhere.
inline float At(const float* x) {
  float number;
  __builtin_memcpy(&number, reinterpret_cast<const char*>(x), sizeof number);
  return number;
}

#if defined(__AVX512F__)
// 16 rows of 16 numbers, the first `rows` of them from memory `row` apart and their first `columns` numbers, the others 0, to that many
// columns `column` apart. Whole: 16 of both.
template <bool kWhole>
MIRIN_INLINE inline void Transpose(const float* from, int64_t row, int64_t rows, int64_t columns,
                                   float* to, int64_t column) {
  __m512 x[kLanes], y[kLanes];
  const auto some = static_cast<__mmask16>(kWhole ? 0xffff : (1u << columns) - 1);
  Each<kLanes>([&](int i) MIRIN_INLINE {
    x[i] = kWhole || i < rows ? _mm512_maskz_loadu_ps(some, from + i * row) : _mm512_setzero_ps();
  });
  // Of two rows, of four, and of all four quarters of a row.
  Each<kLanes / 2>([&](int i) MIRIN_INLINE {
    y[2 * i] = _mm512_maskz_unpacklo_ps(0xffff, x[2 * i], x[2 * i + 1]);
    y[2 * i + 1] = _mm512_maskz_unpackhi_ps(0xffff, x[2 * i], x[2 * i + 1]);
  });
  const auto low = [](__m512 a, __m512 b) MIRIN_INLINE {
    return _mm512_castpd_ps(
        _mm512_maskz_unpacklo_pd(0xff, _mm512_castps_pd(a), _mm512_castps_pd(b)));
  };
  const auto high = [](__m512 a, __m512 b) MIRIN_INLINE {
    return _mm512_castpd_ps(
        _mm512_maskz_unpackhi_pd(0xff, _mm512_castps_pd(a), _mm512_castps_pd(b)));
  };
  Each<kLanes / 4>([&](int i) MIRIN_INLINE {
    x[4 * i] = low(y[4 * i], y[4 * i + 2]);
    x[4 * i + 1] = high(y[4 * i], y[4 * i + 2]);
    x[4 * i + 2] = low(y[4 * i + 1], y[4 * i + 3]);
    x[4 * i + 3] = high(y[4 * i + 1], y[4 * i + 3]);
  });
  Each<4>([&](int i) MIRIN_INLINE {
    const __m512 a = _mm512_maskz_shuffle_f32x4(0xffff, x[i], x[i + 4], 0x88),
                 b = _mm512_maskz_shuffle_f32x4(0xffff, x[i], x[i + 4], 0xdd),
                 c = _mm512_maskz_shuffle_f32x4(0xffff, x[i + 8], x[i + 12], 0x88),
                 d = _mm512_maskz_shuffle_f32x4(0xffff, x[i + 8], x[i + 12], 0xdd);
    const auto put = [&](int which, __m512 line) MIRIN_INLINE {
      if (kWhole || which < columns) _mm512_storeu_ps(to + which * column, line);
    };
    put(i, _mm512_maskz_shuffle_f32x4(0xffff, a, c, 0x88));
    put(i + 8, _mm512_maskz_shuffle_f32x4(0xffff, a, c, 0xdd));
    put(i + 4, _mm512_maskz_shuffle_f32x4(0xffff, b, d, 0x88));
    put(i + 12, _mm512_maskz_shuffle_f32x4(0xffff, b, d, 0xdd));
  });
}
#endif

}  // namespace

#if defined(__AVX512F__)
void PackColumns(const float* b, int64_t k, int64_t width, int64_t column, int64_t line,
                 float* packed) {
  for (int64_t c = 0; c < line; c += kLanes) {
    for (int64_t p = 0; p < k; p += kLanes) {
      const float* from = b + c * column + p;
      float* to = packed + p * line + c;
      const int64_t rows = width - c, columns = k - p < kLanes ? k - p : kLanes;
      if (rows >= kLanes && columns == kLanes) {
        Transpose<true>(from, column, kLanes, kLanes, to, line);
      } else {
        Transpose<false>(from, column, rows, columns, to, line);
      }
    }
  }
}
#else
// Columns of neighbours: squares of 4 x 4 are transposed in registers.
void PackColumns(const float* b, int64_t k, int64_t width, int64_t column, int64_t line,
                 float* packed) {
  int64_t c = 0;
  for (; c + 4 <= width; c += 4, b += 4 * column) {
    int64_t p = 0;
    for (; p + 4 <= k; p += 4) {
      Four x[4];
      for (int i = 0; i < 4; ++i) x[i] = *reinterpret_cast<const Four*>(b + p + i * column);
      const Four low = __builtin_shuffle(x[0], x[1], FourInts{0, 4, 1, 5}),
                 high = __builtin_shuffle(x[0], x[1], FourInts{2, 6, 3, 7}),
                 next_low = __builtin_shuffle(x[2], x[3], FourInts{0, 4, 1, 5}),
                 next_high = __builtin_shuffle(x[2], x[3], FourInts{2, 6, 3, 7});
      float* to = packed + p * line + c;
      *reinterpret_cast<Four*>(to) = __builtin_shuffle(low, next_low, FourInts{0, 1, 4, 5});
      *reinterpret_cast<Four*>(to + line) = __builtin_shuffle(low, next_low, FourInts{2, 3, 6, 7});
      *reinterpret_cast<Four*>(to + 2 * line) =
          __builtin_shuffle(high, next_high, FourInts{0, 1, 4, 5});
      *reinterpret_cast<Four*>(to + 3 * line) =
          __builtin_shuffle(high, next_high, FourInts{2, 3, 6, 7});
    }
    for (; p < k; ++p) {
      for (int i = 0; i < 4; ++i) packed[p * line + c + i] = At(b + p + i * column);
    }
  }
  for (; c < width; ++c, b += column) {
    for (int64_t p = 0; p < k; ++p) packed[p * line + c] = At(b + p);
  }
  for (; c < line; ++c) {
    for (int64_t p = 0; p < k; ++p) packed[p * line + c] = 0;
  }
}
#endif

void PackB(const float* b, int64_t k, int64_t n, int64_t row, int64_t column, float* packed) {
  for (int64_t j = 0; j < n; j += kColumns, packed += k * kColumns) {
    const int64_t width = n - j < kColumns ? n - j : kColumns;
    if (column == 1) {
      PackRows(b + j, k, width, row, packed);
    } else if (row == 1) {
      PackColumns(b + j * column, k, width, column, kColumns, packed);
    } else {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t c = 0; c < kColumns; ++c)
          packed[p * kColumns + c] = c < width ? At(b + p * row + (j + c) * column) : 0;
      }
    }
  }
}

void Gemm(const GemmArgs& g) { Multiply(g, static_cast<const float*>(g.packed_b)); }

#if defined(__F16C__)
bool Narrow(const float* x, Half* y, int64_t n) {
  constexpr float kLargestHalf = 65504;
  bool fits = true;
  for (int64_t i = 0; i < n; ++i) {
    fits &= !(__builtin_fabsf(x[i]) > kLargestHalf);
    y[i] = static_cast<Half>(_cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT));
  }
  return fits;
}

void GemmHalf(const GemmArgs& g) { Multiply(g, static_cast<const Half*>(g.packed_b)); }
#endif

}  // namespace mirin::cpu::MIRIN_SIMD
