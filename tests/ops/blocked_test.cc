// Squeeze and excite: what stands between convolutions stays in their blocked layout.
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/backends/all.h"
#include "core/ir/text.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"
#include "tests/support/random.h"

namespace mirin::testing {
namespace {

std::string Constant(const std::string& name, const Dims& dims, uint32_t seed) {
  return absl::StrCat("const %", name, " : float32[", absl::StrJoin(dims, ","), "] = {",
                      absl::StrJoin(RandomFloats(NumElements(dims), seed), ", "), "}\n");
}

std::shared_ptr<const runtime::Model> ModelOf(const std::string& text) {
  InstallAllBackends();
  auto module = ir::Parse(text);
  EXPECT_TRUE(module.ok()) << module.status();
  for (const auto& node : (*module)->entry()->nodes()) EXPECT_TRUE(ops::Normalize(node.get()).ok());
  EXPECT_TRUE(ops::InferModule(module->get()).ok());
  auto model = runtime::Model::FromModule(*std::move(module), {});
  EXPECT_TRUE(model.ok()) << model.status();
  return *model;
}

// x [batch, 8, 5, 7] through convolutions to `channels`, whose sums scale them, and to 24. `scale` multiplies the images %c by their factors %f.
std::shared_ptr<const runtime::Model> Network(int64_t batch, int64_t channels,
                                              const std::string& scale) {
  return ModelOf(absl::StrCat(
      Constant("wide", {channels, 8, 1, 1}, 1), Constant("squeeze", {6, channels, 1, 1}, 2),
      Constant("excite", {channels, 6, 1, 1}, 3), Constant("narrow", {24, channels, 1, 1}, 4),
      "const %axes : int64[2] = {-1, 2}\n"
      "graph @main(%x : float32[",
      batch,
      ",8,5,7]) {\n"
      "  %c = Conv2D(%x, %wide)\n"
      "  %m = ReduceMean(%c, %axes) {keep_dims = true}\n"
      "  %s = Conv2D(%m, %squeeze) {activation = \"silu\"}\n"
      "  %f = Conv2D(%s, %excite) {activation = \"sigmoid\"}\n"
      "  %t = ",
      scale,
      "\n"
      "  %y = Conv2D(%t, %narrow)\n"
      "  return %y, %m\n}\n"));
}

struct Outputs {
  std::vector<float> numbers;
  std::string placement;
};

Outputs Compute(const std::shared_ptr<const runtime::Model>& model, const Dims& dims,
                const std::string& device, int threads) {
  runtime::SessionOptions options;
  options.devices = {device};
  options.threads = threads;
  auto session = runtime::Session::Create(model, options);
  EXPECT_TRUE(session.ok()) << session.status();
  const std::vector<Tensor> inputs = {
      Tensor::FromValues<float>(dims, RandomFloats(NumElements(dims), 9))};
  auto outputs = (*session)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  Outputs result;
  for (const Tensor& t : *outputs)
    result.numbers.insert(result.numbers.end(), t.data_as<float>(),
                          t.data_as<float>() + t.elements());
  result.placement = (*session)->PlacementReport();
  return result;
}

bool HasBlocks() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}

class SqueezeAndExcite : public ::testing::TestWithParam<int64_t> {};

// Whole blocks of channels and parts of one, factors on either side, each image by its own or all by the first one's.
TEST_P(SqueezeAndExcite, StaysInBlocks) {
  const int64_t channels = GetParam();
  for (int64_t batch : {1, 3}) {
    for (const std::string scale : {"Mul(%c, %f)", "Mul(%f, %c)"}) {
      const auto model = Network(batch, channels, scale);
      const Dims dims = {batch, 8, 5, 7};
      const Outputs got = Compute(model, dims, "cpu", 1),
                    want = Compute(model, dims, "reference", 1);
      ASSERT_EQ(got.numbers.size(), want.numbers.size());
      for (size_t i = 0; i < got.numbers.size(); ++i)
        ASSERT_NEAR(got.numbers[i], want.numbers[i], 1e-5) << i << ' ' << scale;
      if (!HasBlocks()) continue;
      EXPECT_NE(got.placement.find("cpu:blocked:ReduceMean"), std::string::npos) << got.placement;
      EXPECT_NE(got.placement.find("cpu:blocked:Mul"), std::string::npos) << got.placement;
      EXPECT_EQ(Compute(model, dims, "cpu", 3).numbers, got.numbers);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Channels, SqueezeAndExcite, ::testing::Values(16, 24, 35, 64));

TEST(SqueezeAndExcite, MovesNothingWhereAPixelIsWholeBlocks) {
  if (!HasBlocks()) GTEST_SKIP() << "no blocked layout";
  const std::string placement =
      Compute(Network(1, 32, "Mul(%c, %f)"), {1, 8, 5, 7}, "cpu", 1).placement;
  size_t reorders = 0;
  for (size_t at = 0; (at = placement.find("onednn:reorder", at)) != std::string::npos; ++at)
    ++reorders;
  EXPECT_EQ(reorders, 2u) << placement;  // of the input and of the result
}

// Bytes leave their convolutions channels last.
TEST(ChannelSums, OfBytesStayAsTheyAre) {
  for (const char* op : {"ReduceMean", "ReduceSum"}) {
    const auto model =
        ModelOf(absl::StrCat("const %w : int8[3,8,1,1] = {1, -2, 3, 4, 5, -6, 7, 8, 9, 1, 2, 3, 4, "
                             "5, 6, -7, 0, 1, 2, 3, 4, -5, 6, 7}\n"
                             "const %k : float32[3] = {0.5, 0.25, 1}\nconst %s : float32[] = {2}\n"
                             "const %axes : int64[2] = {2, 3}\n"
                             "graph @main(%x : float32[2,8,5,7]) {\n"
                             "  %q = QuantizeLinear(%x, %s) {output_dtype = int8}\n"
                             "  %c = QuantizedConv2D(%q, %w, %k) {dtype = int8, y_scale = 0.5}\n"
                             "  %f = DequantizeLinear(%c, %s)\n  %m = ",
                             op, "(%f, %axes) {keep_dims = true}\n  return %m\n}\n"));
    const Dims dims = {2, 8, 5, 7};
    const Outputs got = Compute(model, dims, "cpu", 1), want = Compute(model, dims, "reference", 1);
    ASSERT_EQ(got.numbers.size(), want.numbers.size());
    for (size_t i = 0; i < got.numbers.size(); ++i)
      EXPECT_NEAR(got.numbers[i], want.numbers[i], 1e-5 * std::abs(want.numbers[i])) << i;
    if (got.placement.find("cpu:int8_gemm") == std::string::npos) continue;
    EXPECT_NE(got.placement.find("cpu:channels_last:sum"), std::string::npos) << got.placement;
  }
}

}  // namespace
}  // namespace mirin::testing
