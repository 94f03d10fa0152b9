// Ops that write variables: what they return, and what is left in the variable.
#include "core/backends/all.h"
#include "core/ir/text.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

std::vector<float> Floats(const Tensor& t) {
  return std::vector<float>(t.data_as<float>(), t.data_as<float>() + t.elements());
}

// Runs `y = op` on a variable {1, 2, 3} twice; gives the last y and the variable.
std::pair<std::vector<float>, std::vector<float>> RunTwice(const std::string& declarations,
                                                           const std::string& op) {
  InstallAllBackends();
  auto module = ir::Parse("var %v : float32[3] = {1, 2, 3}\n" + declarations +
                          "graph @main(%x : float32[3]) {\n  %y = " + op + "\n  return %y\n}\n");
  EXPECT_TRUE(module.ok()) << module.status();
  for (const auto& node : (*module)->entry()->nodes()) EXPECT_TRUE(ops::Normalize(node.get()).ok());
  EXPECT_TRUE(ops::InferModule(module->get()).ok());
  auto model = runtime::Model::FromModule(*std::move(module), {});
  EXPECT_TRUE(model.ok()) << model.status();
  auto session = runtime::Session::Create(*model, {});
  EXPECT_TRUE(session.ok()) << session.status();
  const std::vector<Tensor> inputs = {Tensor::FromValues<float>({3}, {10, 20, 30})};
  std::vector<float> y;
  for (int i = 0; i < 2; ++i) {
    auto outputs = (*session)->Run(inputs);
    EXPECT_TRUE(outputs.ok()) << outputs.status();
    y = Floats((*outputs)[0]);
  }
  return {y, Floats(*(*session)->GetState(0))};
}

using Values = std::vector<float>;

TEST(State, Assign) {
  EXPECT_EQ(RunTwice("", "Assign(%v, %x)"),
            std::make_pair(Values({10, 20, 30}), Values({10, 20, 30})));
}
TEST(State, AssignAdd) {
  EXPECT_EQ(RunTwice("", "AssignAdd(%v, %x)"),
            std::make_pair(Values({21, 42, 63}), Values({21, 42, 63})));
}
TEST(State, AssignSub) {
  EXPECT_EQ(RunTwice("", "AssignSub(%v, %x)"),
            std::make_pair(Values({-19, -38, -57}), Values({-19, -38, -57})));
}
TEST(State, ScatterAdd) {
  const std::string indices = "const %i : int32[3] = {2, 2, 0}\n";
  EXPECT_EQ(RunTwice(indices, "ScatterAdd(%v, %i, %x)"),
            std::make_pair(Values({61, 2, 63}), Values({61, 2, 63})));
}
TEST(State, ScatterUpdate) {
  const std::string indices = "const %i : int32[3] = {2, 1, 0}\n";
  EXPECT_EQ(RunTwice(indices, "ScatterUpdate(%v, %i, %x)"),
            std::make_pair(Values({30, 20, 10}), Values({30, 20, 10})));
}

}  // namespace
}  // namespace mirin
