#include "core/converter/quantize/histogram.h"

#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace mirin::converter {
namespace {

// Normal numbers, each with its absolute value when `positive`, and one outlier.
std::vector<float> Normal(size_t n, bool positive, float outlier) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (size_t i = 0; i < n; ++i)
    values.push_back(positive ? std::fabs(normal(random)) : normal(random));
  values.push_back(outlier);
  return values;
}

Histogram Of(const std::vector<float>& values) {
  Histogram h(RangeOf(values));
  h.Add(values);
  return h;
}

TEST(RangeOf, TakesWhatIsFinite) {
  const float inf = std::numeric_limits<float>::infinity(),
              nan = std::numeric_limits<float>::quiet_NaN();
  const Range r = RangeOf({1.0f, -2.0f, inf, nan, 3.0f, -inf});
  EXPECT_EQ(r.low, -2);
  EXPECT_EQ(r.high, 3);
  EXPECT_EQ(RangeOf({nan}).high, 0);
  EXPECT_EQ(RangeOf({}).low, 0);
}

TEST(Histogram, CountsEveryNumberOnce) {
  Histogram h({0, 4}, 4);
  h.Add({0.0f, 0.5f, 1.5f, 3.99f, 4.0f, 7.0f, -1.0f, std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(h.counts(), (std::vector<double>{3, 1, 0, 3}));
}

TEST(LeastDivergence, CutsAnOutlierOff) {
  for (const bool positive : {false, true}) {
    const Range r = LeastDivergence(Of(Normal(200000, positive, 60)));
    EXPECT_LT(r.high, 10) << positive;
    EXPECT_GT(r.high, 2.5) << positive;
    EXPECT_GE(r.low, positive ? 0 : -6) << positive;
  }
}

TEST(LeastDivergence, KeepsAFlatRange) {
  std::vector<float> values;
  for (int i = 0; i <= 100000; ++i) values.push_back(static_cast<float>(i) / 50000 - 1);
  const Range r = LeastDivergence(Of(values));
  EXPECT_LT(r.low, -0.95);
  EXPECT_GT(r.high, 0.95);
}

TEST(LeastDivergence, IsNotLedAstrayByZeros) {
  std::vector<float> values = Normal(100000, true, 5);
  values.insert(values.end(), 1000000, 0.0f);
  EXPECT_GT(LeastDivergence(Of(values)).high, 2);
}

TEST(WithoutOutliers, DropsAShareOnEitherSide) {
  std::vector<float> values = Normal(200000, false, 1000);
  values.push_back(-500);
  const Range r = WithoutOutliers(Of(values));
  EXPECT_LT(r.high, 10);
  EXPECT_GT(r.low, -10);
  const Range all = WithoutOutliers(Of(values), 0);
  EXPECT_NEAR(all.high, 1000, 1);
  EXPECT_NEAR(all.low, -500, 1);
}

TEST(ScaleFor, CoversTheRangeAndZero) {
  const ByteScale positive = ScaleFor({1, 51});
  EXPECT_EQ(positive.zero, 0);
  EXPECT_FLOAT_EQ(positive.scale, 0.2f);
  const ByteScale both = ScaleFor({-1, 1});
  EXPECT_NEAR(both.zero, 127.5, 0.5);
  EXPECT_FLOAT_EQ(both.scale, 2.0f / 255);
  const ByteScale negative = ScaleFor({-51, -1});
  EXPECT_EQ(negative.zero, 255);
  EXPECT_FLOAT_EQ(negative.scale, 0.2f);
  for (const Range range : {Range{0, 0}, Range{0, 1e-45}, Range{-1e300, 1e300}}) {
    EXPECT_GT(ScaleFor(range).scale, 0);
    EXPECT_TRUE(std::isfinite(ScaleFor(range).scale));
  }
}

}  // namespace
}  // namespace mirin::converter
