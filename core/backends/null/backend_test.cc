#include "core/backends/null/backend.h"

#include "core/ir/graph.h"
#include "gtest/gtest.h"

namespace mirin::null {
namespace {

TEST(NullBackend, RefusesWithAReason) {
  ir::Module module;
  const ir::Node* node = module.AddGraph("g")->AddNode("Add", "a", {});
  KernelRequest request;
  request.node = node;
  const auto kernel = CreateBackend()->CreateKernel(request);
  EXPECT_EQ(kernel.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(kernel.status().message().find("Add"), absl::string_view::npos);
}

TEST(NullBackend, HasOnlyThePlainLayout) {
  const ThreadShare threads(1);
  const auto reorder = CreateBackend()->CreateReorder({DType::kFloat32, Shape({1, 8, 2, 2})},
                                                      Layout::kPlain, Layout::kBlocked8, threads);
  EXPECT_EQ(reorder.status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace mirin::null
