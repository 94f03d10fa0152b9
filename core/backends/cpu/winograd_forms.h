// The transforms of lines that Winograd's forms are made of; included once per instruction set, as simd_vector.h is. Matrices of Lavin and
// Gray, "Fast Algorithms for Convolutional Neural Networks", and others made likewise from the points that are named. F(m, r) is for
// m results of r taps.
#ifndef CORE_BACKENDS_CPU_WINOGRAD_FORMS_H_
#define CORE_BACKENDS_CPU_WINOGRAD_FORMS_H_

#include "core/backends/cpu/simd_math.h"

namespace mirin::cpu::MIRIN_SIMD {

typedef double Wide __attribute__((vector_size(kLanes * 4)));
typedef float HalfVector __attribute__((vector_size(kLanes * 2)));

// Weights are transformed in double, half a vector at a time.
inline Wide LoadWide(const float* x) {
  HalfVector half;
  __builtin_memcpy(&half, x, sizeof half);
  return __builtin_convertvector(half, Wide);
}
inline void StoreHalf(float* y, const Wide& x) {
  const HalfVector half = __builtin_convertvector(x, HalfVector);
  __builtin_memcpy(y, &half, sizeof half);
}

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

// Seven taps with stride 2: those of even number meet every second number of the input by F(4, 4) with 1, -1, 2, -2, 1/2, -1/2 and infinity,
// the others the rest by F(4, 3).
struct Strided7 {
  static constexpr int kTile = 4, kTaps = 7, kWindow = 13, kSide = 13;
  static inline void Input(const Vector (&d)[13], Vector (&t)[13]) {
    const auto even = [&](float near, float far) { return d[8] - near * d[4] + far * d[0]; };
    const auto odd = [&](float near, float far) { return d[10] - near * d[6] + far * d[2]; };
    const Vector a = even(4.25f, 1), b = odd(4.25f, 1), c = 2.0f * even(1.25f, 0.25f),
                 e = odd(1.25f, 0.25f), f = 0.5f * even(5, 4), g = odd(5, 4);
    t[0] = b + a;
    t[1] = b - a;
    t[2] = e + c;
    t[3] = e - c;
    t[4] = g + f;
    t[5] = g - f;
    t[6] = (d[12] - d[0]) - 5.25f * (d[8] - d[4]);
    const Vector others[6] = {d[1], d[3], d[5], d[7], d[9], d[11]};
    Vector rest[6];
    Tile4::Input(others, rest);
    for (int i = 0; i < 6; ++i) t[7 + i] = rest[i];
  }
  static inline void Output(const Vector (&m)[13], Vector (&t)[4]) {
    const Vector others[6] = {m[7], m[8], m[9], m[10], m[11], m[12]};
    Tile4::Output(others, t);
    const Vector sum1 = m[0] + m[1], difference1 = m[0] - m[1], sum2 = m[2] + m[3],
                 difference2 = m[2] - m[3], sum3 = m[4] + m[5], difference3 = m[4] - m[5];
    t[0] += sum1 + (sum2 + sum3);
    t[1] += difference1 + (2.0f * difference2 + 0.5f * difference3);
    t[2] += sum1 + (4.0f * sum2 + 0.25f * sum3);
    t[3] += difference1 + (8.0f * difference2 + 0.125f * difference3) + m[6];
  }
  static inline void Weights(const Wide (&g)[7], Wide (&t)[13]) {
    // Of taps 0, 2, 4 and 6 as coefficients of a polynomial, its value at p over the product of p's differences from the other points.
    const auto pair = [&](double p, double scale, Wide& plus, Wide& minus) {
      const Wide even = (g[0] + g[4] * (p * p)) * (1 / scale),
                 odd = (g[2] + g[6] * (p * p)) * (p / scale);
      plus = even + odd;
      minus = odd - even;
    };
    pair(1, -4.5, t[0], t[1]);
    pair(2, 45, t[2], t[3]);
    pair(0.5, 2.8125, t[4], t[5]);
    t[6] = g[6];
    const Wide others[3] = {g[1], g[3], g[5]};
    Wide rest[6];
    Tile4::Weights(others, rest);
    for (int i = 0; i < 6; ++i) t[7 + i] = rest[i];
  }
};

}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_WINOGRAD_FORMS_H_
