#include "core/tools/values.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "gtest/gtest.h"

namespace mirin::tools {
namespace {

Distance Floats(const std::vector<float>& a, const std::vector<float>& b) {
  return Compare(MIRIN_DTYPE_F32, a.data(), b.data(), static_cast<int64_t>(a.size()));
}

TEST(Compare, CountsStepsBetweenNeighbours) {
  const float next = std::nextafter(1.0f, 2.0f);
  EXPECT_EQ(Floats({1, 2}, {1, 2}).max_ulp, 0);
  EXPECT_EQ(Floats({next}, {1}).max_ulp, 1);
  EXPECT_EQ(Floats({-next}, {-1}).max_ulp, 1);
  EXPECT_EQ(Floats({std::numeric_limits<float>::denorm_min()},
                   {-std::numeric_limits<float>::denorm_min()})
                .max_ulp,
            2);
  EXPECT_EQ(Floats({0.0f}, {-0.0f}).max_ulp, 0);
  const uint16_t half_a = 0x3c01, half_b = 0x3bff;  // around 1
  EXPECT_EQ(Compare(MIRIN_DTYPE_F16, &half_a, &half_b, 1).max_ulp, 2);
  const int64_t a = 5, b = -3;
  EXPECT_EQ(Compare(MIRIN_DTYPE_I64, &a, &b, 1).max_ulp, 8);
}

TEST(Compare, MeasuresDistances) {
  const Distance d = Floats({1, 0, 3}, {1, 0.5, -4});
  EXPECT_EQ(d.max_abs, 7);
  EXPECT_EQ(d.largest, 4);
  EXPECT_NEAR(d.cosine, (1 - 12) / std::sqrt(10.0) / std::sqrt(17.25), 1e-12);
  EXPECT_NEAR(d.relative_bias, (1 + 1.75) / 3, 1e-12);
  EXPECT_EQ(Floats({0, 0}, {0, 0}).cosine, 1);
  EXPECT_EQ(Floats({0, 0}, {0, 1}).cosine, 0);
  EXPECT_EQ(Compare(MIRIN_DTYPE_F32, nullptr, nullptr, 0).cosine, 1);
}

TEST(Compare, NanAndInfinityMustBeOnBothSides) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Floats({nan, inf, 1}, {nan, inf, 1}).special, 0);
  EXPECT_EQ(Floats({nan, inf, inf, 1}, {1, -inf, 1, nan}).special, 4);
}

TEST(Values, ShapesByName) {
  const auto shapes = ParseNamedShapes("x:0:1,2;y:");
  ASSERT_TRUE(shapes.ok());
  EXPECT_EQ(shapes->at("x:0"), (Dims{1, 2}));
  EXPECT_EQ(shapes->at("y"), Dims{});
  EXPECT_FALSE(ParseNamedShapes("x").ok());
  EXPECT_FALSE(ParseNamedShapes("x:-1").ok());
}

TEST(Values, OpenDimsAreFilled) {
  const TensorSpec spec{"x", MIRIN_DTYPE_F32, true, {-1, 3}};
  EXPECT_EQ(ToString(spec), "float32[?,3]");
  EXPECT_EQ(*Concrete(spec, {}), (Dims{1, 3}));
  EXPECT_EQ(*Concrete(spec, {{"x", {5, 3}}}), (Dims{5, 3}));
  EXPECT_EQ(Concrete(spec, {{"x", {5, 4}}}).status().message(),
            "the shape [5,4] does not fit input 'x' float32[?,3]");
  EXPECT_FALSE(Concrete({"x", MIRIN_DTYPE_F32, false, {}}, {}).ok());
}

TEST(Values, RandomNumbersAreTheSameForASeed) {
  for (const mirin_dtype dtype :
       {MIRIN_DTYPE_F32, MIRIN_DTYPE_F64, MIRIN_DTYPE_F16, MIRIN_DTYPE_BF16, MIRIN_DTYPE_I64,
        MIRIN_DTYPE_I32, MIRIN_DTYPE_I16, MIRIN_DTYPE_U8, MIRIN_DTYPE_BOOL}) {
    const auto a = RandomTensor(dtype, {40}, 3), b = RandomTensor(dtype, {40}, 3),
               c = RandomTensor(dtype, {40}, 4);
    ASSERT_TRUE(a.ok() && b.ok() && c.ok());
    EXPECT_EQ(std::memcmp(mirin_tensor_data(a->get()), mirin_tensor_data(b->get()),
                          mirin_tensor_size(a->get())),
              0);
    EXPECT_NE(std::memcmp(mirin_tensor_data(a->get()), mirin_tensor_data(c->get()),
                          mirin_tensor_size(a->get())),
              0);
    for (int64_t i = 0; i < 40; ++i) {
      const double v = NumberAt(dtype, mirin_tensor_data(a->get()), i);
      EXPECT_TRUE(v >= -1 && v <= 1) << v;
    }
  }
  EXPECT_TRUE(RandomTensor(MIRIN_DTYPE_STRING, {2}, 1).ok());
}

TEST(Values, ArraysMustFitTheInput) {
  const NpzArray array{"<f4", {1, 2}, std::string(8, '\0')};
  EXPECT_TRUE(FromArray(array, {"x", MIRIN_DTYPE_F32, true, {-1, 2}}).ok());
  EXPECT_EQ(FromArray(array, {"x", MIRIN_DTYPE_I32, true, {-1, 2}}).status().message(),
            "'x' is <f4[1,2], the model takes int32[?,2]");
  EXPECT_FALSE(FromArray(array, {"x", MIRIN_DTYPE_F32, true, {2}}).ok());
}

}  // namespace
}  // namespace mirin::tools
