#include "core/passes/pipeline.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/backends/all.h"
#include "core/ir/text.h"
#include "core/runtime/model.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

constexpr char kBert[] = "tests/models/mindir/bert_tiny.mindir";

absl::StatusOr<std::shared_ptr<const runtime::Model>> Load(const runtime::ModelOptions& options) {
  InstallAllBackends();
  return runtime::Model::LoadFile(kBert, options);
}

TEST(Pipeline, RefusesAnUnknownPassAndNamesTheOthers) {
  runtime::ModelOptions options;
  options.disabled_passes = {"fuse_everything"};
  auto model = Load(options);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(model.status().message().find("fuse_everything"), std::string::npos) << model.status();
  EXPECT_NE(model.status().message().find("fuse_attention"), std::string::npos) << model.status();
}

TEST(Pipeline, RunsWithoutOnePass) {
  const auto count = [](const runtime::Model& model, absl::string_view op) {
    int n = 0;
    for (const auto& node : model.module().entry()->nodes()) n += node->op() == op ? 1 : 0;
    return n;
  };
  auto all = Load({});
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(count(**all, "ScaledDotProductAttention"), 2);
  EXPECT_EQ(count(**all, "Softmax"), 0);
  EXPECT_NE((*all)->pass_report().find("fuse_attention"), std::string::npos);
  runtime::ModelOptions options;
  options.disabled_passes = {"fuse_attention"};
  auto without = Load(options);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(count(**without, "ScaledDotProductAttention"), 0);
  EXPECT_EQ((*without)->pass_report().find("fuse_attention"), std::string::npos);
}

TEST(Pipeline, DumpsTextAfterEachPass) {
  char directory[] = "/tmp/mirin_dump_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  runtime::ModelOptions options;
  options.dump_directory = directory;
  auto model = Load(options);
  ASSERT_TRUE(model.ok()) << model.status();
  for (const auto& [file, op] : {std::pair<std::string, std::string>{"00_read.txt", "Softmax"},
                                 {"12_fuse_attention.txt", "ScaledDotProductAttention"}}) {
    const std::string path = std::string(directory) + "/" + file;
    std::ifstream in(path);
    ASSERT_TRUE(in.good()) << path;
    std::stringstream text;
    text << in.rdbuf();
    EXPECT_NE(text.str().find(op), std::string::npos) << path;
  }
}

TEST(Pipeline, LevelZeroLeavesTheGraph) {
  runtime::ModelOptions options;
  options.optimization_level = 0;
  auto model = Load(options);
  ASSERT_TRUE(model.ok()) << model.status();
  bool has_bias_add = false;
  for (const auto& node : (*model)->module().entry()->nodes())
    has_bias_add |= node->op() == "BiasAdd";
  EXPECT_TRUE(has_bias_add);
  options.optimization_level = 7;
  EXPECT_EQ(Load(options).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mirin
