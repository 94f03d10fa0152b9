#include "core/backends/cpu/winograd_kernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/backends/cpu/simd_kernels.h"
#include "gtest/gtest.h"

namespace mirin::cpu {
namespace {

float Number(int64_t i) { return static_cast<float>((i * 7919 + 13) % 1009) / 512 - 1; }

// Of the points on a side, those with weights number n of it: [begin, end).
struct Points {
  Points(const WinogradForm& form, int64_t n)
      : begin(n == 0 ? 0 : n - 1 + form.shared_weights), end(n + form.shared_weights) {}
  int64_t begin, end;
};

// The largest difference from sums in double of what `m` holds for the points with some weights.
double WorstError(const WinogradProducts& p, int64_t lanes, int64_t panel, int64_t weights) {
  const WinogradForm& form = *p.form;
  const Points down(form, weights / form.weights_side()),
      across(form, weights % form.weights_side());
  double worst = 0;
  for (int64_t o = 0; o < p.out; ++o) {
    const int64_t first = o / panel * panel, width = std::min(panel, p.out - first);
    const float* line = p.weights + (weights * p.out + first) * p.in + o % panel;
    for (int64_t r = 0; r < p.rows; ++r) {
      const auto at = [&](int64_t channel) {
        return (channel / lanes * p.rows + r) * lanes + channel % lanes;
      };
      for (int64_t i = down.begin; i < down.end; ++i) {
        for (int64_t j = across.begin; j < across.end; ++j) {
          const int64_t point = i * form.side + j;
          double sum = 0;
          for (int64_t c = 0; c < p.in; ++c)
            sum += static_cast<double>(p.v[point * p.v_step + at(c)]) *
                   static_cast<double>(line[c * width]);
          const double got = static_cast<double>(p.m[point * p.m_step + at(o)]);
          worst = std::max(worst, std::fabs(got - sum));
        }
      }
    }
  }
  return worst;
}

// Rows of less than a tile and of several, results of whole panels and of a part of one, and a range that leaves panels out.
TEST(WinogradKernels, MultiplyMakesThePanelsItIsGiven) {
  const WinogradKernels* kernels = Winograd();
  if (kernels == nullptr) GTEST_SKIP() << "no blocked layout for " << Simd().name;
  const int64_t lanes = kernels->lanes;
  for (const WinogradForm& form : kernels->forms) {
    for (int64_t rows : {1, 2, 5, 6, 7, 13, 27, 28, 29, 61}) {
      for (int64_t blocks : {1, 2, 3}) {
        WinogradProducts p = {};
        p.form = &form;
        p.rows = rows;
        p.in = 2 * lanes;
        p.out = blocks * lanes;
        p.v_step = rows * p.in + 5;
        p.m_step = rows * p.out + 3;
        std::vector<float> v(static_cast<size_t>(form.points() * p.v_step)),
            weights(static_cast<size_t>(form.weights_count() * p.in * p.out));
        for (size_t i = 0; i < v.size(); ++i) v[i] = Number(static_cast<int64_t>(i));
        for (size_t i = 0; i < weights.size(); ++i)
          weights[i] = Number(static_cast<int64_t>(i) + 77);
        std::vector<float> m(static_cast<size_t>(form.points() * p.m_step), 9);
        p.v = v.data();
        p.weights = weights.data();
        p.m = m.data();
        const int64_t panels = (p.out + kernels->panel - 1) / kernels->panel;
        kernels->multiply(p, panels, form.weights_count() * panels);
        EXPECT_EQ(m[0], 9);
        for (int64_t w = 1; w < form.weights_count(); ++w)
          EXPECT_LT(WorstError(p, lanes, kernels->panel, w), 1e-4) << rows << "x" << blocks;
        kernels->multiply(p, 0, panels);
        EXPECT_LT(WorstError(p, lanes, kernels->panel, 0), 1e-4) << rows << "x" << blocks;
        for (int64_t i = 1; i <= form.points(); ++i)
          EXPECT_EQ(m[static_cast<size_t>(i * p.m_step) - 1], 9);
      }
    }
  }
}

}  // namespace
}  // namespace mirin::cpu
