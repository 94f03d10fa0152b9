// Compiled once per instruction set, as simd_kernels.cc.
#include "core/backends/cpu/row_winograd_kernels.h"

#include "core/backends/cpu/winograd_forms.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

using Form = Strided7;
constexpr int kPhases = 2 * Form::kTile;
// Of a product: as many as registers hold beside the weights.
constexpr int kTileRows = kLanes == 16 ? 28 : 12;

void Input(const float* line, int64_t tiles, float* phases, float* v, int64_t step) {
  constexpr int64_t kBeyond = (Form::kWindow - 1) / kPhases;
  const int64_t phase = step + kLanes;
  for (int64_t t = 0; t < tiles + kBeyond; ++t) {
    for (int j = 0; j < kPhases; ++j) phases[j * phase + t] = line[t * kPhases + j];
  }
  for (int64_t t = 0; t < tiles; t += kLanes) {
    Vector d[Form::kWindow], points[Form::kSide];
    for (int j = 0; j < Form::kWindow; ++j)
      d[j] = Load(phases + j % kPhases * phase + t + j / kPhases);
    Form::Input(d, points);
    for (int p = 0; p < Form::kSide; ++p) Store(v + p * step + t, points[p]);
  }
}

void Weights(const float* g, float* u, int64_t step) {
  constexpr int kHalf = kLanes / 2;
  for (int h = 0; h < 2; ++h) {
    Wide taps[Form::kTaps], points[Form::kSide];
    for (int k = 0; k < Form::kTaps; ++k) taps[k] = LoadWide(g + k * kLanes + h * kHalf);
    Form::Weights(taps, points);
    for (int p = 0; p < Form::kSide; ++p) StoreHalf(u + p * step + h * kHalf, points[p]);
  }
}

// R tiles' sums of products for a point.
template <int R>
void Multiply(const RowWinogradArgs& g, const float* v, const float* weights, float* m) {
  Vector sums[R];
#pragma GCC unroll 32
  for (int r = 0; r < R; ++r) sums[r] = Vector{};
  for (int64_t c = 0; c < g.channels; ++c) {
    const float* line = v + c * g.v_channel;
    for (int k = 0; k < Form::kTaps; ++k, line += g.v_line, weights += kLanes) {
      const Vector w = Load(weights);
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r) sums[r] += line[r] * w;
    }
  }
#pragma GCC unroll 32
  for (int r = 0; r < R; ++r) Store(m + r * kLanes, sums[r]);
}

template <int R>
inline void Tiles(int64_t tiles, const RowWinogradArgs& g, const float* v, const float* weights,
                  float* m) {
  if constexpr (R > 0) {
    if (tiles != R) return Tiles<R - 1>(tiles, g, v, weights, m);
    Multiply<R>(g, v, weights, m);
  }
}

void Output(const RowWinogradArgs& g) {
  const Vector shift = g.bias == nullptr ? Vector{} : Load(g.bias);
  for (int64_t t = 0; t < g.tiles; ++t) {
    Vector points[Form::kSide], results[Form::kTile];
    for (int p = 0; p < Form::kSide; ++p) points[p] = Load(g.m + (p * g.tiles + t) * kLanes);
    Form::Output(points, results);
    const int64_t first = t * Form::kTile;
    for (int i = 0; i < Form::kTile && first + i < g.columns; ++i) {
      Vector result = results[i] + shift;
      if (g.add != nullptr) result += Load(g.add + (first + i) * kLanes);
      Store(g.y + (first + i) * kLanes, g.relu ? Larger(Vector{}, result) : result);
    }
  }
}

void Row(const RowWinogradArgs& g) {
  const int64_t pieces = (g.tiles + kTileRows - 1) / kTileRows;
  for (int p = 0; p < Form::kSide; ++p) {
    // Results are more than caches hold: their places come while products are made.
    for (int64_t i = p * g.columns / Form::kSide; i < (p + 1) * g.columns / Form::kSide; ++i)
      __builtin_prefetch(g.y + i * kLanes, 1, 3);
    const float* weights = g.weights + p * g.channels * Form::kTaps * kLanes;
    for (int64_t i = 0; i < pieces; ++i) {
      const int64_t first = i * g.tiles / pieces, next = (i + 1) * g.tiles / pieces;
      Tiles<kTileRows>(next - first, g, g.v + p * g.v_step + first, weights,
                       g.m + (p * g.tiles + first) * kLanes);
    }
  }
  Output(g);
}

constexpr RowWinogradKernels kTable = {kLanes, Form::kTile, Form::kSide, Form::kWindow,
                                       Input,  Weights,     Row};

}  // namespace

const RowWinogradKernels& RowWinogradTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
