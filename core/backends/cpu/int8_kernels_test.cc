// Products and sums of bytes against plain loops, on each instruction set.
#include "core/backends/cpu/int8_kernels.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/backends/cpu/int8_gemm.h"
#include "gtest/gtest.h"

namespace mirin::cpu {
namespace {

// A product whose sums are the result.
struct Product {
  int64_t m, n, k;
  bool is_signed;
};

void ExpectExactSums(const Product& p) {
  SCOPED_TRACE(testing::Message() << p.m << "x" << p.k << "x" << p.n << " " << p.is_signed);
  const Int8Kernels& kernels = Int8();
  std::mt19937 random(1);
  std::vector<uint8_t> a(static_cast<size_t>(p.m * p.k));
  std::vector<int8_t> b(static_cast<size_t>(p.k * p.n));
  for (uint8_t& v : a) v = static_cast<uint8_t>(random());
  for (int8_t& v : b) v = static_cast<int8_t>(random());
  const int32_t zero = p.is_signed ? -7 : 100;

  const int64_t columns =
                    (p.n + kernels.tile_columns - 1) / kernels.tile_columns * kernels.tile_columns,
                depth =
                    (p.k + kernels.b_depth_step - 1) / kernels.b_depth_step * kernels.b_depth_step;
  std::vector<char> packed(static_cast<size_t>(columns * depth * kernels.b_bytes));
  std::vector<int32_t> sums(static_cast<size_t>(columns));
  kernels.pack_b(b.data(), p.k, p.n, p.n, 1, false, packed.data(), sums.data());
  const int64_t row_bytes = PreparedBytes(p.k);
  std::vector<char> rows(static_cast<size_t>(p.m * row_bytes));
  std::vector<int32_t> zeros(static_cast<size_t>(p.m), zero);
  for (int64_t i = 0; i < p.m; ++i)
    kernels.prepare_row(a.data() + i * p.k, p.k, p.is_signed, &zeros[static_cast<size_t>(i)],
                        rows.data() + i * row_bytes);

  std::vector<int32_t> got(static_cast<size_t>(p.m * p.n));
  Int8GemmArgs g = {};
  g.m = g.row_end = p.m;
  g.n = g.column_end = p.n;
  g.k = p.k;
  g.a = rows.data();
  g.a_row = row_bytes;
  g.packed_b = packed.data();
  g.sums = sums.data();
  g.zeros = zeros.data();
  g.row_step = 1;
  g.integers = got.data();
  g.c_row = p.n;
  kernels.gemm(g);
  std::vector<int32_t> want(got.size());
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t l = 0; l < p.k; ++l) {
      const uint8_t byte = a[static_cast<size_t>(i * p.k + l)];
      const int32_t left = (p.is_signed ? static_cast<int8_t>(byte) : byte) - zero;
      for (int64_t j = 0; j < p.n; ++j)
        want[static_cast<size_t>(i * p.n + j)] += left * b[static_cast<size_t>(l * p.n + j)];
    }
  }
  EXPECT_EQ(got, want);
}

// Parts of tiles in every direction, several blocks of rows and of the depth.
TEST(Int8Gemm, SumsAreExact) {
  for (const int64_t m : {1, 3, 4, 5, 16, 17, 33, 49, 130}) {
    for (const int64_t n : {1, 17, 33, 64, 130}) {
      for (const int64_t k : {1, 4, 63, 64, 130}) ExpectExactSums({m, n, k, (m + k) % 2 == 0});
    }
  }
  for (const int64_t k : {384, 385, 768, 833, 1601}) {
    ExpectExactSums({131, 70, k, false});
    ExpectExactSums({7, 64, k, true});
  }
}

uint8_t Byte(double steps, const Int8Form& form) {
  const double low = form.is_signed ? -128 : 0;
  return static_cast<uint8_t>(
      static_cast<int32_t>(std::clamp(std::nearbyint(steps) + form.zero, low, low + 255)));
}

// Steps beyond any integer, of both signs, and such that are none.
TEST(Int8Add, SaturatesHugeSums) {
  const Int8Form tiny = {false, 128, 1e-30f}, huge = {false, 128, 1e30f};
  std::vector<uint8_t> a(100), b(100, 128), y(100);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<uint8_t>(i * 2 + 30);
  Int8().add(a.data(), b.data(), y.data(), 100, {huge, huge, tiny, false});
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(int{y[i]}, a[i] == 128 ? 128 : a[i] < 128 ? 0 : 255) << i;
}

TEST(Int8Add, RoundsTheSumOnce) {
  const Int8Kernels& kernels = Int8();
  std::mt19937 random(2);
  for (int which = 0; which < 16; ++which) {
    const bool a_signed = which & 1, b_signed = which & 2, y_signed = which & 4, relu = which & 8;
    const Int8Form a_form = {a_signed, a_signed ? 3 : 120, 0.02f},
                   b_form = {b_signed, b_signed ? -11 : 7, 0.013f},
                   y_form = {y_signed, y_signed ? -20 : 90, 0.03f};
    const auto value = [](uint8_t byte, const Int8Form& form) {
      return ((form.is_signed ? static_cast<int8_t>(byte) : byte) - form.zero) *
             static_cast<double>(form.scale);
    };
    for (const int64_t n : {1, 15, 64, 127, 200}) {
      std::vector<uint8_t> a(static_cast<size_t>(n)), b(a), y(a);
      for (uint8_t& v : a) v = static_cast<uint8_t>(random());
      for (uint8_t& v : b) v = static_cast<uint8_t>(random());
      kernels.add(a.data(), b.data(), y.data(), n, {a_form, b_form, y_form, relu});
      for (size_t i = 0; i < y.size(); ++i) {
        double steps =
            (value(a[i], a_form) + value(b[i], b_form)) / static_cast<double>(y_form.scale);
        if (relu) steps = std::max(steps, 0.0);
        // Near a tie either neighbour is right.
        const uint8_t one = Byte(steps - 1e-4, y_form), other = Byte(steps + 1e-4, y_form);
        EXPECT_TRUE(y[i] == one || y[i] == other)
            << which << " " << n << " " << i << ": " << int{y[i]} << " for " << steps;
      }
    }
  }
}

}  // namespace
}  // namespace mirin::cpu
