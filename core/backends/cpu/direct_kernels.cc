// Compiled once per instruction set, as simd_kernels.cc.
#include "core/backends/cpu/direct_kernels.h"

#include <type_traits>

#include "core/backends/cpu/simd_math.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

// Two of them take as long as one Vector: for the last channels of a panel.
typedef float Half __attribute__((vector_size(kLanes * 2)));
constexpr bool kHalves = kLanes == 16;

template <typename T>
inline T LoadAs(const float* x) {
  T value;
  __builtin_memcpy(&value, x, sizeof value);
  return value;
}
// The second half of a block are zeros.
inline void StoreBlock(float* y, Vector x) { Store(y, x); }
inline void StoreBlock(float* y, Half x) {
  __builtin_memcpy(y, &x, sizeof x);
  __builtin_memset(y + kLanes / 2, 0, sizeof x);
}

// Results side by side in a row, times a panel.
struct Tile {
  const float* x;
  const DepthRun *runs, *runs_end;
  const float* panel;
  float* y;
  const float* add;
  const float* bias;
  const float* next;   // what the next panel's tiles will read
  int64_t next_lines;  // cache lines of it for this tile to fetch
  bool first, last;    // of the parts of the depth
};

// R results of V whole blocks of channels and, with H, half a one. For each result and each vector of it: call `fn`.
template <int R, int V, int H>
struct Sums {
  Vector whole[R][V > 0 ? V : 1];
  Half half[R];

  template <typename Fn>
  inline __attribute__((always_inline)) void ForEach(Fn fn) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) fn(whole[r][v], r, v);
      if constexpr (H > 0) fn(half[r], r, V);
    }
  }
  // With zeros, or a number of each channel.
  inline __attribute__((always_inline)) void Start(const float* bias) {
    if (bias == nullptr) {
      ForEach([](auto& sum, int, int) __attribute__((always_inline)) {
        sum = std::remove_reference_t<decltype(sum)>{};
      });
    } else {
      ForEach([=](auto& sum, int, int v) __attribute__((always_inline)) {
        sum = LoadAs<std::remove_reference_t<decltype(sum)>>(bias + v * kLanes);
      });
    }
  }
  inline __attribute__((always_inline)) void Add(const float* x, int64_t pixel, int64_t block) {
    ForEach([=](auto& sum, int r, int v) __attribute__((always_inline)) {
      sum += LoadAs<std::remove_reference_t<decltype(sum)>>(x + r * pixel + v * block);
    });
  }
  inline __attribute__((always_inline)) void Write(float* y, int64_t block) {
    ForEach([=](auto& sum, int r, int v)
                __attribute__((always_inline)) { StoreBlock(y + v * block + r * kLanes, sum); });
  }
};

// Bounds of results; those of a Half are the first numbers.
struct Bounds {
  Vector low, high;
};

inline Vector Clamp(Vector x, const Bounds& b) { return Smaller(b.high, Larger(b.low, x)); }
inline Half Clamp(Half x, const Bounds& b) {
  const Half low = Half{} + b.low[0], high = Half{} + b.high[0], above = x < low ? low : x;
  return above > high ? high : above;
}

// Near: windows of neighbours are neighbours in the image.
template <int R, int V, int H, bool Near>
inline __attribute__((always_inline)) void ConvolveTile(const DirectArgs& g, const Tile& t,
                                                        const Bounds& bounds) {
  using Sums = Sums<R, V, H>;
  constexpr int64_t kWidth = (V + H) * kLanes;
  if (t.add != nullptr && t.first && t.add != t.y) {  // comes while the sums are made
    for (int v = 0; v < V + H; ++v) {
#pragma GCC unroll 1
      for (int r = 0; r < R; ++r) __builtin_prefetch(t.add + v * g.y_block + r * kLanes, 0, 3);
    }
  }
  Sums sums;
  sums.Start(t.first ? t.bias : nullptr);
  const float* fetch = t.next;
  int64_t lines = t.next_lines;
  const int64_t pixel = Near ? kLanes : g.x_pixel;
  for (const DepthRun* run = t.runs; run != t.runs_end; ++run) {
    const float* x = t.x + run->offset;
    const float* weights = t.panel + run->line * kWidth;
    for (const float* end = x + run->length; x != end; ++x) {
      if (lines > 0) {
        __builtin_prefetch(fetch, 0, 2);
        fetch += 16;
        --lines;
      }
      Vector w[V > 0 ? V : 1];
      for (int v = 0; v < V; ++v) w[v] = Load(weights + v * kLanes);
      const Half half = H > 0 ? LoadAs<Half>(weights + V * kLanes) : Half{};
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const float left = x[r * pixel];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sums.whole[r][v] += left * w[v];
        if constexpr (H > 0) sums.half[r] += left * half;
      }
      weights += kWidth;
    }
  }
  if (!t.first) sums.Add(t.y, kLanes, g.y_block);
  if (t.first && t.add != nullptr) sums.Add(t.add, kLanes, g.y_block);
  if (!t.last) return sums.Write(t.y, g.y_block);
  if (g.activation == UnaryKind::kHSwish) {
    const Bounds six = {Vector{}, Vector{} + 6.0f};
    sums.ForEach([=](auto& sum, int, int) __attribute__((always_inline)) {
      sum = sum * Clamp(sum + 3.0f, six) * (1.0f / 6);
    });
    return sums.Write(t.y, g.y_block);
  }
  float* const y = t.y;
  const int64_t y_block = g.y_block;
  // One after the other: stores in a row hold up the multiply-adds of the next tile.
  sums.ForEach([=](auto& sum, int r, int v) __attribute__((always_inline)) {
    StoreBlock(y + v * y_block + r * kLanes, Clamp(sum, bounds));
    asm volatile("" : : : "memory");
  });
  if (IsRange(g.activation)) return;
  for (int v = 0; v < V + H; ++v)
    Unary(g.activation, t.y + v * g.y_block, t.y + v * g.y_block, R * kLanes, 0);
}

// Tiles side by side of a row. A function of its own, so that it has all registers.
template <int R, int V, int H, bool Near>
__attribute__((noinline)) void ConvolveTiles(const DirectArgs& g, Tile t, int64_t count) {
  const Range range = RangeOf(g.activation);
  const Bounds bounds = {Vector{} + range.low, Vector{} + range.high};
  for (; count > 0; --count) {
    ConvolveTile<R, V, H, Near>(g, t, bounds);
    t.x += R * g.x_pixel;
    t.y += R * kLanes;
    if (t.add != nullptr) t.add += R * kLanes;
    t.next += t.next_lines * 16;
  }
}

template <int R, bool Near>
inline void Rows(const DirectArgs& g, int64_t rows, int64_t blocks, bool half, const Tile& t,
                 int64_t count) {
  if constexpr (R > 0) {
    if (rows != R) return Rows<R - 1, Near>(g, rows, blocks, half, t, count);
    if (half) {
      if (blocks == 1) return ConvolveTiles<R, 0, 1, Near>(g, t, count);
      if (blocks == 2) return ConvolveTiles<R, 1, 1, Near>(g, t, count);
      return ConvolveTiles<R, kVectors - 1, 1, Near>(g, t, count);
    }
    if (blocks == 1) return ConvolveTiles<R, 1, 0, Near>(g, t, count);
    if (blocks == 2) return ConvolveTiles<R, 2, 0, Near>(g, t, count);
    ConvolveTiles<R, kVectors, 0, Near>(g, t, count);
  }
}

template <bool Near>
void ConvolveAll(const DirectArgs& g) {
  static_assert(kVectors == kDirectBlocks);
  const int64_t in_row = DirectTilesInRow(g.columns, kRows), tiles = g.tile_end - g.tile_begin;
  // Of a row's tiles, the last ones have a result more than the first ones.
  const int64_t results = g.columns / in_row, less = in_row - g.columns % in_row;
  Tile t;
  for (int64_t part = 0; part < g.part_count; ++part) {
    const int64_t depth = g.parts[part].end - g.parts[part].begin;
    t.first = part == 0;
    t.last = part + 1 == g.part_count;
    for (int64_t p = g.panel_begin; p < g.panel_end; ++p) {
      const int64_t begin = DirectPanelBegin(g.blocks, p),
                    blocks = DirectPanelBegin(g.blocks, p + 1) - begin;
      const bool half =
          kHalves && begin + blocks == g.blocks && g.blocks * kLanes - g.channels >= kLanes / 2;
      t.panel = g.weights + begin * g.depth * kLanes;
      t.bias = g.bias == nullptr ? nullptr : g.bias + begin * kLanes;
      t.next = t.panel;
      t.next_lines = 0;
      // The next panel is fetched while this one is used; a few tiles stream it anyway.
      if (p + 1 < g.panel_end && tiles >= 4) {
        const int64_t next = DirectPanelBegin(g.blocks, p + 1),
                      next_blocks = DirectPanelBegin(g.blocks, p + 2) - next;
        t.next = g.weights + (next * g.depth + g.parts[part].begin * next_blocks) * kLanes;
        t.next_lines = (depth * next_blocks * kLanes / 16 + tiles - 1) / tiles;
      }
      int64_t row = g.tile_begin / in_row, in = g.tile_begin % in_row;
      for (int64_t i = 0; i < tiles;) {
        const bool more = in >= less;
        const int64_t left = in * results + (more ? in - less : 0),
                      count = Least(tiles - i, (more ? in_row : less) - in);
        const int64_t at = row * g.y_row + left * kLanes + begin * g.y_block;
        const int32_t* runs =
            g.run_begin + part * g.class_count + (g.row_class == nullptr ? 0 : g.row_class[row]);
        t.runs = g.runs + runs[0];
        t.runs_end = g.runs + runs[1];
        t.x = g.x + row * g.x_row + left * g.x_pixel;
        t.y = g.y + at;
        t.add = g.add == nullptr ? nullptr : g.add + at;
        Rows<kRows, Near>(g, results + more, blocks, half, t, count);
        t.next += count * t.next_lines * 16;
        i += count;
        in += count;
        if (in == in_row) {
          in = 0;
          ++row;
        }
      }
    }
  }
}

void Convolve(const DirectArgs& g) {
  g.x_pixel == kLanes ? ConvolveAll<true>(g) : ConvolveAll<false>(g);
}

#if defined(__AVX512F__)
constexpr int kOrder[2 * kLanes] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
#else
constexpr int kOrder[2 * kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#endif

// Swaps the off-diagonal halves of each 2*Step square of rows.
template <int Step>
inline void TransposeStep(Vector (&m)[kLanes]) {
  Mask low, high;
  for (int l = 0; l < kLanes; ++l) {
    low[l] = (l & Step) == 0 ? kOrder[l] : kOrder[l - Step + kLanes];
    high[l] = (l & Step) == 0 ? kOrder[l + Step] : kOrder[l + kLanes];
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if ((i & Step) != 0) continue;
    const Vector a = m[i], b = m[i + Step];
    m[i] = __builtin_shuffle(a, b, low);
    m[i + Step] = __builtin_shuffle(a, b, high);
  }
}

void Pack(const void* weights, int64_t depth, int64_t channels, const int32_t* position,
          int64_t width, float* packed) {
  const char* from = static_cast<const char*>(weights);
  int64_t k = 0;
  for (; channels == kLanes && k + kLanes <= depth; k += kLanes) {
    Vector m[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i)
      __builtin_memcpy(&m[i], from + (i * depth + k) * 4, sizeof(Vector));
    TransposeStep<1>(m);
    TransposeStep<2>(m);
    TransposeStep<4>(m);
    if constexpr (kLanes == 16) TransposeStep<8>(m);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) Store(packed + position[k + i] * width, m[i]);
  }
  for (; k < depth; ++k) {
    float* to = packed + position[k] * width;
    for (int64_t i = 0; i < channels; ++i)
      __builtin_memcpy(to + i, from + (i * depth + k) * 4, sizeof(float));
    for (int64_t i = channels; i < kLanes; ++i) to[i] = 0;
  }
}

constexpr DirectKernels kTable = {kLanes, kRows, Convolve, Pack};

}  // namespace

const DirectKernels& DirectTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
