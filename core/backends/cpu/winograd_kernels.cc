// Compiled once per instruction set, as simd_kernels.cc. Matrices of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks".
#include "core/backends/cpu/winograd_kernels.h"

#include "core/backends/cpu/simd_vector.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

typedef double Wide __attribute__((vector_size(kLanes * 4)));
typedef float Narrow __attribute__((vector_size(kLanes * 2)));

// F(4x4, 3x3) and F(2x2, 3x3): transforms of a line of the input, of products and of weights.
struct Tile4 {
  static constexpr int kTile = 4, kWindow = 6;
  static inline void Input(const Vector (&d)[6], Vector (&t)[6]) {
    const Vector a = d[4] - 4.0f * d[2], b = d[3] - 4.0f * d[1], c = d[4] - d[2],
                 e = 2.0f * (d[3] - d[1]);
    t[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
  }
  static inline void Output(const Vector (&m)[6], Vector (&t)[4]) {
    const Vector sum12 = m[1] + m[2], difference12 = m[1] - m[2], sum34 = m[3] + m[4],
                 difference34 = m[3] - m[4];
    t[0] = m[0] + sum12 + sum34;
    t[1] = difference12 + 2.0f * difference34;
    t[2] = sum12 + 4.0f * sum34;
    t[3] = difference12 + 8.0f * difference34 + m[5];
  }
  static inline void Weights(const Wide (&g)[3], Wide (&t)[6]) {
    const Wide outer = (g[0] + g[2]) * (-1.0 / 6), near = g[1] * (1.0 / 6),
               far = g[0] * (1.0 / 24) + g[2] * (1.0 / 6), middle = g[1] * (1.0 / 12);
    t[0] = g[0] * 0.25;
    t[1] = outer - near;
    t[2] = outer + near;
    t[3] = far + middle;
    t[4] = far - middle;
    t[5] = g[2];
  }
};

struct Tile2 {
  static constexpr int kTile = 2, kWindow = 4;
  static inline void Input(const Vector (&d)[4], Vector (&t)[4]) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
  }
  static inline void Output(const Vector (&m)[4], Vector (&t)[2]) {
    t[0] = m[0] + m[1] + m[2];
    t[1] = m[1] - m[2] - m[3];
  }
  static inline void Weights(const Wide (&g)[3], Wide (&t)[4]) {
    const Wide outer = (g[0] + g[2]) * 0.5, middle = g[1] * 0.5;
    t[0] = g[0];
    t[1] = outer + middle;
    t[2] = outer - middle;
    t[3] = g[2];
  }
};

template <typename F>
void Input(const float* x, int64_t row, float* v, int64_t step) {
  constexpr int kWindow = F::kWindow;
  Vector columns[kWindow][kWindow];  // [column][transformed row]
  for (int j = 0; j < kWindow; ++j) {
    Vector d[kWindow];
    for (int i = 0; i < kWindow; ++i) d[i] = Load(x + i * row + j * kLanes);
    F::Input(d, columns[j]);
  }
  for (int i = 0; i < kWindow; ++i) {
    Vector d[kWindow], t[kWindow];
    for (int j = 0; j < kWindow; ++j) d[j] = columns[j][i];
    F::Input(d, t);
    for (int j = 0; j < kWindow; ++j) Store(v + (i * kWindow + j) * step, t[j]);
  }
}

template <typename F>
void Output(const float* m, int64_t step, const float* bias, const float* add, float* y,
            int64_t row, int64_t rows, int64_t columns, bool relu) {
  constexpr int kWindow = F::kWindow, kTile = F::kTile;
  Vector half[kWindow][kTile];  // [column][result row]
  for (int j = 0; j < kWindow; ++j) {
    Vector d[kWindow];
    for (int i = 0; i < kWindow; ++i) d[i] = Load(m + (i * kWindow + j) * step);
    F::Output(d, half[j]);
  }
  const Vector shift = bias == nullptr ? Vector{} : Load(bias);
  for (int64_t i = 0; i < rows; ++i) {
    Vector d[kWindow], t[kTile];
    for (int j = 0; j < kWindow; ++j) d[j] = half[j][i];
    F::Output(d, t);
    for (int64_t j = 0; j < columns; ++j) {
      Vector result = t[j] + shift;
      if (add != nullptr) result += Load(add + i * row + j * kLanes);
      if (relu) {
        const Mask negative = result < 0.0f;
        result = reinterpret_cast<Vector>(reinterpret_cast<Mask>(result) & ~negative);
      }
      Store(y + i * row + j * kLanes, result);
    }
  }
}

// In double, half a vector at a time.
template <typename F>
void Weights(const float* g, float* u, int64_t step) {
  constexpr int kWindow = F::kWindow, kHalf = kLanes / 2;
  for (int h = 0; h < 2; ++h) {
    Wide columns[3][kWindow];
    for (int j = 0; j < 3; ++j) {
      Wide d[3];
      for (int i = 0; i < 3; ++i) {
        Narrow x;
        __builtin_memcpy(&x, g + (i * 3 + j) * kLanes + h * kHalf, sizeof x);
        d[i] = __builtin_convertvector(x, Wide);
      }
      F::Weights(d, columns[j]);
    }
    for (int i = 0; i < kWindow; ++i) {
      Wide d[3], t[kWindow];
      for (int j = 0; j < 3; ++j) d[j] = columns[j][i];
      F::Weights(d, t);
      for (int j = 0; j < kWindow; ++j) {
        const Narrow x = __builtin_convertvector(t[j], Narrow);
        __builtin_memcpy(u + (i * kWindow + j) * step + h * kHalf, &x, sizeof x);
      }
    }
  }
}

template <typename F>
constexpr WinogradForm kForm = {F::kTile, Input<F>, Output<F>, Weights<F>};

// Of a tile of products: a few dozen rows read their weights, which are larger than caches, once and in one stream. A vector times a number in memory is one instruction of AVX-512, two of AVX2.
constexpr int kTileRows = kLanes == 16 ? 28 : 6, kTileBlocks = kLanes == 16 ? 1 : 2;
constexpr int kFetchEvery = 4;

struct ProductTile {
  const float* v;  // the first row in the first block of channels
  int64_t v_block, in;
  const float* panel;
  float* m;
  int64_t m_block;
  const float* next;  // what the next panel's tiles will read
  int64_t lines;      // cache lines of it to fetch, for each kFetchEvery channels
};

template <int R, int V>
void Multiply(const ProductTile& t) {
  Vector sums[R][V];
#pragma GCC unroll 32
  for (int r = 0; r < R; ++r) {
    for (int b = 0; b < V; ++b) sums[r][b] = Vector{};
  }
  const float *v = t.v, *line = t.panel, *fetch = t.next;
  for (int64_t channel = 0; channel < t.in; channel += kLanes, v += t.v_block) {
#pragma GCC unroll 4
    for (int i = 0; i < kLanes; ++i, line += V * kLanes) {
      if (i % kFetchEvery == 0) {
        for (int64_t n = 0; n < t.lines; ++n, fetch += 16) __builtin_prefetch(fetch, 0, 2);
      }
      Vector weights[V];
      for (int b = 0; b < V; ++b) weights[b] = Load(line + b * kLanes);
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r) {
        const float left = v[r * kLanes + i];
        for (int b = 0; b < V; ++b) sums[r][b] += left * weights[b];
      }
    }
  }
#pragma GCC unroll 32
  for (int r = 0; r < R; ++r) {
    for (int b = 0; b < V; ++b) Store(t.m + b * t.m_block + r * kLanes, sums[r][b]);
  }
}

template <int R>
inline void Rows(int64_t rows, int64_t blocks, const ProductTile& t) {
  if constexpr (R > 0) {
    if (rows != R) return Rows<R - 1>(rows, blocks, t);
    if (blocks == kTileBlocks) return Multiply<R, kTileBlocks>(t);
    if constexpr (kTileBlocks > 1) Multiply<R, 1>(t);
  }
}

void Multiply(const WinogradProducts& p, int64_t begin, int64_t end) {
  const int64_t blocks = p.out / kLanes, panels = (blocks + kTileBlocks - 1) / kTileBlocks,
                tiles = (p.rows + kTileRows - 1) / kTileRows, block = p.rows * kLanes;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t point = i / panels, first = i % panels * kTileBlocks,
                  width = first + kTileBlocks <= blocks ? kTileBlocks : blocks - first;
    ProductTile t = {};
    t.v_block = t.m_block = block;
    t.in = p.in;
    t.panel = p.weights + (point * p.out + first * kLanes) * p.in;
    t.next = t.panel + width * kLanes * p.in;
    if (i + 1 < end) t.lines = (kFetchEvery * width * kLanes / 16 + tiles - 1) / tiles;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t row = tile * p.rows / tiles, next_row = (tile + 1) * p.rows / tiles;
      t.v = p.v + point * p.v_step + row * kLanes;
      t.m = p.m + point * p.m_step + first * block + row * kLanes;
      Rows<kTileRows>(next_row - row, width, t);
      t.next += t.lines * (p.in / kFetchEvery) * 16;
    }
  }
}

constexpr WinogradKernels kTable = {
    kLanes, kTileBlocks* kLanes, {kForm<Tile4>, kForm<Tile2>}, Multiply};

}  // namespace

const WinogradKernels& WinogradTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
