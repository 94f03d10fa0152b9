// Compiled once per instruction set, as simd_kernels.cc. Matrices of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks".
#include "core/backends/cpu/winograd_kernels.h"

#include "core/backends/cpu/simd_vector.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

typedef double Wide __attribute__((vector_size(kLanes * 4)));
typedef float Narrow __attribute__((vector_size(kLanes * 2)));

// Transforms of a line of the input, of products and of weights: F(4, 3) with the points 0, 1, -1, 2, -2 and infinity.
struct Tile4 {
  static constexpr int kStride = 1, kTile = 4, kWindow = 6, kSide = 6, kShared = 1;
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

// F(2, 3) with 0, 1, -1 and infinity.
struct Tile2 {
  static constexpr int kStride = 1, kTile = 2, kWindow = 4, kSide = 4, kShared = 1;
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

// Stride 2: numbers that meet the middle tap, then F(4, 2) with 0, 1, -1, 2 and infinity of those that meet the outer ones.
struct Strided4 {
  static constexpr int kStride = 2, kTile = 4, kWindow = 9, kSide = 9, kShared = 4;
  static inline void Input(const Vector (&d)[9], Vector (&t)[9]) {
    for (int i = 0; i < 4; ++i) t[i] = d[2 * i + 1];
    const Vector a = d[6] - d[2], b = d[4] - d[2];
    t[4] = a + 2.0f * (d[0] - d[4]);
    t[5] = a - (d[2] + d[4]);
    t[6] = a - 3.0f * b;
    t[7] = a;
    t[8] = d[8] - d[4] - 2.0f * a;
  }
  static inline void Output(const Vector (&m)[9], Vector (&t)[4]) {
    const Vector sum = m[5] + m[6], difference = m[5] - m[6];
    t[0] = m[0] + (m[4] + sum + m[7]);
    t[1] = m[1] + (difference + 2.0f * m[7]);
    t[2] = m[2] + (sum + 4.0f * m[7]);
    t[3] = m[3] + (difference + 8.0f * m[7] + m[8]);
  }
  static inline void Weights(const Wide (&g)[3], Wide (&t)[6]) {
    t[0] = g[1];
    t[1] = g[0] * 0.5;
    t[2] = (g[0] + g[2]) * -0.5;
    t[3] = (g[2] - g[0]) * (1.0 / 6);
    t[4] = g[0] * (1.0 / 6) + g[2] * (1.0 / 3);
    t[5] = g[2];
  }
};

// F(2, 2) with 0, 1 and infinity.
struct Strided2 {
  static constexpr int kStride = 2, kTile = 2, kWindow = 5, kSide = 5, kShared = 2;
  static inline void Input(const Vector (&d)[5], Vector (&t)[5]) {
    t[0] = d[1];
    t[1] = d[3];
    t[2] = d[0] - d[2];
    t[3] = d[2];
    t[4] = d[4] - d[2];
  }
  static inline void Output(const Vector (&m)[5], Vector (&t)[2]) {
    t[0] = m[0] + (m[2] + m[3]);
    t[1] = m[1] + (m[3] + m[4]);
  }
  static inline void Weights(const Wide (&g)[3], Wide (&t)[4]) {
    t[0] = g[1];
    t[1] = g[0];
    t[2] = g[0] + g[2];
    t[3] = g[2];
  }
};

template <typename F>
void Input(const float* x, int64_t row, float* v, int64_t step) {
  constexpr int kWindow = F::kWindow, kSide = F::kSide;
  Vector columns[kWindow][kSide];  // [column][transformed row]
  for (int j = 0; j < kWindow; ++j) {
    Vector d[kWindow];
    for (int i = 0; i < kWindow; ++i) d[i] = Load(x + i * row + j * kLanes);
    F::Input(d, columns[j]);
  }
  for (int i = 0; i < kSide; ++i) {
    Vector d[kWindow], t[kSide];
    for (int j = 0; j < kWindow; ++j) d[j] = columns[j][i];
    F::Input(d, t);
    for (int j = 0; j < kSide; ++j) Store(v + (i * kSide + j) * step, t[j]);
  }
}

template <typename F>
void Output(const float* m, int64_t step, const float* bias, const float* add, float* y,
            int64_t row, int64_t rows, int64_t columns, bool relu) {
  constexpr int kSide = F::kSide, kTile = F::kTile;
  Vector half[kSide][kTile];  // [column][result row]
  for (int j = 0; j < kSide; ++j) {
    Vector d[kSide];
    for (int i = 0; i < kSide; ++i) d[i] = Load(m + (i * kSide + j) * step);
    F::Output(d, half[j]);
  }
  const Vector shift = bias == nullptr ? Vector{} : Load(bias);
  for (int64_t i = 0; i < rows; ++i) {
    Vector d[kSide], t[kTile];
    for (int j = 0; j < kSide; ++j) d[j] = half[j][i];
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
  constexpr int kCount = F::kSide - F::kShared + 1, kHalf = kLanes / 2;
  for (int h = 0; h < 2; ++h) {
    Wide columns[3][kCount];
    for (int j = 0; j < 3; ++j) {
      Wide d[3];
      for (int i = 0; i < 3; ++i) {
        Narrow x;
        __builtin_memcpy(&x, g + (i * 3 + j) * kLanes + h * kHalf, sizeof x);
        d[i] = __builtin_convertvector(x, Wide);
      }
      F::Weights(d, columns[j]);
    }
    for (int i = 0; i < kCount; ++i) {
      Wide d[3], t[kCount];
      for (int j = 0; j < 3; ++j) d[j] = columns[j][i];
      F::Weights(d, t);
      for (int j = 0; j < kCount; ++j) {
        const Narrow x = __builtin_convertvector(t[j], Narrow);
        __builtin_memcpy(u + (i * kCount + j) * step + h * kHalf, &x, sizeof x);
      }
    }
  }
}

template <typename F>
constexpr WinogradForm kForm = {F::kStride, F::kTile, F::kWindow, F::kSide,
                                F::kShared, Input<F>, Output<F>,  Weights<F>};

// Of a tile of products: a few dozen rows read their weights, which are larger than caches, once and in one stream. A vector times a
// number in memory is one instruction of AVX-512, two of AVX2.
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

// All rows of a point in one panel. Each tile fetches as much of the next panel as its own share.
void MultiplyPoint(const WinogradProducts& p, int64_t point, int64_t first, int64_t blocks,
                   const float* fetch_end, ProductTile* t) {
  const int64_t tiles = (p.rows + kTileRows - 1) / kTileRows;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t row = i * p.rows / tiles, next_row = (i + 1) * p.rows / tiles;
    t->v = p.v + point * p.v_step + row * kLanes;
    t->m = p.m + point * p.m_step + first * t->m_block + row * kLanes;
    if (t->next >= fetch_end) t->lines = 0;
    Rows<kTileRows>(next_row - row, blocks, *t);
    t->next += t->lines * (p.in / kFetchEvery) * 16;
  }
}

void Multiply(const WinogradProducts& p, int64_t begin, int64_t end) {
  const WinogradForm& form = *p.form;
  const int64_t blocks = p.out / kLanes, panels = (blocks + kTileBlocks - 1) / kTileBlocks,
                tiles = (p.rows + kTileRows - 1) / kTileRows, shared = form.shared_weights;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t weights = i / panels, first = i % panels * kTileBlocks,
                  width = first + kTileBlocks <= blocks ? kTileBlocks : blocks - first;
    // The points with these weights: [point_row, row_end) x [point_column, column_end).
    const int64_t down = weights / form.weights_side(), across = weights % form.weights_side(),
                  row_end = down + shared, column_end = across + shared,
                  point_row = down == 0 ? 0 : row_end - 1,
                  point_column = across == 0 ? 0 : column_end - 1,
                  points = (row_end - point_row) * (column_end - point_column);
    ProductTile t = {};
    t.v_block = t.m_block = p.rows * kLanes;
    t.in = p.in;
    t.panel = p.weights + (weights * p.out + first * kLanes) * p.in;
    t.next = t.panel + width * kLanes * p.in;
    const float* fetch_end = i + 1 < end ? t.next + width * kLanes * p.in : t.next;
    t.lines = (kFetchEvery * width * kLanes / 16 + points * tiles - 1) / (points * tiles);
    for (int64_t r = point_row; r < row_end; ++r) {
      for (int64_t c = point_column; c < column_end; ++c)
        MultiplyPoint(p, r * form.side + c, first, width, fetch_end, &t);
    }
  }
}

constexpr WinogradKernels kTable = {kLanes,
                                    kTileBlocks* kLanes,
                                    {kForm<Tile4>, kForm<Tile2>, kForm<Strided4>, kForm<Strided2>},
                                    Multiply};

}  // namespace

const WinogradKernels& WinogradTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
