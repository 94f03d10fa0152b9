// Compiled once per instruction set, as simd_kernels.cc. Matrices of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks".
#include "core/backends/cpu/winograd_kernels.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#else
constexpr int kLanes = 8;
#endif

typedef float Vector __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef int32_t Mask __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

inline const Vector& At(const float* x) { return *reinterpret_cast<const Vector*>(x); }
inline Vector& At(float* x) { return *reinterpret_cast<Vector*>(x); }

inline void BTransposed(const Vector (&d)[6], Vector (&t)[6]) {
  const Vector a = d[4] - 4.0f * d[2], b = d[3] - 4.0f * d[1], c = d[4] - d[2],
               e = 2.0f * (d[3] - d[1]);
  t[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
  t[1] = a + b;
  t[2] = a - b;
  t[3] = c + e;
  t[4] = c - e;
  t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

inline void ATransposed(const Vector (&m)[6], Vector (&t)[4]) {
  const Vector sum12 = m[1] + m[2], difference12 = m[1] - m[2], sum34 = m[3] + m[4],
               difference34 = m[3] - m[4];
  t[0] = m[0] + sum12 + sum34;
  t[1] = difference12 + 2.0f * difference34;
  t[2] = sum12 + 4.0f * sum34;
  t[3] = difference12 + 8.0f * difference34 + m[5];
}

void Input(const float* x, int64_t row, float* v, int64_t step) {
  Vector columns[6][6];  // [column][transformed row]
  for (int j = 0; j < 6; ++j) {
    Vector d[6];
    for (int i = 0; i < 6; ++i) d[i] = At(x + i * row + j * kLanes);
    BTransposed(d, columns[j]);
  }
  for (int i = 0; i < 6; ++i) {
    Vector d[6], t[6];
    for (int j = 0; j < 6; ++j) d[j] = columns[j][i];
    BTransposed(d, t);
    for (int j = 0; j < 6; ++j) At(v + (i * 6 + j) * step) = t[j];
  }
}

void Output(const float* m, int64_t step, const float* bias, const float* add, float* y,
            int64_t row, int64_t rows, int64_t columns, bool relu) {
  Vector half[6][4];  // [column][result row]
  for (int j = 0; j < 6; ++j) {
    Vector d[6];
    for (int i = 0; i < 6; ++i) d[i] = At(m + (i * 6 + j) * step);
    ATransposed(d, half[j]);
  }
  const Vector shift = bias == nullptr ? Vector{} : At(bias);
  for (int64_t i = 0; i < rows; ++i) {
    Vector d[6], t[4];
    for (int j = 0; j < 6; ++j) d[j] = half[j][i];
    ATransposed(d, t);
    for (int64_t j = 0; j < columns; ++j) {
      Vector result = t[j] + shift;
      if (add != nullptr) result += At(add + i * row + j * kLanes);
      if (relu) {
        const Mask negative = result < 0.0f;
        result = reinterpret_cast<Vector>(reinterpret_cast<Mask>(result) & ~negative);
      }
      At(y + i * row + j * kLanes) = result;
    }
  }
}

typedef double Wide __attribute__((vector_size(kLanes * 8), aligned(8), may_alias));

inline void G(const Wide (&g)[3], Wide (&t)[6]) {
  const Wide even = (g[0] + g[2]) * (-1.0 / 6), odd = g[1] * (1.0 / 6),
             small = g[0] * (1.0 / 24) + g[2] * (1.0 / 6), half = g[1] * (1.0 / 12);
  t[0] = g[0] * 0.25;
  t[1] = even - odd;
  t[2] = even + odd;
  t[3] = small + half;
  t[4] = small - half;
  t[5] = g[2];
}

void Weights(const float* g, float* u, int64_t step) {
  Wide columns[3][6];  // [column][transformed row]
  for (int j = 0; j < 3; ++j) {
    Wide d[3];
    for (int i = 0; i < 3; ++i) d[i] = __builtin_convertvector(At(g + (i * 3 + j) * kLanes), Wide);
    G(d, columns[j]);
  }
  for (int i = 0; i < 6; ++i) {
    Wide d[3], t[6];
    for (int j = 0; j < 3; ++j) d[j] = columns[j][i];
    G(d, t);
    for (int j = 0; j < 6; ++j) At(u + (i * 6 + j) * step) = __builtin_convertvector(t[j], Vector);
  }
}

constexpr WinogradKernels kTable = {kLanes, Input, Output, Weights};

}  // namespace

const WinogradKernels& WinogradTable() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
