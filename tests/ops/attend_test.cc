// Attention of sizes that fill vectors, tiles and blocks of queries in part, against sums in double.
#include <algorithm>
#include <cmath>
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
  int64_t heads, sharers, queries, keys, depth, value_depth;
  Dims mask;  // empty: none
};

struct Inputs {
  explicit Inputs(const Case& c)
      : query(RandomFloats(c.heads * c.queries * c.depth, 1)),
        key(RandomFloats(c.heads / c.sharers * c.keys * c.depth, 2)),
        value(RandomFloats(c.heads / c.sharers * c.keys * c.value_depth, 3)),
        mask(RandomFloats(c.mask.empty() ? 0 : c.mask[0] * c.mask[1] * c.mask[2], 4)) {}
  std::vector<float> query, key, value, mask;
};

constexpr float kScale = 1.5f;

FloatResult Attend(const Case& c, const Inputs& in, int threads) {
  OpCase attention;
  attention.op = "ScaledDotProductAttention";
  attention.attributes = {{"scale", absl::StrCat(kScale)}};
  const int64_t own = c.heads / c.sharers;
  attention.inputs = {
      {true, false, Tensor::FromValues<float>({1, c.heads, c.queries, c.depth}, in.query)},
      {true, false, Tensor::FromValues<float>({1, own, c.keys, c.depth}, in.key)},
      {true, false, Tensor::FromValues<float>({1, own, c.keys, c.value_depth}, in.value)}};
  if (!c.mask.empty())
    attention.inputs.push_back(
        {true, false, Tensor::FromValues<float>({1, c.mask[0], c.mask[1], c.mask[2]}, in.mask)});
  runtime::SessionOptions options;
  options.threads = threads;
  return RunFloats(attention, options);
}

double At(const std::vector<float>& x, int64_t i) {
  return static_cast<double>(x[static_cast<size_t>(i)]);
}

double MaskAt(const Case& c, const Inputs& in, int64_t head, int64_t query, int64_t key) {
  if (c.mask.empty()) return 0;
  const int64_t h = head % c.mask[0], q = query % c.mask[1], k = key % c.mask[2];
  return At(in.mask, (h * c.mask[1] + q) * c.mask[2] + k);
}

void ExpectClose(const Case& c, const Inputs& in, const std::vector<float>& y) {
  ASSERT_EQ(y.size(), static_cast<size_t>(c.heads * c.queries * c.value_depth));
  for (int64_t row = 0; row < c.heads * c.queries; ++row) {
    const int64_t head = row / c.queries, first = head / c.sharers * c.keys;
    std::vector<double> weight;
    double high = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t k = 0; k < c.keys; ++k) {
      double score = 0;
      for (int64_t d = 0; d < c.depth; ++d)
        score += At(in.query, row * c.depth + d) * At(in.key, (first + k) * c.depth + d);
      score = score * static_cast<double>(kScale) + MaskAt(c, in, head, row % c.queries, k);
      weight.push_back(score);
      high = std::max(high, score);
    }
    for (double& w : weight) sum += w = std::exp(w - high);
    for (int64_t d = 0; d < c.value_depth; ++d) {
      double want = 0;
      for (int64_t k = 0; k < c.keys; ++k)
        want += weight[static_cast<size_t>(k)] * At(in.value, (first + k) * c.value_depth + d);
      ASSERT_NEAR(At(y, row * c.value_depth + d), want / sum, 1e-5) << row << ", " << d;
    }
  }
}

const Case kCases[] = {
    {3, 1, 49, 49, 32, 32, {3, 49, 49}},   // a key behind the vectors, a query behind the tiles
    {4, 2, 50, 50, 33, 20, {1, 1, 50}},    // two of them, depths that end in a vector
    {1, 1, 197, 197, 64, 64, {}},          // several blocks of queries
    {2, 1, 70, 131, 16, 100, {1, 70, 1}},  // several panels of values, a number by query
    {2, 1, 20, 33, 16, 16, {1, 20, 1}},    // a key behind the vectors and a number by query
    {6, 3, 1, 129, 64, 64, {}},            // one query
    {4, 2, 2, 50, 33, 32, {4, 2, 50}},     // two queries
    {2, 1, 1, 40, 20, 80, {1, 1, 1}},      // a query, several panels of values
    {3, 1, 2, 49, 16, 9, {}},              // values that end in a vector
    {5, 1, 3, 7, 5, 3, {5, 3, 7}},         // less than a vector of everything
    {2, 1, 66, 700, 8, 17, {2, 1, 700}},   // few queries a block
};

TEST(Attention, IsCloseToSumsInDouble) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(
        absl::StrCat(c.heads, " heads ", c.queries, "x", c.keys, "x", c.depth, "x", c.value_depth));
    const Inputs in(c);
    const FloatResult one = Attend(c, in, 1);
    EXPECT_NE(one.placement.find("cpu:attention"), std::string::npos) << one.placement;
    ExpectClose(c, in, one.y);
    for (int threads : {2, 3, 6}) EXPECT_EQ(Attend(c, in, threads).y, one.y) << threads;
  }
}

TEST(Attention, HiddenKeysDoNotCount) {
  const Case c = {1, 1, 9, 50, 32, 32, {1, 1, 50}};
  Inputs in(c), fewer(c);
  for (int64_t k = 0; k < c.keys; ++k) {
    const bool hidden = k % 3 == 0 || k > 40;
    in.mask[static_cast<size_t>(k)] = hidden ? -std::numeric_limits<float>::infinity() : 0;
    if (hidden) {
      for (int64_t d = 0; d < 32; ++d) fewer.value[static_cast<size_t>(k * 32 + d)] = 1e30f;
    }
  }
  fewer.mask = in.mask;
  const std::vector<float> y = Attend(c, in, 1).y;
  ExpectClose(c, in, y);
  EXPECT_EQ(Attend(c, fewer, 1).y, y);
}

TEST(Attention, NotFiniteQueriesStayInTheirRow) {
  const Case c = {1, 1, 20, 49, 32, 32, {}};
  const Inputs in(c);
  Inputs bad = in;
  bad.query[5 * 32] = std::nanf("");
  const std::vector<float> y = Attend(c, in, 1).y, spoilt = Attend(c, bad, 1).y;
  for (size_t i = 0; i < y.size(); ++i) {
    if (i / 32 == 5) {
      EXPECT_TRUE(std::isnan(spoilt[i])) << i;
    } else {
      EXPECT_EQ(spoilt[i], y[i]) << i;
    }
  }
}

}  // namespace
}  // namespace mirin::testing
