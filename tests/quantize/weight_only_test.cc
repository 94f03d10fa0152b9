// WEIGHT_QUANT on models of tests/models: smaller files that load and compute nearly the same.
#include "core/passes/quantised.h"
#include "gtest/gtest.h"
#include "tests/quantize/quantized.h"

namespace mirin::testing {
namespace {

using converter::QuantConfig;
using converter::QuantType;

QuantConfig Bits(int bits) {
  QuantConfig config;
  config.type = QuantType::kWeight;
  config.bit_num = bits;
  config.min_quant_weight_channel = 0;
  return config;
}

struct Case {
  const char* model;
  int bits;
  double cosine;
  double size;  // of the file, over that of the float one
};

class WeightQuant : public ::testing::TestWithParam<Case> {};

TEST_P(WeightQuant, ShrinksTheFileAndKeepsTheResults) {
  const Case& c = GetParam();
  const auto module = ReadModel(c.model);
  ASSERT_NE(module, nullptr);
  converter::Report report;
  const auto quantised = Quantised(*module, Bits(c.bits), &report);
  const std::vector<Tensor> inputs = RandomInputs(*module, 1);
  size_t before = 0, after = 0;
  const auto want = WriteAndRun(*module, inputs, &before),
             got = WriteAndRun(*quantised, inputs, &after);
  EXPECT_GE(Cosine(want, got), c.cosine);
  EXPECT_LT(static_cast<double>(after), c.size * static_cast<double>(before))
      << before << " bytes before, " << after << " after";
  EXPECT_EQ(report.errors(), 0);
  EXPECT_NE(report.ToText().find("quantised the weights of"), std::string::npos) << report.ToText();
}

INSTANTIATE_TEST_SUITE_P(
    Models, WeightQuant,
    ::testing::Values(Case{"lenet5", 8, 0.999, 0.35}, Case{"lenet5", 16, 0.99999, 0.6},
                      Case{"lenet5", 0, 0.999, 0.35}, Case{"lenet5", 4, 0.95, 0.35},
                      Case{"resnet18_tiny", 8, 0.999, 0.35}, Case{"bert_tiny", 8, 0.999, 0.6},
                      Case{"mobilenetv2_tiny", 8, 0.99, 0.65},
                      Case{"dyn_batch_mlp", 8, 0.999, 1.001}),
    [](const auto& info) {
      return std::string(info.param.model) + "_" + std::to_string(info.param.bits);
    });

TEST(WeightQuant, MixedBitsLeaveWhatWouldErrTooMuch) {
  const auto module = ReadModel("lenet5");
  ASSERT_NE(module, nullptr);
  QuantConfig config = Bits(0);
  config.init_scale = 1e-6;
  converter::Report report;
  const auto quantised = Quantised(*module, config, &report);
  for (const auto& node : quantised->entry()->nodes()) EXPECT_NE(node->op(), "DequantizeLinear");
  EXPECT_NE(report.ToText().find("init_scale"), std::string::npos) << report.ToText();
}

TEST(WeightQuant, SharesAWeightBetweenGraphs) {
  const auto module = ReadModel("decoder_full");
  ASSERT_NE(module, nullptr);
  converter::Report report;
  const auto quantised = Quantised(*module, Bits(8), &report);
  int stored = 0;
  for (const auto& graph : quantised->graphs()) {
    for (const auto& node : graph->nodes()) stored += passes::IsStoredWeight(*node) ? 1 : 0;
  }
  EXPECT_GT(stored, 0);
  const std::vector<Tensor> inputs = RandomInputs(*module, 1);
  size_t before = 0, after = 0;
  EXPECT_GE(Cosine(WriteAndRun(*module, inputs, &before), WriteAndRun(*quantised, inputs, &after)),
            0.99);
  EXPECT_LT(after, before);
}

}  // namespace
}  // namespace mirin::testing
