#include "core/converter/quantize/weights.h"

#include <cmath>
#include <limits>
#include <random>

#include "core/ir/text.h"
#include "core/ops/infer_module.h"
#include "gtest/gtest.h"

namespace mirin::converter {
namespace {

Tensor Random(const Dims& dims, int seed) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::normal_distribution<float> normal;
  Tensor t = *Tensor::Allocate(DType::kFloat32, dims);
  for (int64_t i = 0; i < t.elements(); ++i) t.mutable_data_as<float>()[i] = normal(random);
  return t;
}

double At(const StoredWeight& s, int64_t i, int64_t channel) {
  const double q =
      s.q.dtype() == DType::kInt8 ? s.q.data_as<int8_t>()[i] : s.q.data_as<int16_t>()[i];
  return q * s.scale.data_as<float>()[channel];
}

TEST(StoreWeight, RoundsEachChannelByItsOwnRange) {
  const Tensor w = Tensor::FromValues<float>({2, 3}, {1, -2, 0.5f, 100, 50, -127});
  const auto stored = StoreWeight(w, 0, 8);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(TypeString(stored->q), "int8[2,3]");
  EXPECT_EQ(TypeString(stored->scale), "float32[2]");
  EXPECT_FLOAT_EQ(stored->scale.data_as<float>()[0], 2.0f / 127);
  EXPECT_FLOAT_EQ(stored->scale.data_as<float>()[1], 1.0f);
  const int8_t want[] = {64, -127, 32, 100, 50, -127};  // 63.5 to even
  for (int i = 0; i < 6; ++i) EXPECT_EQ(stored->q.data_as<int8_t>()[i], want[i]) << i;
}

TEST(StoreWeight, TakesChannelsAlongAnyAxisOrTogether) {
  const Tensor w = Tensor::FromValues<float>({2, 2}, {1, 10, -2, 20});
  const auto columns = StoreWeight(w, 1, 8);
  ASSERT_TRUE(columns.ok());
  EXPECT_FLOAT_EQ(columns->scale.data_as<float>()[0], 2.0f / 127);
  EXPECT_FLOAT_EQ(columns->scale.data_as<float>()[1], 20.0f / 127);
  const auto all = StoreWeight(w, -1, 8);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(TypeString(all->scale), "float32[]");
  EXPECT_FLOAT_EQ(all->scale.data_as<float>()[0], 20.0f / 127);
}

TEST(StoreWeight, ErrsLessWithMoreBits) {
  const Tensor w = Random({32, 64}, 1);
  double last = 10;
  for (int bits = 1; bits <= 16; ++bits) {
    const auto stored = StoreWeight(w, 0, bits);
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->q.dtype(), bits <= 8 ? DType::kInt8 : DType::kInt16);
    EXPECT_LT(stored->error, last) << bits;
    last = stored->error;
    const int largest = bits == 1 ? 1 : (1 << (bits - 1)) - 1;
    double error = 0, total = 0;
    for (int64_t i = 0; i < w.elements(); ++i) {
      const double v = w.data_as<float>()[i], got = At(*stored, i, i / 64);
      EXPECT_LE(std::fabs(got), largest * stored->scale.data_as<float>()[i / 64] * 1.0001);
      error += (got - v) * (got - v);
      total += v * v;
    }
    EXPECT_NEAR(stored->error, std::sqrt(error / total), 1e-9) << bits;
    EXPECT_LT(stored->error, bits >= 8 ? 0.01 : 1) << bits;
  }
}

TEST(StoreWeight, KeepsZerosAndRefusesWhatIsNotFinite) {
  const auto zeros = StoreWeight(*Tensor::Allocate(DType::kFloat32, {3, 4}), 0, 8);
  ASSERT_TRUE(zeros.ok());
  EXPECT_EQ(zeros->error, 0);
  for (int i = 0; i < 3; ++i) EXPECT_GT(zeros->scale.data_as<float>()[i], 0);
  const Tensor bad = Tensor::FromValues<float>({1, 2}, {1, std::numeric_limits<float>::infinity()});
  EXPECT_TRUE(absl::IsInvalidArgument(StoreWeight(bad, 0, 8).status()));
}

TEST(FindWeights, LeavesOutWhatTheConfigurationSays) {
  auto module = ir::Parse(R"(
const %few : float32[4,3,1,1] = random(1)
const %many : float32[32,4,1,1] = random(2)
const %dense : float32[5,32] = random(3)
graph @main(%x : float32[1,3,1,1]) {
  %a = Conv2D(%x, %few) "a"
  %b = Conv2D(%a, %many) "b"
  %s = Flatten(%b)
  %c = Dense(%s, %dense, _) "c"
  %d = MatMul(%c, %c) {transpose_b = true} "d"
  return %d as "y"
})");
  ASSERT_TRUE(module.ok()) << module.status();
  const auto names = [&](const QuantConfig& config) {
    std::string out;
    for (const WeightUse& use : FindWeights(config, **module)) out += use.node->name();
    return out;
  };
  QuantConfig config;
  EXPECT_EQ(names(config), "bc");  // a convolution of 16 channels or fewer stays
  config.min_quant_weight_channel = 0;
  EXPECT_EQ(names(config), "abc");
  config.min_quant_weight_size = 150;
  EXPECT_EQ(names(config), "c");
  config.skip_nodes = {"c"};
  EXPECT_EQ(names(config), "");
}

}  // namespace
}  // namespace mirin::converter
