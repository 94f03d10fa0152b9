// Products large enough for Strassen's algorithm, against sums in double.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/ops/run_case.h"
#include "tests/support/random.h"

namespace mirin::testing {
namespace {

struct Case {
  int64_t m, k, n;
  bool bias;
  std::string activation;
};

struct Inputs {
  explicit Inputs(const Case& c)
      : a(RandomFloats(c.m * c.k, 1)), b(RandomFloats(c.k * c.n, 2)), bias(RandomFloats(c.n, 3)) {}
  std::vector<float> a, b, bias;
};

FloatResult Multiply(const Case& c, const Inputs& in, int threads) {
  OpCase product;
  product.op = "MatMul";
  product.inputs = {{true, false, Tensor::FromValues<float>({c.m, c.k}, in.a)},
                    {true, true, Tensor::FromValues<float>({c.k, c.n}, in.b)},
                    {c.bias, true, Tensor::FromValues<float>({c.n}, in.bias)}};
  if (!c.activation.empty()) product.attributes = {{"activation", Quoted(c.activation)}};
  runtime::SessionOptions options;
  options.threads = threads;
  return RunFloats(product, options);
}

// Where AVX-512 is used.
bool IsWorthwhile(const Case& c) {
  const char* tune = std::getenv("MIRIN_TUNE");
  return c.m >= 96 || (tune != nullptr && std::string(tune) == "narrow");
}

// The row's largest number, not the matrix's: rows that meet in a sum do not spoil each other. A second level's bound is four times as large, as
// StrassenArgs says.
void ExpectClose(const Case& c, const Inputs& in, const std::vector<float>& y, int levels = 1) {
  const int factor = levels == 1 ? 1 : 4;
  ASSERT_EQ(y.size(), static_cast<size_t>(c.m * c.n));
  float weight = 0;
  for (float b : in.b) weight = std::max(weight, std::fabs(b));
  for (int64_t i = 0; i < c.m; i += 3) {
    const float* row = in.a.data() + i * c.k;
    float largest = 0;
    for (int64_t p = 0; p < c.k; ++p) largest = std::max(largest, std::fabs(row[p]));
    const double bound = factor * static_cast<double>(c.k) * 0x1p-23 *
                             static_cast<double>(largest) * static_cast<double>(weight) +
                         1e-6;
    for (int64_t j = 0; j < c.n; j += 5) {
      double want = c.bias ? static_cast<double>(in.bias[static_cast<size_t>(j)]) : 0;
      for (int64_t p = 0; p < c.k; ++p)
        want += static_cast<double>(row[p]) *
                static_cast<double>(in.b[static_cast<size_t>(p * c.n + j)]);
      if (c.activation == "relu") want = std::max(want, 0.0);
      if (c.activation == "silu") want /= 1 + std::exp(-want);
      if (c.activation == "tanh") want = std::tanh(want);
      if (c.activation == "gelu_erf") want = 0.5 * want * std::erfc(-want * std::sqrt(0.5));
      ASSERT_NEAR(y[static_cast<size_t>(i * c.n + j)], want, bound + std::fabs(want) * 0x1p-23)
          << i << ", " << j;
    }
  }
}

const Case kCases[] = {
    {48, 192, 192, false, ""},           // one block of the depth
    {49, 768, 192, true, ""},            // few rows
    {64, 96, 288, true, "relu"},         // little depth
    {128, 384, 384, true, ""},           //
    {113, 512, 200, true, "relu"},       // an odd row, columns behind the last pair
    {131, 1024, 230, true, "gelu_erf"},  // several blocks of the depth
    {113, 512, 200, true, "silu"},       //
    {113, 512, 200, true, "tanh"},       //
    {197, 384, 200, true, ""},           // tiles of unlike rows
    {300, 256, 192, false, "relu"},      // several blocks of rows
};
// Deep and wide enough for two levels: one block of the depth and several, odd numbers of rows, several blocks of them.
const Case kTwiceCases[] = {
    {96, 768, 192, true, ""},
    {128, 1536, 384, true, "relu"},
    {197, 768, 384, true, "gelu_erf"},
    {301, 1024, 768, false, ""},
};

TEST(Strassen, IsCloseToSumsInDouble) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(absl::StrCat(c.m, "x", c.k, "x", c.n, " ", c.activation));
    const Inputs in(c);
    const FloatResult one = Multiply(c, in, 1);
    EXPECT_EQ(one.placement.find("strassen") != std::string::npos,
              one.placement.find("avx512") != std::string::npos && IsWorthwhile(c))
        << one.placement;
    ExpectClose(c, in, one.y);
    // A few threads have a copy of the sums each, many share them.
    for (int threads : {2, 3, 6}) EXPECT_EQ(Multiply(c, in, threads).y, one.y) << threads;
  }
}

TEST(Strassen, TwoLevelsAreCloseToSumsInDouble) {
  for (const Case& c : kTwiceCases) {
    SCOPED_TRACE(absl::StrCat(c.m, "x", c.k, "x", c.n, " ", c.activation));
    const Inputs in(c);
    // Threads that cannot share groups of panels evenly take one level.
    for (int threads : {1, 2, 3, 6}) ExpectClose(c, in, Multiply(c, in, threads).y, 2);
  }
}

// Each thread packs rows for itself, and with fewer of the three pairs of panels is soon blocks of the depth ahead: the scales of those differ.
TEST(Strassen, ThreadsKeepTheirOwnScales) {
  const Case c = {64, 6144, 288, false, ""};
  Inputs in(c);
  for (int64_t i = 0; i < c.m; ++i) {
    for (int64_t p = 0; p < c.k; ++p)
      in.a[static_cast<size_t>(i * c.k + p)] *= std::ldexp(1.0f, static_cast<int>(p / 512) - 6);
  }
  const std::vector<float> one = Multiply(c, in, 1).y;
  ExpectClose(c, in, one);
  for (int round = 0; round < 10; ++round) ASSERT_EQ(Multiply(c, in, 2).y, one) << round;
}

struct Levels {
  Case c;
  int count;
};
const Levels kLevels[] = {{{128, 384, 192, true, ""}, 1}, {{128, 768, 192, true, ""}, 2}};

void TestLargeRows(const Case& c, int levels) {
  Inputs in(c);
  for (int64_t p = 0; p < c.k; ++p) {
    in.a[static_cast<size_t>(p)] *= 1e20f;             // row 0
    in.a[static_cast<size_t>(5 * c.k + p)] *= 1e-20f;  // row 5
    in.a[static_cast<size_t>(70 * c.k + p)] = 0;       // row 70
  }
  const std::vector<float> y = Multiply(c, in, 1).y;
  ExpectClose(c, in, y, levels);
  for (int64_t j = 0; j < c.n; ++j)
    EXPECT_EQ(y[static_cast<size_t>(70 * c.n + j)], in.bias[static_cast<size_t>(j)]);
}

TEST(Strassen, LargeRowsLeaveOthersAlone) {
  for (const Levels& l : kLevels) TestLargeRows(l.c, l.count);
}

// In the first rows that are multiplied together, in others, in the lower half.
void TestNotFinite(const Case& c, int64_t row, float bad, int threads) {
  Inputs in(c);
  in.a[static_cast<size_t>(row * c.k + 7)] = bad;
  std::vector<float> y = Multiply(c, in, threads).y;
  std::fill_n(in.a.begin() + row * c.k, c.k, 0.0f);
  for (int64_t j = 0; j < c.n; ++j) {
    float& result = y[static_cast<size_t>(row * c.n + j)];
    EXPECT_FALSE(std::isfinite(result));
    result = in.bias[static_cast<size_t>(j)];
  }
  ExpectClose(c, in, y);
}

TEST(Strassen, NotFiniteNumbersStayInTheirRow) {
  for (const Levels& l : kLevels) {
    for (float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
      for (int64_t row : {0, 45, 100}) {
        for (int threads : {1, 2, 6}) TestNotFinite(l.c, row, bad, threads);
      }
    }
  }
}

TEST(Strassen, SmallColumnsAreNotDrownedByLargeOnes) {
  const Case c = {128, 384, 192, false, ""};
  Inputs in(c);
  for (int64_t p = 0; p < c.k; ++p) {
    in.b[static_cast<size_t>(p * c.n + 20)] *= 1e-6f;
    in.b[static_cast<size_t>(p * c.n + 21)] = 0;
  }
  const FloatResult result = Multiply(c, in, 1);
  EXPECT_EQ(result.placement.find("strassen"), std::string::npos) << result.placement;
  for (int64_t i = 0; i < c.m; ++i) {
    double want = 0, magnitude = 0;
    for (int64_t p = 0; p < c.k; ++p) {
      const double product = static_cast<double>(in.a[static_cast<size_t>(i * c.k + p)]) *
                             static_cast<double>(in.b[static_cast<size_t>(p * c.n + 20)]);
      want += product;
      magnitude += std::fabs(product);
    }
    EXPECT_NEAR(result.y[static_cast<size_t>(i * c.n + 20)], want,
                magnitude * static_cast<double>(c.k) * 0x1p-24);
    EXPECT_EQ(result.y[static_cast<size_t>(i * c.n + 21)], 0);
  }
}

// Sums of them would not be finite, products of scaled rows would be lost.
TEST(Strassen, HugeAndTinyWeightsAreMultipliedAsUsual) {
  const Case c = {128, 384, 192, true, ""};
  for (float scale : {1e36f, 1e-36f}) {
    Inputs in(c);
    for (float& a : in.a) a /= scale;
    for (float& b : in.b) b *= scale;
    const FloatResult result = Multiply(c, in, 1);
    EXPECT_EQ(result.placement.find("strassen"), std::string::npos) << result.placement;
    ExpectClose(c, in, result.y);
  }
}

TEST(Strassen, NotFiniteWeightsStayInTheirColumn) {
  const Case c = {112, 192, 192, false, ""};
  Inputs in(c);
  in.b[static_cast<size_t>(100 * c.n + 10)] = std::numeric_limits<float>::infinity();
  const std::vector<float> y = Multiply(c, in, 1).y;
  for (int64_t i = 0; i < c.m; ++i) {
    for (int64_t j = 0; j < c.n; ++j)
      EXPECT_EQ(std::isfinite(y[static_cast<size_t>(i * c.n + j)]), j != 10) << i << ", " << j;
  }
}

}  // namespace
}  // namespace mirin::testing
