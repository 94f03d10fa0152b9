// Products of float32 tensors under SessionOptions::prefer_fp16: weights of 16 bits, sums of 32.
#include <cmath>
#include <cstring>

#include "core/base/half.h"
#include "gtest/gtest.h"
#include "tests/ops/run_case.h"

namespace mirin::testing {
namespace {

constexpr int64_t kDepth = 800;  // more than one block of depth

// Multiples of 1/32 below 1: exact in 16 bits, and so are their sums in 32.
std::vector<float> Exact(int64_t n, int64_t seed) {
  std::vector<float> x(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i)
    x[static_cast<size_t>(i)] = static_cast<float>((i * 37 + seed) % 63 - 31) / 32.0f;
  return x;
}

// x [rows, kDepth] times w [kDepth, columns], with ReLU.
FloatResult Multiply(int64_t rows, int64_t columns, const std::vector<float>& w, bool prefer_fp16) {
  OpCase product;
  product.op = "MatMul";
  product.inputs = {
      {true, false, Tensor::FromValues<float>({rows, kDepth}, Exact(rows * kDepth, 5))},
      {true, true, Tensor::FromValues<float>({kDepth, columns}, w)}};
  product.attributes = {{"activation", Quoted("relu")}};
  runtime::SessionOptions options;
  options.prefer_fp16 = prefer_fp16;
  options.threads = 2;
  return RunFloats(product, options);
}

class Precision : public ::testing::TestWithParam<std::pair<int64_t, int64_t>> {};

TEST_P(Precision, WeightsThatFitGiveTheSameBits) {
  const auto [rows, columns] = GetParam();
  const std::vector<float> w = Exact(kDepth * columns, 11);
  const FloatResult half = Multiply(rows, columns, w, true),
                    whole = Multiply(rows, columns, w, false);
  EXPECT_EQ(half.y, whole.y);
  const bool portable = half.placement.find("portable") != std::string::npos;
  EXPECT_EQ(half.placement.find("gemm16") != std::string::npos, !portable) << half.placement;
  EXPECT_EQ(whole.placement.find("gemm16"), std::string::npos) << whole.placement;
}

INSTANTIATE_TEST_SUITE_P(Sizes, Precision,
                         ::testing::Values(std::make_pair(1, 1), std::make_pair(1, 100),
                                           std::make_pair(3, 48), std::make_pair(9, 30),
                                           std::make_pair(40, 200), std::make_pair(64, 96)));

TEST(PrecisionOfWeights, IsThatOf16Bits) {
  const int64_t columns = 50;
  std::vector<float> w = Exact(kDepth * columns, 3);
  for (float& v : w) v *= 0.1f;
  std::vector<float> rounded = w;
  for (float& v : rounded) v = static_cast<float>(Half(v));
  const FloatResult half = Multiply(1, columns, w, true),
                    same = Multiply(1, columns, rounded, false);
  if (half.placement.find("gemm16") == std::string::npos) GTEST_SKIP() << "no 16-bit weights here";
  EXPECT_EQ(half.y, same.y);
}

TEST(PrecisionOfWeights, OneBeyond16BitsKeepsThemAll) {
  const int64_t columns = 50;
  std::vector<float> w = Exact(kDepth * columns, 3);
  w[1234] = 70000.0f;
  const FloatResult half = Multiply(2, columns, w, true), whole = Multiply(2, columns, w, false);
  EXPECT_EQ(half.y, whole.y);
  EXPECT_EQ(half.placement.find("gemm16"), std::string::npos) << half.placement;
}

}  // namespace
}  // namespace mirin::testing
