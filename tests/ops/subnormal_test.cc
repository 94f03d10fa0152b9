// Results below the smallest normal number: zeros of sums of products and of activations, themselves of all else.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/base/float_mode.h"
#include "gtest/gtest.h"
#include "tests/ops/run_case.h"

namespace mirin::testing {
namespace {

OpCase::Input Splat(const Dims& dims, float value, bool constant = false) {
  const std::vector<float> values(static_cast<size_t>(NumElements(dims)), value);
  return {true, constant, Tensor::FromValues<float>(dims, values)};
}

FloatResult RunWith(int threads, const OpCase& c) {
  runtime::SessionOptions options;
  options.threads = threads;
  const FloatMode before = ThisThreadsFloatMode();
  FloatResult result = RunFloats(c, options);
  EXPECT_EQ(ThisThreadsFloatMode(), before);
  return result;
}

void ExpectEverywhere(const OpCase& c, float value) {
  for (int threads : {1, 4}) {
    const FloatResult result = RunWith(threads, c);
    EXPECT_EQ(result.y, std::vector<float>(result.y.size(), value))
        << c.op << ", " << threads << " threads, " << result.placement;
  }
}

// The sums of 1e-42 are subnormal.
TEST(Subnormal, ProductsAreZeros) {
  for (int64_t rows : {1, 64, 128}) {
    OpCase c;
    c.op = "MatMul";
    c.inputs = {Splat({rows, 800}, 1e-21f), Splat({800, 96}, 1e-21f, true)};
    ExpectEverywhere(c, 0);
  }
}

TEST(Subnormal, ConvolutionsAreZeros) {
  struct Window {
    Dims x, w;
    std::string group = "1";
  };
  const std::vector<Window> windows = {
      {{1, 64, 28, 28}, {64, 64, 3, 3}}, {{1, 256, 14, 14}, {256, 256, 1, 1}},
      {{1, 32, 28, 28}, {32, 32, 5, 5}}, {{1, 64, 28, 28}, {64, 1, 3, 3}, "64"},
      {{1, 3, 32, 32}, {16, 3, 3, 3}},   {{1, 16, 8, 16, 16}, {16, 16, 3, 3, 3}}};
  for (const Window& window : windows) {
    OpCase c;
    c.op = window.x.size() == 4 ? "Conv2D" : "Conv3D";
    c.attributes = {{"group", window.group}};
    c.inputs = {Splat(window.x, 1e-21f), Splat(window.w, 1e-21f, true)};
    ExpectEverywhere(c, 0);
  }
}

TEST(Subnormal, ActivationsMakeNone) {
  std::vector<float> x(100'000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = -static_cast<float>(i) * 1e-3f - 10;
  for (const char* op : {"SiLU", "Sigmoid", "GeLU", "GeLUErf"}) {
    OpCase c;
    c.op = op;
    c.inputs = {{true, false, Tensor::FromValues<float>({100'000}, x)}};
    for (int threads : {1, 4}) {
      const std::vector<float> y = RunWith(threads, c).y;
      EXPECT_EQ(std::count_if(y.begin(), y.end(),
                              [](float v) { return std::fpclassify(v) == FP_SUBNORMAL; }),
                0)
          << op << ", " << threads << " threads";
    }
  }
}

TEST(Subnormal, ArithmeticAndComparisonsKeepThem) {
  const OpCase::Input tiny = Splat({100'000}, 1e-40f);
  OpCase c;
  c.op = "Add";
  c.inputs = {tiny, tiny};
  ExpectEverywhere(c, 1e-40f + 1e-40f);
  c.op = "Mul";
  c.inputs = {tiny, Splat({100'000}, 4)};
  ExpectEverywhere(c, 4 * 1e-40f);
  c.op = "Maximum";
  c.inputs = {tiny, Splat({100'000}, 0)};
  ExpectEverywhere(c, 1e-40f);
  c.op = "Sign";
  c.inputs = {tiny};
  ExpectEverywhere(c, 1);
}

}  // namespace
}  // namespace mirin::testing
