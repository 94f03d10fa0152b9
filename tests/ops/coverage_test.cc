// Every op has a schema with a summary, a reference kernel and a case.
#include <set>

#include "core/backends/reference/kernels.h"
#include "core/ops/schema.h"
#include "gtest/gtest.h"
#include "tests/ops/case.h"

namespace mirin::testing {
namespace {

std::vector<std::string> g_files;

TEST(Coverage, EveryOpHasACase) {
  std::set<std::string> tested;
  for (const std::string& file : g_files) {
    auto cases = ReadOpCases(file);
    ASSERT_TRUE(cases.ok()) << cases.status();
    for (const OpCase& c : *cases) {
      if (c.error.empty()) tested.insert(c.op);
    }
  }
  // Need a variable: tests/ops/state_test, tests/models (kvparam_*), tests/passes and tests/c_api run them.
  const std::set<std::string> with_state = {"Assign", "AssignAdd",  "AssignSub",
                                            "Load",   "ScatterAdd", "ScatterUpdate"};
  std::string missing;
  for (const ops::OpSchema* schema : ops::AllSchemas()) {
    EXPECT_FALSE(schema->summary().empty()) << schema->name();
    EXPECT_NE(schema->infer(), nullptr) << schema->name();
    EXPECT_NE(reference::FindKernel(schema->name()), nullptr) << schema->name();
    if (tested.count(schema->name()) == 0 && with_state.count(schema->name()) == 0)
      missing += " " + schema->name();
  }
  EXPECT_EQ(missing, "") << "ops without a case in tests/ops";
}

}  // namespace
}  // namespace mirin::testing

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  mirin::testing::g_files.assign(argv + 1, argv + argc);
  return RUN_ALL_TESTS();
}
