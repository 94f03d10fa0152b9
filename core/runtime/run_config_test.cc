#include "core/runtime/run_config.h"

#include <cstdio>

#include "gtest/gtest.h"

namespace mirin::runtime {
namespace {

TEST(RunConfig, TakesWhatHasAMeaning) {
  RunConfig config;
  EXPECT_TRUE(config.Set("model_file", "mindir_path", "/models/a_graph.mindir").ok());
  EXPECT_EQ(config.weights_directory, "/models/");
  EXPECT_TRUE(config.Set("model_file", "mindir_path", "a.mindir").ok());
  EXPECT_EQ(config.weights_directory, ".");
  EXPECT_TRUE(config.Set("weight", "weight_path", ::testing::TempDir()).ok());
  EXPECT_EQ(config.weights_directory, ::testing::TempDir());
  EXPECT_TRUE(config.Set("shared_thread_pool", "thread_num_limit_per_worker", "3").ok());
  EXPECT_EQ(config.threads_per_worker, 3);
  EXPECT_TRUE(config.Set("execution_plan", "op1", "data_type:float32").ok());
  EXPECT_TRUE(config.Set("model_cache", "cache_dir", "some/folder").ok());
  EXPECT_EQ(config.cache_directory, "some/folder");
  EXPECT_FALSE(config.deterministic);
  EXPECT_TRUE(config.Set("execution", "deterministic", "true").ok());
  EXPECT_TRUE(config.deterministic);
  EXPECT_TRUE(config.notes.empty());
  EXPECT_TRUE(config.Set("gpu_context", "opt_dims", "x").ok());
  EXPECT_TRUE(config.Set("shared_thread_pool", "enable_shared_thread_pool", "true").ok());
  EXPECT_EQ(config.notes.size(), 2u);
}

TEST(RunConfig, RefusesTheRest) {
  RunConfig config;
  const struct {
    const char *section, *key, *value, *message;
  } kCases[] = {
      {"model_fil", "mindir_path", "x",
       "there is no section [model_fil] for running; did you mean 'model_file'?"},
      {"common_quant_param", "bit_num", "8",
       "there is no section [common_quant_param] for running"},
      {"weight", "path", "x", "[weight] has no key 'path'; keys: weight_path"},
      {"shared_thread_pool", "thread_num_limit_per_worker", "0",
       "thread_num_limit_per_worker is '0', expected 1 to 4096"},
      {"shared_thread_pool", "thread_num_remaining_per_worker", "-1",
       "thread_num_remaining_per_worker is '-1', expected 0 to 4096"},
      {"shared_thread_pool", "enable_shared_thread_pool", "yes",
       "enable_shared_thread_pool is 'yes', expected true or false"},
      {"execution", "deterministic", "1", "deterministic is '1', expected true or false"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = config.Set(c.section, c.key, c.value);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), c.message);
  }
  EXPECT_EQ(config.Set("execution_plan", "conv", "data_type:float16").code(),
            absl::StatusCode::kUnimplemented);
}

TEST(RunConfig, ReadsFiles) {
  const std::string path = ::testing::TempDir() + "/run.cfg";
  const auto load = [&](const char* text) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    std::fputs(text, file);
    std::fclose(file);
    RunConfig config;
    return std::make_pair(config.Load(path), config.weights_directory);
  };
  EXPECT_EQ(load("[weight]\nweight_path=/w/data_0\n"),
            std::make_pair(absl::OkStatus(), std::string("/w/")));
  EXPECT_EQ(load("[weight]\n\nwrong=1\n").first.message(),
            path + ": line 3: [weight] has no key 'wrong'; keys: weight_path");
  EXPECT_EQ(load("[nothing]\n").first.code(), absl::StatusCode::kInvalidArgument);
  RunConfig config;
  EXPECT_EQ(config.Load("/nowhere/x.cfg").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(config.Load("/tmp").code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mirin::runtime
