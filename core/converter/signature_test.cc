// Signature, weights as float16 and intermediate results: each changes a module that is then run.
#include "core/converter/signature.h"

#include <cstring>
#include <stdexcept>

#include "core/backends/all.h"
#include "core/base/half.h"
#include "core/converter/half_weights.h"
#include "core/converter/intermediates.h"
#include "core/ir/text.h"
#include "core/mindir/reader.h"
#include "core/mindir/writer.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"

namespace mirin::converter {
namespace {

std::unique_ptr<ir::Module> ModuleOf(const std::string& text) {
  auto module = ir::Parse(text);
  if (!module.ok()) throw std::runtime_error(module.status().ToString());
  for (const auto& graph : (*module)->graphs()) {
    for (const auto& node : graph->nodes()) {
      if (!node->branches().empty()) continue;
      if (const auto status = ops::Normalize(node.get()); !status.ok())
        throw std::runtime_error(status.ToString());
    }
  }
  if (const auto status = ops::InferModule(module->get()); !status.ok())
    throw std::runtime_error(status.ToString());
  return *std::move(module);
}

std::vector<Tensor> Results(const ir::Module& module, const std::vector<Tensor>& inputs) {
  InstallAllBackends();
  const auto model = runtime::Model::FromModule(module.Clone(), {});
  if (!model.ok()) throw std::runtime_error(model.status().ToString());
  auto session = runtime::Session::Create(*model, {});
  const auto outputs = (*session)->Run(inputs);
  if (!outputs.ok()) throw std::runtime_error(outputs.status().ToString());
  std::vector<Tensor> copies;
  for (const Tensor& t : *outputs) {
    Tensor copy = *Tensor::Allocate(t.dtype(), t.dims());
    std::memcpy(copy.mutable_data(), t.data(), t.bytes());
    copies.push_back(std::move(copy));
  }
  return copies;
}

std::vector<float> Floats(const Tensor& t) {
  return {t.data_as<float>(), t.data_as<float>() + t.elements()};
}

std::string Input(const ir::Module& module, int i) {
  return ToString(module.entry()->inputs()[static_cast<size_t>(i)]->type());
}
std::string Output(const ir::Module& module, int i) {
  return ToString(module.entry()->outputs()[static_cast<size_t>(i)]->type());
}

constexpr char kImage[] = R"(
graph @main(%x : float32[1,2,1,3], %k : float32[3]) {
  %y = ReLU(%x)
  %z = Add(%x, %k)
  return %y as "y", %z as "z"
}
)";

// c0: 0 1 2, c1: 3 4 5 in NCHW
const std::vector<float> kNchwValues = {0, 1, 2, 3, 4, 5};
const std::vector<float> kNhwcValues = {0, 3, 1, 4, 2, 5};

TEST(Signature, NhwcInputsAreTransposedForTheModel) {
  auto module = ModuleOf(kImage);
  Signature signature;
  signature.input_layout = Layout::kNhwc;
  ASSERT_TRUE(ChangeSignature(module.get(), signature).ok());
  EXPECT_EQ(Input(*module, 0), "float32[1,1,3,2]");
  EXPECT_EQ(Input(*module, 1), "float32[3]");
  EXPECT_EQ(Output(*module, 0), "float32[1,2,1,3]");
  const auto outputs = Results(*module, {Tensor::FromValues<float>({1, 1, 3, 2}, kNhwcValues),
                                         Tensor::FromValues<float>({3}, {10, 20, 30})});
  EXPECT_EQ(Floats(outputs[0]), kNchwValues);
  EXPECT_EQ(Floats(outputs[1]), (std::vector<float>{10, 21, 32, 13, 24, 35}));
}

TEST(Signature, NhwcOutputs) {
  auto module = ModuleOf(kImage);
  Signature signature;
  signature.output_layout = Layout::kNhwc;
  ASSERT_TRUE(ChangeSignature(module.get(), signature).ok());
  EXPECT_EQ(Input(*module, 0), "float32[1,2,1,3]");
  EXPECT_EQ(Output(*module, 0), "float32[1,1,3,2]");
  const auto outputs = Results(*module, {Tensor::FromValues<float>({1, 2, 1, 3}, kNchwValues),
                                         Tensor::FromValues<float>({3}, {0, 0, 0})});
  EXPECT_EQ(Floats(outputs[0]), kNhwcValues);
  EXPECT_EQ(module->output_names(), (std::vector<std::string>{"y", "z"}));
}

TEST(Signature, NchwAndDefaultsChangeNothing) {
  auto module = ModuleOf(kImage);
  const std::string before = ir::Print(*module);
  Signature signature;
  signature.input_layout = signature.output_layout = Layout::kNchw;
  ASSERT_TRUE(ChangeSignature(module.get(), signature).ok());
  EXPECT_EQ(ir::Print(*module), before);
}

TEST(Signature, NhwcWithoutImagesIsAnError) {
  auto module =
      ModuleOf("graph @main(%x : float32[2]) {\n  %y = ReLU(%x)\n  return %y as \"y\"\n}\n");
  Signature signature;
  signature.input_layout = Layout::kNhwc;
  EXPECT_EQ(ChangeSignature(module.get(), signature).message(),
            "inputDataFormat is NHWC, but no input has 4 axes");
  signature = {};
  signature.output_layout = Layout::kNhwc;
  EXPECT_EQ(ChangeSignature(module.get(), signature).message(),
            "outputDataFormat is NHWC, but no output has 4 axes");
}

TEST(Signature, DataTypesAreCast) {
  auto module = ModuleOf(kImage);
  Signature signature;
  signature.input_layout = Layout::kNhwc;
  signature.input_dtype = DType::kUInt8;
  signature.output_dtype = DType::kInt32;
  ASSERT_TRUE(ChangeSignature(module.get(), signature).ok());
  EXPECT_EQ(Input(*module, 0), "uint8[1,1,3,2]");
  EXPECT_EQ(Input(*module, 1), "uint8[3]");
  EXPECT_EQ(Output(*module, 0), "int32[1,2,1,3]");
  const auto outputs =
      Results(*module, {Tensor::FromValues<uint8_t>({1, 1, 3, 2}, {0, 3, 1, 4, 2, 255}),
                        Tensor::FromValues<uint8_t>({3}, {1, 2, 3})});
  EXPECT_EQ(*outputs[0].ToInt64s(), (std::vector<int64_t>{0, 1, 2, 3, 4, 255}));
  EXPECT_EQ(*outputs[1].ToInt64s(), (std::vector<int64_t>{1, 3, 5, 4, 6, 258}));
}

TEST(Signature, AnInputThatIsAnOutput) {
  auto module = ModuleOf("graph @main(%x : float32[1,2,1,3]) {\n  return %x as \"x\"\n}\n");
  Signature signature;
  signature.input_layout = Layout::kNhwc;
  signature.input_dtype = DType::kFloat16;
  ASSERT_TRUE(ChangeSignature(module.get(), signature).ok());
  EXPECT_EQ(Input(*module, 0), "float16[1,1,3,2]");
  EXPECT_EQ(Output(*module, 0), "float32[1,2,1,3]");
}

TEST(Signature, OpenDimsMoveAlong) {
  auto module =
      ModuleOf("graph @main(%x : float32[?,3,?,8]) {\n  %y = ReLU(%x)\n  return %y as \"y\"\n}\n");
  Signature signature;
  signature.input_layout = signature.output_layout = Layout::kNhwc;
  ASSERT_TRUE(ChangeSignature(module.get(), signature).ok());
  EXPECT_EQ(Input(*module, 0), "float32[?,?,8,3]");
  EXPECT_EQ(Output(*module, 0), "float32[?,?,8,3]");
}

TEST(Signature, TextsCannotBeCast) {
  auto module = ModuleOf("graph @main(%x : string[2]) {\n  return %x as \"x\"\n}\n");
  Signature signature;
  signature.input_dtype = DType::kFloat32;
  EXPECT_EQ(ChangeSignature(module.get(), signature).message(),
            "input 'x' holds texts, which have no other data type");
}

TEST(Signature, VariablesKeepTheOrderOfTheirWrites) {
  auto module = ModuleOf(R"(
var %state : float32[] = {3}
graph @main(%x : float32[]) {
  %written = Assign(%state, %x) "write"
  %now = Load(%state)
  return %now as "now"
}
)");
  Signature signature;
  signature.input_dtype = DType::kInt32;
  ASSERT_TRUE(ChangeSignature(module.get(), signature).ok());
  EXPECT_EQ(Floats(Results(*module, {Tensor::Scalar<int32_t>(7)})[0]), std::vector<float>{7});
}

TEST(InputShapes, AreSetAndCarriedOn) {
  auto module = ModuleOf(
      "graph @main(%x : float32[?,3], %a : float32[...]) {\n  %y = ReLU(%x)\n  return %y as "
      "\"y\"\n}\n");
  ASSERT_TRUE(SetInputShapes(module.get(), {{"x", {4, -1}}, {"a", {1, 2}}}).ok());
  EXPECT_EQ(Input(*module, 0), "float32[4,3]");
  EXPECT_EQ(Input(*module, 1), "float32[1,2]");
  EXPECT_EQ(Output(*module, 0), "float32[4,3]");
  EXPECT_EQ(SetInputShapes(module.get(), {{"q", {4}}}).message(),
            "there is no input 'q' to give a shape to; inputs: x, a");
  EXPECT_EQ(SetInputShapes(module.get(), {{"x", {4, 5}}}).message(),
            "input 'x': the shape [4,5] does not fit [4,3]");
  EXPECT_FALSE(SetInputShapes(module.get(), {{"x", {4}}}).ok());
}

constexpr char kWeights[] = R"(
const %w : float32[16,16] = random(7)
const %big : float32[256] = splat 70000
const %small : float32[16] = splat 0.25
graph @main(%x : float32[2,16], %p : bool[]) {
  %y = MatMul(%x, %w)
  %z = Add(%y, %small)
  %r = Invoke(%p, %z) [@then(1), @else(1)]
  %big_sum = ReduceSum(%big)
  return %r as "r", %big_sum as "s"
}
graph @then(%t : float32[2,16]) {
  %m = MatMul(%t, %w)
  return %m
}
graph @else(%e : float32[2,16]) {
  return %e
}
)";

TEST(HalfWeights, ResultsStayFloat32AndFoldingRemovesTheCasts) {
  auto module = ModuleOf(kWeights);
  const std::vector<Tensor> inputs = {
      Tensor::FromValues<float>({2, 16}, std::vector<float>(32, 0.5f)), Tensor::Scalar<bool>(true)};
  const auto before = Results(*module, inputs);
  const auto halved = StoreWeightsAsHalf(module.get());
  ASSERT_TRUE(halved.ok()) << halved.status();
  EXPECT_EQ(halved->changed, 1);
  EXPECT_EQ(halved->out_of_range, 1);
  int half = 0;
  for (const auto& c : module->constants()) half += c->type().dtype == DType::kFloat16 ? 1 : 0;
  EXPECT_EQ(half, 1);
  const auto after = Results(*module, inputs);
  ASSERT_EQ(after[0].dtype(), DType::kFloat32);
  for (int64_t i = 0; i < after[0].elements(); ++i)
    EXPECT_NEAR(after[0].data_as<float>()[i], before[0].data_as<float>()[i], 2e-2);
  EXPECT_EQ(Floats(after[1]), Floats(before[1]));
  const auto loaded = runtime::Model::FromModule(module->Clone(), {});
  ASSERT_TRUE(loaded.ok());
  for (const auto& graph : (*loaded)->module().graphs()) {
    for (const auto& node : graph->nodes()) EXPECT_NE(node->op(), "Cast");
  }
}

TEST(Intermediates, NamedValuesBecomeOutputs) {
  auto module = ModuleOf(R"(
graph @main(%x : float32[2]) {
  %a = Neg(%x) "first"
  %b = Abs(%a) "first"
  %c = Exp(%b) "second"
  %d = ReLU(%c) "third"
  return %d as "out"
}
)");
  // Nothing was named by a source: node names, the last of each.
  for (const auto& node : module->entry()->nodes()) node->output()->set_name(node->name());
  auto by_node = module->Clone();
  EXPECT_EQ(ExposeIntermediates(by_node.get()), 3);
  EXPECT_EQ(by_node->output_names(), (std::vector<std::string>{"out", "first", "second", "third"}));
  EXPECT_EQ(by_node->entry()->outputs()[1]->producer()->op(), "Abs");
  // Names of their own win.
  module->entry()->nodes()[0]->output()->set_name("t0");
  module->entry()->nodes()[3]->output()->set_name("out");
  EXPECT_EQ(ExposeIntermediates(module.get()), 1);
  EXPECT_EQ(module->output_names(), (std::vector<std::string>{"out", "t0"}));
  const auto outputs = Results(*module, {Tensor::FromValues<float>({2}, {1, -2})});
  EXPECT_EQ(Floats(outputs[1]), (std::vector<float>{-1, 2}));
}

TEST(Intermediates, NamesOutliveTheFile) {
  auto module = ModuleOf(
      "graph @main(%x : float32[4,2]) {\n  %a = Neg(%x) \"neg\"\n  %b, %c = Split(%a) {axis = 0, "
      "output_num = 2} \"split\"\n  %d = Add(%b, %c) \"add\"\n"
      "  return %d as \"out\"\n}\n");
  const auto& nodes = module->entry()->nodes();
  nodes[0]->output()->set_name("tensor a");
  nodes[1]->output(1)->set_name("tensor c");
  nodes[2]->output()->set_name("add");
  const auto bytes = mindir::Write(*module, {});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  auto read = mindir::ReadBuffer(*bytes, nullptr, {});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ExposeIntermediates(read->get()), 3);
  EXPECT_EQ((*read)->output_names(),
            (std::vector<std::string>{"out", "tensor a", "b", "tensor c"}));
}

}  // namespace
}  // namespace mirin::converter
