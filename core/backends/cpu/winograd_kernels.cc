// Compiled once per instruction set, as simd_kernels.cc.
#include "core/backends/cpu/winograd_kernels.h"

#include "core/backends/cpu/winograd_forms.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

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
      Store(y + i * row + j * kLanes, relu ? Larger(Vector{}, result) : result);
    }
  }
}

template <typename F>
void Weights(const float* g, float* u, int64_t step) {
  constexpr int kCount = F::kSide - F::kShared + 1, kHalf = kLanes / 2;
  for (int h = 0; h < 2; ++h) {
    Wide columns[3][kCount];
    for (int j = 0; j < 3; ++j) {
      Wide d[3];
      for (int i = 0; i < 3; ++i) d[i] = LoadWide(g + (i * 3 + j) * kLanes + h * kHalf);
      F::Weights(d, columns[j]);
    }
    for (int i = 0; i < kCount; ++i) {
      Wide d[3], t[kCount];
      for (int j = 0; j < 3; ++j) d[j] = columns[j][i];
      F::Weights(d, t);
      for (int j = 0; j < kCount; ++j) StoreHalf(u + (i * kCount + j) * step + h * kHalf, t[j]);
    }
  }
}

template <typename F>
constexpr WinogradForm kForm = {F::kStride, F::kTile, F::kWindow, F::kSide,
                                F::kShared, Input<F>, Output<F>,  Weights<F>};

// Of a tile of products: of few rows, as weights are larger than caches and read in one stream, but of two blocks, as numbers of rows come
// from memory too and each is then used twice.
constexpr int kTileRows = kLanes == 16 ? 14 : 6, kTileBlocks = 2;
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
