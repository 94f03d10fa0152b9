#include "core/backends/cpu/winograd_kernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/backends/cpu/simd_kernels.h"
#include "gtest/gtest.h"

namespace mirin::cpu {
namespace {

float Number(int64_t i) { return static_cast<float>((i * 7919 + 13) % 1009) / 512 - 1; }

// One point of the products, channel by channel, and the largest difference from what `m` holds.
double WorstError(const WinogradProducts& p, int64_t lanes, int64_t panel, int64_t point) {
  double worst = 0;
  for (int64_t o = 0; o < p.out; ++o) {
    const int64_t first = o / panel * panel, width = std::min(panel, p.out - first);
    const float* weights = p.weights + (point * p.out + first) * p.in + o % panel;
    for (int64_t r = 0; r < p.rows; ++r) {
      const auto at = [&](int64_t channel) {
        return (channel / lanes * p.rows + r) * lanes + channel % lanes;
      };
      double sum = 0;
      for (int64_t i = 0; i < p.in; ++i)
        sum += static_cast<double>(p.v[point * p.v_step + at(i)]) *
               static_cast<double>(weights[i * width]);
      worst = std::max(worst,
                       std::fabs(static_cast<double>(p.m[point * p.m_step + at(o)]) - sum));
    }
  }
  return worst;
}

// Rows of less than a tile and of several, results of whole panels and of a part of one, and ranges that leave panels out.
TEST(WinogradKernels, MultiplyMakesThePanelsItIsGiven) {
  const WinogradKernels* kernels = Winograd();
  if (kernels == nullptr) GTEST_SKIP() << "no blocked layout for " << Simd().name;
  const int64_t lanes = kernels->lanes, points = 3;
  for (int64_t rows : {1, 2, 5, 6, 7, 13, 27, 28, 29, 61}) {
    for (int64_t blocks : {1, 2, 3}) {
      WinogradProducts p = {};
      p.rows = rows;
      p.in = 3 * lanes;
      p.out = blocks * lanes;
      p.v_step = rows * p.in + 5;
      p.m_step = rows * p.out + 3;
      std::vector<float> v(static_cast<size_t>(points * p.v_step)),
          weights(static_cast<size_t>(points * p.in * p.out));
      for (size_t i = 0; i < v.size(); ++i) v[i] = Number(static_cast<int64_t>(i));
      for (size_t i = 0; i < weights.size(); ++i) weights[i] = Number(static_cast<int64_t>(i) + 77);
      std::vector<float> m(static_cast<size_t>(points * p.m_step), 9);
      p.v = v.data();
      p.weights = weights.data();
      p.m = m.data();
      const int64_t panels = (p.out + kernels->panel - 1) / kernels->panel;
      kernels->multiply(p, panels, 2 * panels);
      EXPECT_LT(WorstError(p, lanes, kernels->panel, 1), 1e-4) << rows << "x" << blocks;
      EXPECT_EQ(m[static_cast<size_t>(p.m_step) - 1], 9);
      EXPECT_EQ(m[static_cast<size_t>(2 * p.m_step)], 9);
      kernels->multiply(p, 0, panels);
      kernels->multiply(p, 2 * panels, 3 * panels);
      EXPECT_LT(WorstError(p, lanes, kernels->panel, 0), 1e-4) << rows << "x" << blocks;
      EXPECT_LT(WorstError(p, lanes, kernels->panel, 2), 1e-4) << rows << "x" << blocks;
    }
  }
}

}  // namespace
}  // namespace mirin::cpu
