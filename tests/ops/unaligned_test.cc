// Constants whose bytes lie anywhere, as they do in files: a kernel that only copies them takes them as they are, any other gets
// them aligned.
#include <cstring>

#include "core/backends/all.h"
#include "core/ir/text.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

// Row 2 of a constant, and the constant plus itself; its bytes begin `shift` behind a boundary.
std::vector<std::vector<float>> Outputs(int shift) {
  InstallAllBackends();
  auto module = ir::Parse(
      "const %w : float32[3,2] = {1, 2, 3, 4, 5, 6}\n"
      "graph @main(%i : int64[2], %x : float32[3,2]) {\n"
      "  %row = Gather(%w, %i) {axis = 0}\n"
      "  %sum = Add(%w, %x)\n"
      "  return %row, %sum\n}\n");
  EXPECT_TRUE(module.ok()) << module.status();
  auto bytes = std::make_shared<std::vector<char>>(64 + 24);
  ir::Value* w = (*module)->constants()[0].get();
  std::memcpy(bytes->data() + shift, w->tensor().data(), 24);
  w->set_tensor(Tensor::Borrow(DType::kFloat32, {3, 2}, bytes->data() + shift, bytes));
  for (const auto& node : (*module)->entry()->nodes()) EXPECT_TRUE(ops::Normalize(node.get()).ok());
  EXPECT_TRUE(ops::InferModule(module->get()).ok());
  auto model = runtime::Model::FromModule(*std::move(module), {});
  EXPECT_TRUE(model.ok()) << model.status();
  auto session = runtime::Session::Create(*model, {});
  EXPECT_TRUE(session.ok()) << session.status();
  const std::vector<Tensor> inputs = {Tensor::Int64s({2, -3}),
                                      Tensor::FromValues<float>({3, 2}, {10, 20, 30, 40, 50, 60})};
  auto outputs = (*session)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  std::vector<std::vector<float>> all;
  for (const Tensor& t : *outputs)
    all.emplace_back(t.data_as<float>(), t.data_as<float>() + t.elements());
  return all;
}

TEST(Unaligned, ConstantsLieAnywhere) {
  for (int shift = 0; shift < 4; ++shift) {
    EXPECT_EQ(Outputs(shift),
              (std::vector<std::vector<float>>{{5, 6, 1, 2}, {11, 22, 33, 44, 55, 66}}))
        << shift;
  }
}

}  // namespace
}  // namespace mirin
