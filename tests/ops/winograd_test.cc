// 3x3 convolutions large enough for Winograd, against sums in double.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/backends/all.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

struct Case {
  int64_t batch, in, out, height, width;
  std::vector<int64_t> pads;  // top, bottom, left, right
  bool bias, residual;
  std::string activation;
};

std::vector<float> Random(int64_t n, uint32_t seed) {
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<float>(seed >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
  return x;
}

struct Inputs {
  explicit Inputs(const Case& c)
      : out_height(c.height + c.pads[0] + c.pads[1] - 2),
        out_width(c.width + c.pads[2] + c.pads[3] - 2),
        x(Random(c.batch * c.in * c.height * c.width, 1)),
        w(Random(c.out * c.in * 9, 2)),
        bias(Random(c.out, 3)),
        residual(Random(c.batch * c.out * out_height * out_width, 4)) {}
  int64_t out_height, out_width;
  std::vector<float> x, w, bias, residual;
};

struct Result {
  std::vector<float> y;
  std::string placement;
};

Result Convolve(const Case& c, const Inputs& in, int threads) {
  InstallAllBackends();
  auto module = std::make_unique<ir::Module>();
  ir::Graph* graph = module->AddGraph("main");
  module->set_entry(graph);
  const Dims result = {c.batch, c.out, in.out_height, in.out_width};
  const Dims source = {c.batch, c.in, c.height, c.width};
  ir::Value* x = graph->AddInput("x", {DType::kFloat32, Shape(source)});
  ir::Value* w = module->AddConstant("w", Tensor::FromValues<float>({c.out, c.in, 3, 3}, in.w));
  ir::Value* bias =
      c.bias ? module->AddConstant("b", Tensor::FromValues<float>({c.out}, in.bias)) : nullptr;
  std::vector<ir::Value*> operands = {x, w, bias};
  if (c.residual) operands.push_back(graph->AddInput("r", {DType::kFloat32, Shape(result)}));
  ir::Node* node = graph->AddNode("Conv2D", "conv", operands, 1);
  node->attrs().Set("pad_mode", std::string("pad"));
  node->attrs().Set("pad", c.pads);
  if (!c.activation.empty()) node->attrs().Set("activation", c.activation);
  EXPECT_TRUE(ops::Normalize(node).ok());
  graph->SetOutputs({node->output()});
  module->set_output_names({"y"});
  EXPECT_TRUE(ops::InferModule(module.get()).ok());
  auto model = runtime::Model::FromModule(std::move(module), {});
  EXPECT_TRUE(model.ok()) << model.status();
  runtime::SessionOptions options;
  options.threads = threads;
  auto session = runtime::Session::Create(*model, options);
  EXPECT_TRUE(session.ok()) << session.status();
  std::vector<Tensor> inputs = {Tensor::FromValues<float>(source, in.x)};
  if (c.residual) inputs.push_back(Tensor::FromValues<float>(result, in.residual));
  auto outputs = (*session)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ((*outputs)[0].shape().dims(), result);
  const float* y = (*outputs)[0].data_as<float>();
  return {{y, y + (*outputs)[0].elements()}, (*session)->PlacementReport()};
}

// Every CPU with AVX2 takes it for these shapes.
bool IsWinograd(const Result& r) {
  const bool taken = r.placement.find("winograd") != std::string::npos;
  EXPECT_EQ(taken, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("f16c"))
      << r.placement;
  return taken;
}

double Activate(const std::string& activation, double v) {
  return activation == "relu"    ? std::max(v, 0.0)
         : activation == "relu6" ? std::min(std::max(v, 0.0), 6.0)
                                 : v;
}

class WinogradConvolution : public testing::TestWithParam<Case> {};

// 2e-6 of the sum of absolute products: what winograd.cc promises, with room for the transforms of long sums.
TEST_P(WinogradConvolution, IsTheSumOfProducts) {
  const Case& c = GetParam();
  const Inputs in(c);
  const Result got = Convolve(c, in, 1);
  if (!IsWinograd(got))
    GTEST_SKIP() << "no Winograd kernels for this instruction set: " << got.placement;
  double worst = 0;
  size_t at = 0;
  for (int64_t n = 0; n < c.batch; ++n) {
    for (int64_t o = 0; o < c.out; ++o) {
      for (int64_t i = 0; i < in.out_height; ++i) {
        for (int64_t j = 0; j < in.out_width; ++j, ++at) {
          double sum = c.bias ? in.bias[static_cast<size_t>(o)] : 0, absolute = 0;
          for (int64_t k = 0; k < c.in; ++k) {
            for (int64_t p = 0; p < 9; ++p) {
              const int64_t row = i - c.pads[0] + p / 3, column = j - c.pads[2] + p % 3;
              if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
              const double product =
                  static_cast<double>(in.w[static_cast<size_t>((o * c.in + k) * 9 + p)]) *
                  in.x[static_cast<size_t>(((n * c.in + k) * c.height + row) * c.width + column)];
              sum += product;
              absolute += std::abs(product);
            }
          }
          if (c.residual) sum += in.residual[at];
          worst = std::max(worst, std::abs(got.y[at] - Activate(c.activation, sum)) / absolute);
        }
      }
    }
  }
  EXPECT_LE(worst, 2e-6);
}

TEST_P(WinogradConvolution, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Case& c = GetParam();
  const Inputs in(c);
  const Result one = Convolve(c, in, 1);
  if (!IsWinograd(one))
    GTEST_SKIP() << "no Winograd kernels for this instruction set: " << one.placement;
  EXPECT_EQ(Convolve(c, in, 2).y, one.y);
  EXPECT_EQ(Convolve(c, in, 4).y, one.y);
}

INSTANTIATE_TEST_SUITE_P(Shapes, WinogradConvolution,
                         testing::Values(Case{1, 32, 32, 14, 14, {1, 1, 1, 1}, true, false, "relu"},
                                         Case{1, 64, 48, 17, 13, {1, 1, 1, 1}, false, false, ""},
                                         Case{2, 32, 64, 9, 22, {0, 2, 2, 0}, true, true, "relu"},
                                         Case{3, 48, 32, 7, 7, {1, 1, 1, 1}, true, true, "relu6"},
                                         Case{1, 32, 32, 40, 36, {0, 0, 0, 0}, true, false, ""},
                                         Case{13, 32, 32, 1, 2, {1, 1, 1, 1}, false, false, ""},
                                         Case{1, 128, 128, 33, 30, {1, 1, 1, 1}, true, true, ""}));

}  // namespace
}  // namespace mirin
