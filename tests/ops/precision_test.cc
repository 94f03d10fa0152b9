// Products of float32 tensors under SessionOptions::prefer_fp16: weights of 16 bits, sums of 32.
#include <cmath>
#include <cstring>

#include "core/backends/all.h"
#include "core/base/half.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

constexpr int64_t kDepth = 800;  // more than one block of depth

// Multiples of 1/32 below 1: exact in 16 bits, and so are their sums in 32.
std::vector<float> Exact(int64_t n, int64_t seed) {
  std::vector<float> x(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i)
    x[static_cast<size_t>(i)] = static_cast<float>((i * 37 + seed) % 63 - 31) / 32.0f;
  return x;
}

struct Result {
  std::vector<float> y;
  std::string placement;
};

// x [rows, kDepth] times w [kDepth, columns], with ReLU.
Result Multiply(int64_t rows, int64_t columns, const std::vector<float>& w, bool prefer_fp16) {
  InstallAllBackends();
  auto module = std::make_unique<ir::Module>();
  ir::Graph* graph = module->AddGraph("main");
  ir::Value* x = graph->AddInput("x", {DType::kFloat32, Shape(Dims{rows, kDepth})});
  ir::Value* weight = module->AddConstant("w", Tensor::FromValues<float>({kDepth, columns}, w));
  ir::Node* node = graph->AddNode("MatMul", "product", {x, weight}, 1);
  node->attrs().Set("activation", std::string("relu"));
  EXPECT_TRUE(ops::Normalize(node).ok());
  graph->SetOutputs({node->output()});
  module->set_output_names({"y"});
  module->set_entry(graph);
  EXPECT_TRUE(ops::InferModule(module.get()).ok());
  auto model = runtime::Model::FromModule(std::move(module), {});
  EXPECT_TRUE(model.ok()) << model.status();
  runtime::SessionOptions options;
  options.prefer_fp16 = prefer_fp16;
  options.threads = 2;
  auto session = runtime::Session::Create(*model, options);
  EXPECT_TRUE(session.ok()) << session.status();
  const std::vector<Tensor> inputs = {
      Tensor::FromValues<float>({rows, kDepth}, Exact(rows * kDepth, 5))};
  auto outputs = (*session)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  const float* y = (*outputs)[0].data_as<float>();
  return {{y, y + rows * columns}, (*session)->PlacementReport()};
}

class Precision : public testing::TestWithParam<std::pair<int64_t, int64_t>> {};

TEST_P(Precision, WeightsThatFitGiveTheSameBits) {
  const auto [rows, columns] = GetParam();
  const std::vector<float> w = Exact(kDepth * columns, 11);
  const Result half = Multiply(rows, columns, w, true), whole = Multiply(rows, columns, w, false);
  EXPECT_EQ(half.y, whole.y);
  const bool portable = half.placement.find("portable") != std::string::npos;
  EXPECT_EQ(half.placement.find("gemm16") != std::string::npos, !portable) << half.placement;
  EXPECT_EQ(whole.placement.find("gemm16"), std::string::npos) << whole.placement;
}

INSTANTIATE_TEST_SUITE_P(Sizes, Precision,
                         testing::Values(std::make_pair(1, 1), std::make_pair(1, 100),
                                         std::make_pair(3, 48), std::make_pair(9, 30),
                                         std::make_pair(40, 200), std::make_pair(64, 96)));

TEST(PrecisionOfWeights, IsThatOf16Bits) {
  const int64_t columns = 50;
  std::vector<float> w = Exact(kDepth * columns, 3);
  for (float& v : w) v *= 0.1f;
  std::vector<float> rounded = w;
  for (float& v : rounded) v = static_cast<float>(Half(v));
  const Result half = Multiply(1, columns, w, true), same = Multiply(1, columns, rounded, false);
  if (half.placement.find("gemm16") == std::string::npos) GTEST_SKIP() << "no 16-bit weights here";
  EXPECT_EQ(half.y, same.y);
}

TEST(PrecisionOfWeights, OneBeyond16BitsKeepsThemAll) {
  const int64_t columns = 50;
  std::vector<float> w = Exact(kDepth * columns, 3);
  w[1234] = 70000.0f;
  const Result half = Multiply(2, columns, w, true), whole = Multiply(2, columns, w, false);
  EXPECT_EQ(half.y, whole.y);
  EXPECT_EQ(half.placement.find("gemm16"), std::string::npos) << half.placement;
}

}  // namespace
}  // namespace mirin
