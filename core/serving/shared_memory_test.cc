#include "core/serving/shared_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

class SharedMemoryTest : public testing::Test {
 protected:
  SharedMemoryTest() : key_(absl::StrCat("/mirin_shm_test_", getpid())) {
    fd_ = shm_open(key_.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    EXPECT_EQ(pwrite(fd_, "0123456789", 10, 0), 10);
  }
  ~SharedMemoryTest() override {
    close(fd_);
    shm_unlink(key_.c_str());
  }

  std::string key_;
  int fd_;
  SharedMemoryRegistry registry_;
};

TEST_F(SharedMemoryTest, ReadsAndWritesParts) {
  ASSERT_TRUE(registry_.Register("r", key_, 2, 6).ok());
  EXPECT_EQ(registry_.Read("r", 1, 3)->view(), "345");
  EXPECT_EQ(registry_.Read("r", 6, 0)->size(), 0u);
  ASSERT_TRUE(registry_.Write("r", 4, "ab").ok());
  char text[11] = {};
  ASSERT_EQ(pread(fd_, text, 10, 0), 10);
  EXPECT_STREQ(text, "012345ab89");
  EXPECT_FALSE(registry_.Read("r", 4, 3).ok());
  EXPECT_FALSE(registry_.Read("r", std::numeric_limits<uint64_t>::max(), 3).ok());
  EXPECT_FALSE(registry_.Write("r", 5, "ab").ok());
  EXPECT_EQ(registry_.Read("x", 0, 1).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SharedMemoryTest, RegistersOnlyWhatExists) {
  EXPECT_TRUE(registry_.Register("a", key_.substr(1), 0, 10).ok());
  EXPECT_EQ(registry_.Register("a", key_, 0, 10).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(registry_.Register("b", key_, 0, 11).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(registry_.Register("b", key_, std::numeric_limits<uint64_t>::max(), 2).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(registry_.Register("b", key_, 0, 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(registry_.Register("", key_, 0, 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(registry_.Register("b", "/mirin_no_such_segment", 0, 1).code(),
            absl::StatusCode::kNotFound);
  for (const char* key : {"", "/", "..", "/..", "../etc/passwd", "/a/b", "//a"}) {
    EXPECT_EQ(registry_.Register("b", key, 0, 1).code(), absl::StatusCode::kInvalidArgument) << key;
  }
}

TEST_F(SharedMemoryTest, ListsAndForgets) {
  ASSERT_TRUE(registry_.Register("b", key_, 0, 1).ok());
  ASSERT_TRUE(registry_.Register("a", key_, 2, 3).ok());
  ASSERT_EQ(registry_.List("")->size(), 2u);
  EXPECT_EQ((*registry_.List(""))[0].name, "a");
  EXPECT_EQ((*registry_.List("a"))[0].offset, 2u);
  EXPECT_EQ(registry_.List("x").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(registry_.Unregister("a").ok());
  EXPECT_EQ(registry_.Unregister("a").code(), absl::StatusCode::kNotFound);
  registry_.UnregisterAll();
  EXPECT_TRUE(registry_.List("")->empty());
}

TEST_F(SharedMemoryTest, SurvivesASegmentThatShrinks) {
  ASSERT_TRUE(registry_.Register("r", key_, 0, 10).ok());
  const Buffer before = *registry_.Read("r", 0, 10);
  ASSERT_EQ(ftruncate(fd_, 4), 0);
  EXPECT_EQ(registry_.Read("r", 0, 10).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(registry_.Write("r", 0, "0123456789").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(registry_.Read("r", 0, 4)->view(), "0123");
  EXPECT_EQ(before.view(), "0123456789");
}

TEST_F(SharedMemoryTest, ReadsNoMoreThanMemoryHolds) {
  constexpr uint64_t kSize = uint64_t{1} << 40;
  ASSERT_EQ(ftruncate(fd_, kSize), 0);  // takes no memory
  ASSERT_TRUE(registry_.Register("r", key_, 0, kSize).ok());
  EXPECT_EQ(registry_.Read("r", 0, kSize).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(registry_.Read("r", kSize - 4, 4)->view(), absl::string_view("\0\0\0\0", 4));
}

}  // namespace
}  // namespace mirin::serving
