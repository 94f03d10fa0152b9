// Convolutions on the kernels of our own, against sums in double.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/ops/run_case.h"
#include "tests/support/random.h"

namespace mirin::testing {
namespace {

struct Case {
  int64_t batch, in, out, height, width;
  std::vector<int64_t> pads;  // top, bottom, left, right
  bool bias, residual;
  std::string activation;
  int64_t window = 3, stride = 1, dilation = 1, group = 1;
  std::string kernel = "winograd";
  bool deterministic = false;

  int64_t Results(int64_t size) const { return (size - (window - 1) * dilation - 1) / stride + 1; }
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.kernel << ' ' << c.batch << 'x' << c.in << 'x' << c.height << 'x' << c.width << " to "
       << c.out << ", window " << c.window << ", stride " << c.stride << ", dilation " << c.dilation
       << ", group " << c.group << ", pads " << ::testing::PrintToString(c.pads) << ' '
       << c.activation;
}

struct Inputs {
  explicit Inputs(const Case& c)
      : out_height(c.Results(c.height + c.pads[0] + c.pads[1])),
        out_width(c.Results(c.width + c.pads[2] + c.pads[3])),
        x(RandomFloats(c.batch * c.in * c.height * c.width, 1)),
        w(RandomFloats(c.out * c.in / c.group * c.window * c.window, 2)),
        bias(RandomFloats(c.out, 3)),
        residual(RandomFloats(c.batch * c.out * out_height * out_width, 4)) {}
  int64_t out_height, out_width;
  std::vector<float> x, w, bias, residual;
};

FloatResult Convolve(const Case& c, const Inputs& in, int threads) {
  const Dims result = {c.batch, c.out, in.out_height, in.out_width};
  OpCase conv;
  conv.op = "Conv2D";
  conv.inputs = {
      {true, false, Tensor::FromValues<float>({c.batch, c.in, c.height, c.width}, in.x)},
      {true, true, Tensor::FromValues<float>({c.out, c.in / c.group, c.window, c.window}, in.w)},
      {c.bias, true, Tensor::FromValues<float>({c.out}, in.bias)}};
  if (c.residual)
    conv.inputs.push_back({true, false, Tensor::FromValues<float>(result, in.residual)});
  const auto list = [](const std::vector<int64_t>& values) {
    return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
  };
  conv.attributes = {{"pad_mode", Quoted("pad")},
                     {"pad", list(c.pads)},
                     {"stride", list({c.stride, c.stride})},
                     {"dilation", list({c.dilation, c.dilation})},
                     {"group", absl::StrCat(c.group)}};
  if (!c.activation.empty()) conv.attributes.emplace_back("activation", Quoted(c.activation));
  runtime::SessionOptions options;
  options.threads = threads;
  options.deterministic = c.deterministic;
  const FloatResult got = RunFloats(conv, options);
  EXPECT_EQ(got.dims, result);
  return got;
}

// Every CPU with AVX2 takes the kernel for these shapes, Strassen's where AVX-512 is used.
bool IsExpected(const Case& c, const FloatResult& r) {
  const bool taken = r.placement.find("cpu:" + c.kernel) != std::string::npos;
  if (c.kernel == "strassen") {
    EXPECT_EQ(taken, r.placement.find("avx512") != std::string::npos) << r.placement;
    return taken;
  }
  EXPECT_EQ(taken, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("f16c"))
      << r.placement;
  return taken;
}

double Activate(const std::string& activation, double v) {
  return activation == "relu"     ? std::max(v, 0.0)
         : activation == "relu6"  ? std::min(std::max(v, 0.0), 6.0)
         : activation == "hswish" ? v * std::min(std::max(v + 3, 0.0), 6.0) / 6
         : activation == "silu"   ? v / (1 + std::exp(-v))
                                  : v;
}

class Convolution : public ::testing::TestWithParam<Case> {};

// Parts of the sum of absolute products: for Winograd what winograd.cc promises, with room for the transforms of long sums.
double Tolerance(const Case& c) { return c.kernel == "winograd" ? 2e-6 : 1e-6; }

TEST_P(Convolution, IsTheSumOfProducts) {
  const Case& c = GetParam();
  const Inputs in(c);
  const FloatResult got = Convolve(c, in, 1);
  if (!IsExpected(c, got))
    GTEST_SKIP() << "no such kernel for this instruction set: " << got.placement;
  double worst = 0;
  size_t at = 0;
  for (int64_t n = 0; n < c.batch; ++n) {
    for (int64_t o = 0; o < c.out; ++o) {
      for (int64_t i = 0; i < in.out_height; ++i) {
        for (int64_t j = 0; j < in.out_width; ++j, ++at) {
          double sum = c.bias ? in.bias[static_cast<size_t>(o)] : 0, absolute = 0;
          const int64_t channels = c.in / c.group, first = o / (c.out / c.group) * channels;
          for (int64_t k = 0; k < channels; ++k) {
            for (int64_t p = 0; p < c.window * c.window; ++p) {
              const int64_t row = i * c.stride - c.pads[0] + p / c.window * c.dilation,
                            column = j * c.stride - c.pads[2] + p % c.window * c.dilation;
              if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
              const double product =
                  static_cast<double>(
                      in.w[static_cast<size_t>((o * channels + k) * c.window * c.window + p)]) *
                  in.x[static_cast<size_t>(((n * c.in + first + k) * c.height + row) * c.width +
                                           column)];
              sum += product;
              absolute += std::abs(product);
            }
          }
          if (c.residual) sum += in.residual[at];
          absolute = std::max(absolute, 1.0);  // a window in the padding has no products
          worst = std::max(worst, std::abs(got.y[at] - Activate(c.activation, sum)) / absolute);
        }
      }
    }
  }
  EXPECT_LE(worst, Tolerance(c));
}

TEST_P(Convolution, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Case& c = GetParam();
  const Inputs in(c);
  const FloatResult one = Convolve(c, in, 1);
  if (!IsExpected(c, one))
    GTEST_SKIP() << "no such kernel for this instruction set: " << one.placement;
  EXPECT_EQ(Convolve(c, in, 2).y, one.y);
  EXPECT_EQ(Convolve(c, in, 4).y, one.y);
}

INSTANTIATE_TEST_SUITE_P(
    Winograd, Convolution,
    ::testing::Values(Case{1, 32, 32, 14, 14, {1, 1, 1, 1}, true, false, "relu"},
                      Case{1, 64, 48, 17, 13, {1, 1, 1, 1}, false, false, ""},
                      Case{2, 32, 64, 9, 22, {0, 2, 2, 0}, true, true, "relu"},
                      Case{3, 48, 32, 7, 7, {1, 1, 1, 1}, true, true, "relu6"},
                      Case{1, 32, 32, 40, 36, {0, 0, 0, 0}, true, false, ""},
                      Case{13, 32, 32, 3, 4, {1, 1, 1, 1}, false, false, ""},
                      Case{1, 64, 32, 7, 7, {1, 1, 1, 1}, true, true, "relu"},
                      Case{1, 32, 80, 6, 8, {1, 1, 1, 1}, true, false, "silu"},
                      Case{2, 32, 32, 5, 5, {1, 1, 1, 1}, false, true, ""},
                      Case{1, 128, 128, 33, 30, {1, 1, 1, 1}, true, true, ""},
                      // Parts of blocks, which stay zero beside the last channel.
                      Case{1, 24, 40, 20, 19, {1, 1, 1, 1}, true, false, "relu"},
                      Case{2, 40, 24, 15, 16, {1, 1, 1, 1}, false, true, "hswish"},
                      Case{1, 57, 100, 14, 14, {1, 1, 1, 1}, true, true, ""},
                      Case{1, 16, 16, 30, 34, {1, 1, 1, 1}, true, false, "silu"}));

// Of a block and more each.
Case Grouped(Case c, int64_t group, int64_t stride) {
  c.group = group;
  c.stride = stride;
  return c;
}

INSTANTIATE_TEST_SUITE_P(
    GroupedWinograd, Convolution,
    ::testing::Values(Grouped({1, 64, 96, 13, 14, {1, 1, 1, 1}, true, true, "relu"}, 2, 1),
                      Grouped({2, 128, 64, 12, 17, {1, 1, 1, 1}, false, false, ""}, 4, 1),
                      Grouped({1, 192, 192, 28, 28, {1, 1, 1, 1}, true, true, "relu"}, 3, 2),
                      Grouped({3, 96, 192, 7, 7, {1, 1, 1, 1}, true, false, "relu6"}, 6, 1)));

Case Strided(Case c) {
  c.stride = 2;
  return c;
}

INSTANTIATE_TEST_SUITE_P(
    StridedWinograd, Convolution,
    ::testing::Values(
        // Whole tiles of 4x4 and parts of one, images of even and odd sizes, any padding.
        Strided({1, 64, 64, 56, 56, {1, 1, 1, 1}, true, false, "relu"}),
        Strided({1, 64, 48, 33, 31, {1, 1, 1, 1}, false, false, ""}),
        Strided({1, 32, 32, 32, 33, {0, 1, 0, 1}, true, true, "relu"}),
        Strided({1, 96, 64, 34, 47, {1, 0, 1, 0}, true, true, "silu"}),
        Strided({3, 32, 64, 17, 17, {0, 0, 0, 0}, true, true, "relu6"}),
        Strided({2, 48, 48, 29, 30, {2, 1, 2, 2}, true, false, ""}),
        Strided({1, 72, 88, 40, 44, {1, 1, 1, 1}, true, true, "relu"}),
        // Of 2x2.
        Strided({1, 128, 128, 28, 28, {1, 1, 1, 1}, true, true, "relu"}),
        Strided({4, 128, 64, 7, 11, {1, 1, 1, 1}, false, false, ""}),
        Strided({1, 256, 96, 13, 12, {0, 1, 1, 0}, true, false, "hswish"}),
        // Weights for more panels and tiles than threads.
        Strided({2, 128, 160, 64, 60, {1, 1, 1, 1}, true, true, "relu"})));

// One case a kind: window, stride, dilation, group. Deterministic sessions leave out Winograd's forms, which would take some of the windows.
Case Direct(Case c, int64_t window, int64_t stride, int64_t dilation = 1, int64_t group = 1) {
  c.window = window;
  c.stride = stride;
  c.dilation = dilation;
  c.group = group;
  c.kernel = "direct";
  c.deterministic = window == 3;
  return c;
}

// An image's first convolution.
Case Stem(Case c) {
  c = Direct(c, 7, 2);
  c.kernel = "row_winograd";
  return c;
}

INSTANTIATE_TEST_SUITE_P(
    RowWinograd, Convolution,
    ::testing::Values(
        // Tiles that fill rows, and that do not; bands of fewer rows; any padding, and more image than windows.
        Stem({1, 3, 64, 112, 112, {3, 3, 3, 3}, true, false, "relu"}),
        Stem({1, 3, 16, 65, 67, {3, 3, 3, 3}, false, false, ""}),
        Stem({3, 1, 32, 40, 90, {2, 3, 2, 3}, true, true, "relu"}),
        Stem({2, 4, 48, 30, 150, {0, 0, 0, 0}, true, false, "silu"}),
        Stem({1, 2, 32, 7, 250, {5, 1, 6, 0}, true, true, "hswish"}),
        Stem({1, 3, 32, 37, 500, {3, 2, 1, 4}, true, true, "relu6"})));

Case Depthwise(Case c, int64_t window, int64_t stride, int64_t dilation = 1) {
  c = Direct(c, window, stride, dilation, c.in);
  c.kernel = "depthwise";
  c.deterministic = false;
  return c;
}

Case Strassen(Case c, int64_t stride) {
  c = Direct(c, 1, stride);
  c.kernel = "strassen";
  return c;
}

const Case kStrassenImage = Strassen({1, 192, 192, 7, 8, {0, 0, 0, 0}, true, false, ""}, 1);

INSTANTIATE_TEST_SUITE_P(
    Strassen, Convolution,
    ::testing::Values(
        // Panels of three vectors and of two, odd numbers of results, several blocks of the depth and of rows, several images.
        Strassen({1, 192, 192, 7, 8, {0, 0, 0, 0}, true, false, "relu"}, 1),
        Strassen({1, 128, 256, 7, 7, {0, 0, 0, 0}, true, true, ""}, 1),
        Strassen({2, 128, 320, 9, 11, {0, 0, 0, 0}, false, true, "relu"}, 1),
        Strassen({1, 1024, 256, 7, 9, {0, 0, 0, 0}, true, true, "relu6"}, 1),
        Strassen({1, 96, 384, 18, 31, {0, 0, 0, 0}, true, true, "relu"}, 1),
        Strassen({1, 256, 192, 49, 24, {0, 0, 0, 0}, true, false, ""}, 1),
        // Activations of whole tiles; strides that leave something out.
        Strassen({1, 128, 256, 7, 7, {0, 0, 0, 0}, true, true, "silu"}, 1),
        Strassen({1, 192, 384, 7, 11, {0, 0, 0, 0}, true, false, "hswish"}, 1),
        Strassen({1, 128, 512, 14, 14, {0, 0, 0, 0}, true, true, "relu"}, 2),
        Strassen({2, 192, 256, 23, 29, {0, 0, 0, 0}, false, false, "relu"}, 3),
        // Two levels; four groups of panels, which two and four threads share evenly.
        Strassen({1, 768, 512, 11, 13, {0, 0, 0, 0}, true, true, "relu"}, 1),
        Strassen({2, 1024, 768, 21, 23, {0, 0, 0, 0}, true, true, "silu"}, 2)));

// A pixel's error is bounded by its own largest number and its channel's.
TEST(StrassenConvolution, SmallChannelsAndPixelsAreNotDrowned) {
  const Case& c = kStrassenImage;
  Inputs in(c);
  const int64_t pixels = c.height * c.width;
  for (int64_t k = 0; k < c.in; ++k) {
    in.w[static_cast<size_t>(20 * c.in + k)] *= 1e-6f;
    in.w[static_cast<size_t>(21 * c.in + k)] = 0;
    in.w[static_cast<size_t>(22 * c.in + k)] *= 1e9f;
    in.x[static_cast<size_t>(k * pixels)] *= 1e20f;
    in.x[static_cast<size_t>(k * pixels + 5)] *= 1e-12f;
  }
  std::fill(in.bias.begin(), in.bias.end(), 0.0f);
  const FloatResult got = Convolve(c, in, 1);
  if (!IsExpected(c, got)) GTEST_SKIP() << got.placement;
  for (int64_t o = 18; o < 24; ++o) {
    for (int64_t p = 0; p < pixels; ++p) {
      double sum = 0, absolute = 0;
      for (int64_t k = 0; k < c.in; ++k) {
        const double product = static_cast<double>(in.w[static_cast<size_t>(o * c.in + k)]) *
                               in.x[static_cast<size_t>(k * pixels + p)];
        sum += product;
        absolute += std::abs(product);
      }
      EXPECT_NEAR(got.y[static_cast<size_t>(o * pixels + p)], sum, absolute * 1e-6)
          << o << ", " << p;
    }
  }
}

TEST(StrassenConvolution, NotFiniteNumbersStayInTheirPixel) {
  const Case& c = kStrassenImage;
  const int64_t pixels = c.height * c.width;
  for (float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    Inputs in(c);
    in.x[static_cast<size_t>(3 * pixels + 17)] = bad;
    const std::vector<float> y = Convolve(c, in, 1).y;
    for (int64_t i = 0; i < c.out * pixels; ++i)
      ASSERT_EQ(std::isfinite(y[static_cast<size_t>(i)]), i % pixels != 17) << i;
  }
}

TEST(StrassenConvolution, WeightsWithoutAScaleAreMultipliedAsUsual) {
  const Case& c = kStrassenImage;
  for (float bad : {std::numeric_limits<float>::infinity(), 1e35f, 1e-35f}) {
    Inputs in(c);
    for (int64_t k = 0; k < c.in; ++k) in.w[static_cast<size_t>(30 * c.in + k)] *= bad;
    const FloatResult got = Convolve(c, in, 1);
    EXPECT_EQ(got.placement.find("strassen"), std::string::npos) << got.placement;
    for (size_t i = 0; i < got.y.size(); ++i) {
      const bool infinite = bad > 1e38f && i / static_cast<size_t>(c.height * c.width) == 30;
      ASSERT_EQ(std::isfinite(got.y[i]), !infinite) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Depthwise, Convolution,
    ::testing::Values(
        // Whole blocks and parts of one, several images, tiles of unequal sizes, more rows than a band.
        Depthwise({1, 32, 32, 14, 14, {1, 1, 1, 1}, true, false, "relu6"}, 3, 1),
        Depthwise({2, 40, 40, 30, 17, {1, 1, 1, 1}, true, false, "hswish"}, 3, 1),
        Depthwise({1, 5, 5, 13, 40, {0, 0, 0, 0}, false, false, ""}, 3, 1),
        Depthwise({3, 24, 24, 7, 7, {2, 2, 2, 2}, true, false, "silu"}, 5, 1),
        Depthwise({1, 16, 16, 112, 30, {1, 1, 1, 1}, true, false, "relu"}, 3, 1),
        Depthwise({1, 48, 48, 1, 1, {0, 0, 0, 0}, true, false, "relu"}, 1, 1),
        // Images of a column or less than a window, rows of results that are left over, larger windows.
        Depthwise({1, 16, 16, 9, 1, {1, 1, 1, 1}, true, false, "relu"}, 3, 1),
        Depthwise({1, 24, 24, 2, 2, {2, 2, 2, 2}, true, false, ""}, 5, 2),
        Depthwise({1, 24, 24, 2, 1, {2, 2, 2, 2}, true, false, "silu"}, 5, 1),
        Depthwise({2, 16, 16, 11, 3, {0, 2, 2, 0}, true, false, "relu6"}, 3, 1),
        Depthwise({1, 16, 16, 19, 21, {3, 3, 3, 3}, true, false, "silu"}, 7, 1),
        // Strides, sides of their own, windows that leave a column of the image out.
        Depthwise({2, 24, 24, 7, 9, {0, 1, 0, 1}, true, false, "relu"}, 3, 2),
        Depthwise({1, 16, 16, 3, 2, {2, 2, 2, 2}, true, false, ""}, 3, 2),
        Depthwise({1, 32, 32, 15, 16, {0, 1, 1, 0}, true, false, "relu6"}, 3, 2),
        Depthwise({1, 24, 24, 16, 15, {2, 1, 1, 2}, true, false, "silu"}, 5, 2),
        Depthwise({1, 24, 24, 17, 20, {0, 0, 0, 0}, false, false, "relu"}, 2, 3),
        // No window lies in the image, some miss it, dilated ones.
        Depthwise({1, 24, 24, 3, 4, {3, 3, 3, 3}, true, false, ""}, 7, 1),
        Depthwise({1, 24, 24, 4, 2, {5, 6, 5, 4}, true, false, "relu"}, 3, 1),
        Depthwise({1, 32, 32, 12, 11, {2, 2, 2, 2}, true, false, "relu"}, 3, 1, 2),
        Depthwise({1, 32, 32, 9, 25, {6, 6, 6, 6}, true, false, "hswish"}, 5, 2, 3),
        // Work that threads share by rows.
        Depthwise({1, 16, 16, 201, 97, {1, 1, 1, 1}, true, false, "relu"}, 3, 1),
        Depthwise({1, 16, 16, 90, 100, {2, 2, 2, 2}, true, false, "silu"}, 5, 1)));

INSTANTIATE_TEST_SUITE_P(
    Direct, Convolution,
    ::testing::Values(
        // Parts of blocks on both sides, one result, rows of unequal tiles, several panels and parts of the depth.
        Direct({1, 24, 40, 5, 7, {0, 0, 0, 0}, true, false, "relu"}, 1, 1),
        Direct({2, 5, 9, 7, 7, {0, 0, 0, 0}, false, false, "silu"}, 1, 1),
        Direct({1, 72, 24, 14, 14, {0, 0, 0, 0}, true, true, "hswish"}, 1, 1),
        Direct({1, 100, 50, 1, 1, {0, 0, 0, 0}, true, false, "relu6"}, 1, 1),
        Direct({1, 840, 200, 6, 6, {0, 0, 0, 0}, true, true, "relu"}, 1, 1),
        Direct({1, 1600, 120, 7, 7, {0, 0, 0, 0}, true, true, "silu"}, 1, 1),
        Direct({1, 16, 96, 40, 41, {0, 0, 0, 0}, true, true, "relu6"}, 1, 1),
        Direct({2, 40, 24, 9, 11, {0, 0, 0, 0}, true, true, ""}, 1, 2),
        Direct({1, 24, 24, 9, 8, {1, 2, 3, 0}, true, true, "relu"}, 1, 1),
        Direct({1, 24, 24, 2, 2, {3, 0, 3, 0}, true, false, ""}, 1, 2),
        // Padding on any side, beyond the image and unused by the last window; many bands.
        Direct({1, 24, 40, 13, 9, {1, 1, 1, 1}, true, true, "relu"}, 3, 1),
        Direct({1, 24, 24, 66, 70, {1, 1, 1, 1}, true, true, "hswish"}, 3, 2),
        Direct({2, 72, 24, 64, 40, {0, 1, 0, 1}, false, true, ""}, 3, 2),
        Direct({1, 40, 24, 8, 8, {2, 2, 2, 2}, true, false, "relu"}, 5, 1),
        Direct({1, 8, 24, 20, 20, {3, 3, 3, 3}, true, false, "relu"}, 7, 2),
        Direct({1, 512, 140, 7, 7, {1, 1, 1, 1}, true, true, "relu"}, 3, 1),
        Direct({1, 24, 24, 5, 5, {6, 6, 6, 6}, true, false, ""}, 3, 1, 6),
        Direct({1, 32, 24, 20, 24, {24, 24, 24, 24}, true, false, "relu"}, 3, 1, 24),
        Direct({1, 24, 24, 4, 6, {4, 5, 4, 3}, true, true, "relu"}, 3, 1),
        Direct({1, 24, 24, 30, 9, {2, 2, 0, 0}, true, false, ""}, 3, 1, 2),
        Direct({2, 104, 24, 11, 16, {8, 8, 8, 8}, true, false, "silu"}, 3, 1, 8),
        // Groups of a block and more, and of less than a block.
        Direct({1, 64, 96, 9, 10, {1, 1, 1, 1}, true, true, "relu"}, 3, 1, 1, 2),
        Direct({2, 64, 64, 12, 10, {1, 1, 1, 1}, true, false, "relu"}, 3, 1, 1, 8),
        Direct({1, 128, 128, 12, 10, {1, 1, 1, 1}, true, true, ""}, 3, 2, 1, 32),
        Direct({1, 104, 104, 12, 10, {1, 1, 1, 1}, true, true, "relu"}, 3, 1, 1, 13),
        Direct({2, 88, 88, 9, 9, {1, 1, 1, 1}, true, false, "relu"}, 3, 2, 1, 11),
        Direct({1, 96, 144, 7, 9, {1, 1, 1, 1}, false, true, "relu"}, 3, 1, 1, 4)));

}  // namespace
}  // namespace mirin::testing
