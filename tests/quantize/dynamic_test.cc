// DYNAMIC_QUANT on models of tests/models, and what it leaves alone.
#include "core/ir/text.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "gtest/gtest.h"
#include "tests/quantize/quantized.h"

namespace mirin::testing {
namespace {

using converter::QuantConfig;

int CountOf(const ir::Module& module, const std::string& op) {
  int n = 0;
  for (const auto& graph : module.graphs()) {
    for (const auto& node : graph->nodes()) n += node->op() == op ? 1 : 0;
  }
  return n;
}

QuantConfig Dynamic() {
  QuantConfig config;
  config.type = converter::QuantType::kDynamic;
  return config;
}

class DynamicQuant : public ::testing::TestWithParam<const char*> {};

TEST_P(DynamicQuant, KeepsTheResults) {
  const auto module = ReadModel(GetParam());
  ASSERT_NE(module, nullptr);
  for (const auto axes : {QuantConfig::Axes::kLayerWise, QuantConfig::Axes::kChannelWise}) {
    QuantConfig config = Dynamic();
    config.dynamic_axes = axes;
    converter::Report report;
    const auto quantised = Quantised(*module, config, &report);
    EXPECT_GT(CountOf(*quantised, "DynamicQuantMatMul"), 0);
    const std::vector<Tensor> inputs = RandomInputs(*module, 1);
    size_t before = 0, after = 0;
    EXPECT_GE(
        Cosine(WriteAndRun(*module, inputs, &before), WriteAndRun(*quantised, inputs, &after)),
        0.99);
    EXPECT_LT(after, before + 4096);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, DynamicQuant,
                         ::testing::Values("lenet5", "bert_tiny", "dyn_batch_mlp", "resnet18_tiny"),
                         [](const auto& info) { return std::string(info.param); });

TEST(DynamicQuant, TakesBiasAndActivationAtLoad) {
  auto module = ir::Parse(R"(
const %w : float32[8,16] = random(1)
const %b : float32[16] = random(2)
graph @main(%x : float32[?,8]) {
  %p = MatMul(%x, %w)
  %s = Add(%p, %b)
  %y = ReLU(%s)
  return %y as "y"
})");
  ASSERT_TRUE(module.ok()) << module.status();
  for (const auto& node : (*module)->entry()->nodes()) ASSERT_TRUE(ops::Normalize(node.get()).ok());
  ASSERT_TRUE(ops::InferModule(module->get()).ok());
  converter::Report report;
  const auto quantised = Quantised(**module, Dynamic(), &report);
  EXPECT_EQ(CountOf(*quantised, "DynamicQuantMatMul"), 1);
  const std::vector<Tensor> inputs = RandomInputs(**module, 1, 5);
  size_t before = 0, after = 0;
  EXPECT_GE(Cosine(WriteAndRun(**module, inputs, &before), WriteAndRun(*quantised, inputs, &after)),
            0.999);
}

TEST(DynamicQuant, SaysWhatItLeaves) {
  const auto module = ReadModel("resnet18_tiny");
  ASSERT_NE(module, nullptr);
  converter::Report report;
  Quantised(*module, Dynamic(), &report);
  EXPECT_NE(report.ToText().find("convolutions need FULL_QUANT"), std::string::npos)
      << report.ToText();
}

}  // namespace
}  // namespace mirin::testing
