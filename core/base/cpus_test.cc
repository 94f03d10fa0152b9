#include "core/base/cpus.h"

#include <sys/stat.h>

#include <cstdio>

#include "gtest/gtest.h"

namespace mirin {
namespace {

TEST(Cpus, ReadsListsAsLinuxWritesThem) {
  EXPECT_EQ(*ParseCpuList("0-3,8\n"), (std::vector<int>{0, 1, 2, 3, 8}));
  EXPECT_EQ(*ParseCpuList("5,2-2,2"), (std::vector<int>{2, 5}));
  EXPECT_TRUE(ParseCpuList("")->empty());
  for (const char* bad : {"a", "3-1", "-1", "1-", "0-9999999", "1,,2", "0-99999999999999999999"}) {
    EXPECT_EQ(ParseCpuList(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(FormatCpuList({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
  EXPECT_EQ(FormatCpuList({}), "");
}

TEST(Cpus, TheProcessHasSome) {
  EXPECT_FALSE(ProcessCpus().empty());
  EXPECT_GE(AvailableCpus(), 1);
  EXPECT_LE(AvailableCpus(), static_cast<int>(ProcessCpus().size()));
}

TEST(Cpus, NodesAreThoseOfTheProcess) {
  const std::string folder = ::testing::TempDir() + "/nodes";
  const auto write = [&](const std::string& name, const std::string& text) {
    std::FILE* file = std::fopen((folder + name).c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs(text.c_str(), file);
    std::fclose(file);
  };
  for (const char* name : {"", "/node0", "/node1", "/node2"}) mkdir((folder + name).c_str(), 0700);
  const std::string ours = FormatCpuList(ProcessCpus());
  write("/online", "0-2\n");
  write("/node0/cpulist", ours + "\n");
  write("/node1/cpulist", "8000-8100\n");  // none of this process
  write("/node2/cpulist", std::to_string(ProcessCpus().front()) + "\n");
  EXPECT_EQ(NumaNodes(folder),
            (std::vector<std::vector<int>>{ProcessCpus(), {ProcessCpus().front()}}));
  write("/node1/cpulist", "what?");
  EXPECT_TRUE(NumaNodes(folder).empty());
  EXPECT_TRUE(NumaNodes(folder + "/absent").empty());
}

}  // namespace
}  // namespace mirin
