#include "core/backends/cpu/simd_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace mirin::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

double UlpOf(double x) {
  const float f = static_cast<float>(std::fabs(x));
  return static_cast<double>(std::nextafter(f, kInfinity)) - static_cast<double>(f);
}

std::vector<float> Range(double begin, double end, int n) {
  std::vector<float> x(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i)
    x[static_cast<size_t>(i)] = static_cast<float>(begin + (end - begin) * i / (n - 1));
  return x;
}

// Softmax of (0, x) is exp(x) times what it gives for 0, rounded once more each.
TEST(SimdKernels, ExpOfSoftmaxIsWithinThreeUlps) {
  double worst = 0;
  for (float x : Range(-87, 0, 200'001)) {
    const float pair[2] = {0, x};
    float y[2];
    Simd().softmax(pair, y, 2, false);
    const double exact = std::exp(static_cast<double>(x)) * static_cast<double>(y[0]);
    if (exact < 1e-37) continue;
    worst = std::max(worst, std::fabs(static_cast<double>(y[1]) - exact) / UlpOf(exact));
  }
  EXPECT_LT(worst, 3);
}

TEST(SimdKernels, SoftmaxIsZeroFarBelowAndKeepsNan) {
  const float x[] = {0, -88, -1e30f, -kInfinity};
  float y[4];
  Simd().softmax(x, y, 4, false);
  EXPECT_EQ(y[0], 1);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(y[i], 0);
  float payload;
  const uint32_t bits = 0x7fc00155;
  std::memcpy(&payload, &bits, sizeof payload);
  const float with_nan[] = {0, payload, -1};
  Simd().softmax(with_nan, y, 3, false);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(y[i]));
}

TEST(SimdKernels, GeluErfIsWithinItsBound) {
  const std::vector<float> x = Range(-12, 12, 400'003);
  std::vector<float> y(x.size());
  Simd().unary(UnaryKind::kGeluErf, x.data(), y.data(), static_cast<int64_t>(x.size()), 0);
  const bool table = std::string(Simd().name) == "avx512";
  double worst = 0, near = 0, ulps = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]), exact = 0.5 * v * std::erfc(-v * std::sqrt(0.5));
    const double error = std::fabs(static_cast<double>(y[i]) - exact);
    worst = std::max(worst, error);
    if (std::fabs(v) < 1.5) near = std::max(near, error);
    if (v > 0) ulps = std::max(ulps, error / UlpOf(exact));
  }
  EXPECT_LT(worst, table ? 2.5e-7 : 1.4e-6);
  EXPECT_LT(near, table ? 1e-7 : 2.1e-7);
  EXPECT_LT(ulps, table ? 2 : 4);
}

TEST(SimdKernels, GeluErfKeepsItsLimits) {
  const float x[] = {kInfinity, -kInfinity, 1e30f, -1e30f, 0, std::nanf("")};
  float y[6];
  Simd().unary(UnaryKind::kGeluErf, x, y, 6, 0);
  EXPECT_EQ(y[0], kInfinity);
  EXPECT_NEAR(y[1], 0, 1e-5);
  EXPECT_EQ(y[2], 1e30f);
  EXPECT_NEAR(y[3], 0, 1e-5);
  EXPECT_EQ(y[4], 0);
  EXPECT_TRUE(std::isnan(y[5]));
}

TEST(SimdKernels, SigmoidAndSiluAreWithinFourUlps) {
  const std::vector<float> x = Range(-10, 40, 400'003);
  std::vector<float> sigmoid(x.size()), silu(x.size());
  Simd().unary(UnaryKind::kSigmoid, x.data(), sigmoid.data(), static_cast<int64_t>(x.size()), 0);
  Simd().unary(UnaryKind::kSilu, x.data(), silu.data(), static_cast<int64_t>(x.size()), 0);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]), exact = 1 / (1 + std::exp(-v));
    worst = std::max(worst, std::fabs(static_cast<double>(sigmoid[i]) - exact) / UlpOf(exact));
    worst = std::max(worst, std::fabs(static_cast<double>(silu[i]) - v * exact) / UlpOf(v * exact));
  }
  EXPECT_LT(worst, 4);
}

TEST(SimdKernels, SigmoidAndSiluKeepTheirLimits) {
  const float x[] = {kInfinity, -kInfinity, 1e30f, -1e30f, 0, std::nanf("")};
  float y[6];
  Simd().unary(UnaryKind::kSigmoid, x, y, 6, 0);
  for (int i : {0, 2}) EXPECT_EQ(y[i], 1);
  for (int i : {1, 3}) EXPECT_NEAR(y[i], 0, 1e-35);
  EXPECT_EQ(y[4], 0.5f);
  EXPECT_TRUE(std::isnan(y[5]));
  Simd().unary(UnaryKind::kSilu, x, y, 6, 0);
  for (int i : {0, 2}) EXPECT_EQ(y[i], x[i]);
  for (int i : {1, 3}) EXPECT_NEAR(y[i], 0, 1e-35);
  EXPECT_EQ(y[4], 0);
  EXPECT_TRUE(std::isnan(y[5]));
}

TEST(SimdKernels, PacksByAnyStrides) {
  const int64_t columns = Simd().tile_columns;
  for (int64_t k : {1, 4, 7, 33}) {
    for (int64_t n : {int64_t{1}, int64_t{6}, columns - 1, columns, columns + 5}) {
      struct {
        int64_t row, column;
      } const kStrides[] = {{n + 2, 1}, {1, k + 3}, {2 * n, 2}};
      for (const auto& stride : kStrides) {
        const int64_t last = (k - 1) * stride.row + (n - 1) * stride.column;
        // Not aligned to a float.
        std::vector<char> bytes(static_cast<size_t>(last + 1) * 4 + 1);
        float* b = reinterpret_cast<float*>(bytes.data() + 1);
        for (int64_t i = 0; i <= last; ++i) {
          const float number = static_cast<float>(i + 1);
          std::memcpy(bytes.data() + 1 + i * 4, &number, 4);
        }
        const int64_t panels = (n + columns - 1) / columns;
        std::vector<float> packed(static_cast<size_t>(panels * columns * k), -1);
        Simd().pack_b(b, k, n, stride.row, stride.column, packed.data());
        for (int64_t j = 0; j < panels * columns; ++j) {
          for (int64_t p = 0; p < k; ++p) {
            const float want =
                j < n ? static_cast<float>(p * stride.row + j * stride.column + 1) : 0;
            ASSERT_EQ(
                packed[static_cast<size_t>(j / columns * columns * k + p * columns + j % columns)],
                want)
                << "k " << k << " n " << n << " at " << p << ", " << j;
          }
        }
      }
    }
  }
}

// One tile of rows takes a panel at a time, more take a block of the depth at a time.
TEST(SimdKernels, GemmMatchesSumsInDouble) {
  const int64_t columns = Simd().tile_columns, n = 2 * columns + 5;
  for (int64_t k : {0, 1, 7, 768, 1541}) {
    const std::vector<float> b = Range(-1, 1, static_cast<int>(k * n + 2));
    std::vector<float> packed(static_cast<size_t>(3 * columns * k + 1));
    Simd().pack_b(b.data(), k, n, n, 1, packed.data());
    for (int64_t m : {int64_t{1}, Simd().tile_rows, 2 * Simd().tile_rows + 1}) {
      for (bool backward : {false, true}) {
        const std::vector<float> a = Range(1, -1, static_cast<int>(m * k + 2)),
                                 bias = Range(0, 1, static_cast<int>(n));
        std::vector<float> c(static_cast<size_t>(m * n), -1);
        GemmArgs g = {};
        g.m = g.row_end = m;
        g.n = g.column_end = n;
        g.k = g.a_row = k;
        g.a = a.data();
        g.a_column = 1;
        g.packed_b = packed.data();
        g.c = c.data();
        g.c_row = n;
        g.bias = bias.data();
        g.backward = backward;
        Simd().gemm(g);
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            double want = static_cast<double>(bias[static_cast<size_t>(j)]), sizes = want;
            for (int64_t p = 0; p < k; ++p) {
              const double term = static_cast<double>(a[static_cast<size_t>(i * k + p)]) *
                                  static_cast<double>(b[static_cast<size_t>(p * n + j)]);
              want += term;
              sizes += std::fabs(term);
            }
            const double bound = static_cast<double>(k + 1) * 0x1p-24 * sizes;
            ASSERT_NEAR(c[static_cast<size_t>(i * n + j)], want, bound)
                << m << "x" << k << ": " << i << ", " << j;
          }
        }
      }
    }
  }
}

// A row alone and among others, in a depth of several blocks: deterministic sessions and other numbers of threads rely on it.
TEST(SimdKernels, GemmGivesARowTheSameBitsAmongOthers) {
  const int64_t columns = Simd().tile_columns, n = 2 * columns + 5, k = 1541,
                m = 5 * Simd().tile_rows + 1;
  const std::vector<float> a = Range(1, -1, static_cast<int>(m * k)),
                           b = Range(-1, 1, static_cast<int>(k * n));
  std::vector<float> packed(static_cast<size_t>(3 * columns * k));
  Simd().pack_b(b.data(), k, n, n, 1, packed.data());
  std::vector<float> together(static_cast<size_t>(m * n)), alone(together.size());
  GemmArgs g = {};
  g.m = m;
  g.n = g.column_end = n;
  g.k = g.a_row = k;
  g.a = a.data();
  g.a_column = 1;
  g.packed_b = packed.data();
  g.c_row = n;
  g.c = together.data();
  g.row_end = m;
  Simd().gemm(g);
  g.c = alone.data();
  for (int64_t i = 0; i < m; ++i) {
    g.row_begin = i;
    g.row_end = i + 1;
    Simd().gemm(g);
  }
  EXPECT_EQ(alone, together);
}

TEST(SimdKernels, LayerNormMatchesSumsInDouble) {
  for (int64_t n : {1, 15, 16, 63, 384, 1001}) {
    std::vector<float> x(static_cast<size_t>(n)), gamma(x.size()), beta(x.size()), y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>(std::sin(static_cast<double>(i) * 1.7) + 3);
      gamma[i] = 0.5f + static_cast<float>(i % 7) * 0.25f;
      beta[i] = static_cast<float>(i % 5) - 2;
    }
    double mean = 0, variance = 0;
    for (float v : x) mean += static_cast<double>(v) / static_cast<double>(n);
    for (float v : x)
      variance += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean) /
                  static_cast<double>(n);
    float got_mean, got_variance;
    Simd().layer_norm(x.data(), gamma.data(), beta.data(), y.data(), n, 1e-5f, &got_mean,
                      &got_variance);
    EXPECT_NEAR(got_mean, mean, 2e-6);
    EXPECT_NEAR(got_variance, variance, 2e-6);
    for (size_t i = 0; i < x.size(); ++i) {
      const double want = (static_cast<double>(x[i]) - mean) / std::sqrt(variance + 1e-5) *
                              static_cast<double>(gamma[i]) +
                          static_cast<double>(beta[i]);
      // The mean's rounding counts times 1 / sqrt(epsilon) when there is nothing else.
      EXPECT_NEAR(y[i], want, n == 1 ? 1e-3 : 1e-5) << n << " at " << i;
    }
  }
}

}  // namespace
}  // namespace mirin::cpu
