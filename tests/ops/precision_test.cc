// Products of float32 tensors under SessionOptions::prefer_fp16: weights of 16 bits, sums of 32.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/base/half.h"
#include "gtest/gtest.h"
#include "tests/ops/run_case.h"
#include "tests/support/random.h"

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

// x [rows, kDepth] times w [kDepth, columns].
FloatResult Multiply(int64_t rows, int64_t columns, const std::vector<float>& x,
                     const std::vector<float>& w, const std::string& activation, bool prefer_fp16) {
  OpCase product;
  product.op = "MatMul";
  product.inputs = {{true, false, Tensor::FromValues<float>({rows, kDepth}, x)},
                    {true, true, Tensor::FromValues<float>({kDepth, columns}, w)}};
  product.attributes = {{"activation", Quoted(activation)}};
  runtime::SessionOptions options;
  options.prefer_fp16 = prefer_fp16;
  options.threads = 2;
  return RunFloats(product, options);
}

// The same of exact numbers, with ReLU.
FloatResult Multiply(int64_t rows, int64_t columns, const std::vector<float>& w, bool prefer_fp16) {
  return Multiply(rows, columns, Exact(rows * kDepth, 5), w, "relu", prefer_fp16);
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
                                           std::make_pair(40, 200), std::make_pair(64, 96),
                                           std::make_pair(64, 200), std::make_pair(79, 400),
                                           std::make_pair(300, 288)));

// Products of many rows, by three parts of 8 bits where the CPU multiplies those.
class ManyRows : public ::testing::Test {
 protected:
  static constexpr int64_t kRows = 79, kColumns = 400;

  ManyRows() {
    for (float& v : w_) v = std::nearbyint(v * 1024) / 1024;  // fits 16 bits
  }
  void ExpectClose(const std::vector<float>& y, int64_t row) const {
    for (int64_t j = 0; j < kColumns; j += 7) {
      double want = 0, absolute = 0;
      for (int64_t p = 0; p < kDepth; ++p) {
        const double product = static_cast<double>(x_[static_cast<size_t>(row * kDepth + p)]) *
                               static_cast<double>(w_[static_cast<size_t>(p * kColumns + j)]);
        want += product;
        absolute += std::fabs(product);
      }
      ASSERT_NEAR(y[static_cast<size_t>(row * kColumns + j)], want, absolute * 0x1p-22)
          << row << ", " << j;
    }
  }
  std::vector<float> Run() const { return Multiply(kRows, kColumns, x_, w_, "", true).y; }

  std::vector<float> x_ = RandomFloats(kRows * kDepth, 1), w_ = RandomFloats(kDepth * kColumns, 2);
};

TEST_F(ManyRows, ErrorsAreThoseOfFloat32) {
  const std::vector<float> y = Run();
  for (int64_t i = 0; i < kRows; ++i) ExpectClose(y, i);
}

TEST_F(ManyRows, HugeTinyAndZeroRowsAreExact) {
  for (int64_t p = 0; p < kDepth; ++p) {
    x_[static_cast<size_t>(3 * kDepth + p)] *= 1e30f;
    x_[static_cast<size_t>(40 * kDepth + p)] *= 1e-30f;
    x_[static_cast<size_t>(78 * kDepth + p)] = 0;
  }
  const std::vector<float> y = Run();
  for (int64_t i = 0; i < kRows; ++i) ExpectClose(y, i);
}

TEST_F(ManyRows, NotFiniteNumbersStayInTheirRow) {
  for (float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const float good = std::exchange(x_[40 * kDepth + 5], bad);
    const std::vector<float> y = Run();
    x_[40 * kDepth + 5] = good;
    for (int64_t i = 0; i < kRows; ++i) {
      if (i != 40) ExpectClose(y, i);
    }
    for (int64_t j = 0; j < kColumns; ++j)
      EXPECT_FALSE(std::isfinite(y[static_cast<size_t>(40 * kColumns + j)])) << j;
  }
}

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
