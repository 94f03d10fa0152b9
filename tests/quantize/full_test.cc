// FULL_QUANT on models of tests/models: integer arithmetic that computes nearly the same, by every method of calibration.
#include <sys/stat.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "core/backend/registry.h"
#include "core/converter/quantize/quantize.h"
#include "core/plan/evaluate.h"
#include "core/runtime/model.h"
#include "gtest/gtest.h"
#include "tests/quantize/quantized.h"

namespace mirin::testing {
namespace {

using converter::QuantConfig;
using Method = QuantConfig::Activation;

constexpr int kSamples = 6;

// FULL_QUANT with files of random inputs.
QuantConfig Config(const ir::Module& module, const std::string& name) {
  QuantConfig config;
  config.type = converter::QuantType::kFull;
  config.min_quant_weight_channel = 0;
  config.calibration.type = converter::CalibrationData::Type::kBinary;
  for (int s = 0; s < kSamples; ++s) {
    const std::vector<Tensor> inputs = RandomInputs(module, 100 + s);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::string folder = absl::StrCat(::testing::TempDir(), "/", name, "_", i);
      mkdir(folder.c_str(), 0777);
      std::ofstream(absl::StrCat(folder, "/", s), std::ios::binary)
          .write(static_cast<const char*>(inputs[i].data()),
                 static_cast<std::streamsize>(inputs[i].bytes()));
      if (s == 0)
        config.calibration.folders.emplace_back(module.entry()->inputs()[i]->name(), folder);
    }
  }
  return config;
}

int Loaded(const ir::Module& module, const std::string& op) {
  const auto model = runtime::Model::FromModule(module.Clone(), {});
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return -1;
  int n = 0;
  for (const auto& node : (*model)->module().entry()->nodes()) n += node->op() == op ? 1 : 0;
  return n;
}

struct Case {
  const char* model;
  Method method;
  double cosine;
  int convolutions, products;  // of integers, after loading
};

class FullQuant : public ::testing::TestWithParam<Case> {};

TEST_P(FullQuant, KeepsTheResults) {
  const Case& c = GetParam();
  const auto module = ReadModel(c.model);
  ASSERT_NE(module, nullptr);
  QuantConfig config = Config(*module, absl::StrCat(c.model, "_", static_cast<int>(c.method)));
  config.activation_method = c.method;
  converter::Report report;
  const auto quantised = Quantised(*module, config, &report);
  EXPECT_EQ(Loaded(*quantised, "QuantizedConv2D"), c.convolutions);
  EXPECT_EQ(Loaded(*quantised, "QuantizedMatMul"), c.products);
  EXPECT_EQ(Loaded(*quantised, "Conv2D"), 0);
  const std::vector<Tensor> inputs = RandomInputs(*module, 1);
  size_t before = 0, after = 0;
  EXPECT_GE(Cosine(WriteAndRun(*module, inputs, &before), WriteAndRun(*quantised, inputs, &after)),
            c.cosine)
      << report.ToText();
  EXPECT_LT(after, before + before / 4);  // nodes weigh more than weights in the smallest models
  EXPECT_NE(report.ToText().find("cosine"), std::string::npos) << report.ToText();
}

INSTANTIATE_TEST_SUITE_P(Models, FullQuant,
                         ::testing::Values(Case{"lenet5", Method::kMaxMin, 0.99, 2, 3},
                                           Case{"lenet5", Method::kKl, 0.99, 2, 3},
                                           Case{"lenet5", Method::kRemovalOutlier, 0.99, 2, 3},
                                           Case{"resnet18_tiny", Method::kMaxMin, 0.99, 20, 1},
                                           Case{"bert_tiny", Method::kMaxMin, 0.99, 0, 14},
                                           Case{"mobilenetv2_tiny", Method::kMaxMin, 0.98, 19, 1}),
                         [](const auto& info) {
                           return absl::StrCat(info.param.model, "_",
                                               static_cast<int>(info.param.method));
                         });

TEST(FullQuant, CorrectsTheBias) {
  const auto module = ReadModel("lenet5");
  ASSERT_NE(module, nullptr);
  QuantConfig config = Config(*module, "bias");
  config.per_channel = false;
  const std::vector<Tensor> inputs = RandomInputs(*module, 1);
  size_t bytes = 0;
  const auto want = WriteAndRun(*module, inputs, &bytes);
  for (const bool correct : {false, true}) {
    config.bias_correction = correct;
    converter::Report report;
    EXPECT_GE(Cosine(want, WriteAndRun(*Quantised(*module, config, &report), inputs, &bytes)),
              0.99);
  }
}

TEST(FullQuant, GoesAgain) {
  const auto module = ReadModel("resnet18_tiny");
  ASSERT_NE(module, nullptr);
  converter::Report report;
  const auto quantised = Quantised(*module, Config(*module, "remove"), &report);
  const auto backends = MakeBackends({"reference"});
  ASSERT_TRUE(backends.ok());
  const passes::Evaluator evaluate = [&](const ir::Node& node, absl::Span<const Tensor> inputs,
                                         size_t max_bytes) {
    return plan::Evaluate(*backends->back(), node, inputs, max_bytes);
  };
  const absl::Status status = converter::RemoveQuantisation(evaluate, quantised.get());
  ASSERT_TRUE(status.ok()) << status;
  for (const auto& node : quantised->entry()->nodes())
    EXPECT_EQ(node->op().find("quantizeLinear"), std::string::npos);
  const std::vector<Tensor> inputs = RandomInputs(*module, 1);
  size_t before = 0, after = 0;
  EXPECT_GE(Cosine(WriteAndRun(*module, inputs, &before), WriteAndRun(*quantised, inputs, &after)),
            0.999);
}

TEST(FullQuant, SkipsNodes) {
  const auto module = ReadModel("lenet5");
  ASSERT_NE(module, nullptr);
  QuantConfig config = Config(*module, "skip");
  for (const auto& node : module->entry()->nodes()) {
    if (node->op() == "Conv2D" && config.skip_nodes.empty())
      config.skip_nodes.push_back(node->name());
  }
  converter::Report report;
  const auto quantised = Quantised(*module, config, &report);
  EXPECT_EQ(Loaded(*quantised, "QuantizedConv2D"), 1);
  EXPECT_EQ(Loaded(*quantised, "Conv2D"), 1);
}

}  // namespace
}  // namespace mirin::testing
