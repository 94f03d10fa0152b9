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

constexpr WinogradKernels kTable = {kLanes, {kForm<Tile4>, kForm<Tile2>}};

}  // namespace

const WinogradKernels& WinogradTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
