#include "core/runtime/packed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "gtest/gtest.h"

namespace mirin::runtime {
namespace {

constexpr char kName[] = "entry";

// A new folder that nobody else may write.
std::string NewFolder() {
  std::string path = testing::TempDir() + "/packed_XXXXXX";
  EXPECT_NE(mkdtemp(&path[0]), nullptr);
  return path;
}

std::shared_ptr<const CacheDirectory> Open(const std::string& path) {
  auto directory = CacheDirectory::Open(path);
  EXPECT_TRUE(directory.ok()) << directory.status();
  return *directory;
}

std::string Contents(const CacheDirectory& directory) {
  const auto file = directory.Map(kName);
  EXPECT_TRUE(file.ok()) << file.status();
  return std::string(file->bytes);
}

void Put(const CacheDirectory& directory, absl::string_view bytes) {
  ASSERT_TRUE(directory.Write(kName, {bytes}).ok());
}

PackedRun RunOf(const std::string& text) {
  auto data = std::make_shared<std::string>(text);
  const void* at = data->data();
  return {std::shared_ptr<const void>(std::move(data), at), text.size(), Checksum(text)};
}

std::string TextOf(const PackedRun& run) {
  return std::string(static_cast<const char*>(run.data.get()), run.bytes);
}

PackedRuns Example() {
  return {{"empty", RunOf("")},
          {"short", RunOf("abc")},
          {"long", RunOf(std::string(100'000, 'x'))},
          {"line", RunOf(std::string(64, 'y'))}};
}

// A run whose bytes fit its checksum.
bool IsGood(const PackedRun& run) { return Checksum(TextOf(run)) == run.checksum; }

TEST(PackedFile, GivesBackWhatWasWritten) {
  const auto directory = Open(NewFolder());
  ASSERT_TRUE(WritePackedFile(*directory, kName, "purpose", Example()).ok());
  const auto runs = ReadPackedFile(*directory, kName, "purpose");
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), Example().size());
  for (const auto& [name, run] : Example()) {
    ASSERT_EQ(runs->count(name), 1u) << name;
    EXPECT_EQ(TextOf(runs->at(name)), TextOf(run));
    EXPECT_TRUE(IsGood(runs->at(name)));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(runs->at(name).data.get()) % 64, 0u);
  }
}

TEST(PackedFile, LargeOnesBeginTheirRunsOnALargePage) {
  const auto directory = Open(NewFolder());
  const PackedRuns large = {{"a", RunOf(std::string(5 << 20, 'a'))}};
  ASSERT_TRUE(WritePackedFile(*directory, kName, "purpose", large).ok());
  EXPECT_EQ(Contents(*directory).find("aaaa"), size_t{2} << 20);
}

TEST(PackedFile, IsOfOneUserAlone) {
  const std::string folder = NewFolder() + "/new";
  const auto directory = Open(folder);
  ASSERT_TRUE(WritePackedFile(*directory, kName, "purpose", Example()).ok());
  struct stat info;
  ASSERT_EQ(stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(stat((folder + "/" + kName).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(PackedFile, RefusesFoldersAndFilesThatOthersMayWrite) {
  const std::string folder = NewFolder();
  for (const mode_t mode : {0770, 0707, 0777}) {
    ASSERT_EQ(chmod(folder.c_str(), mode), 0);
    EXPECT_TRUE(absl::IsPermissionDenied(CacheDirectory::Open(folder).status()));
  }
  ASSERT_EQ(chmod(folder.c_str(), 0700), 0);
  const auto directory = Open(folder);
  ASSERT_TRUE(WritePackedFile(*directory, kName, "purpose", Example()).ok());
  ASSERT_EQ(chmod((folder + "/" + kName).c_str(), 0666), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(directory->Map(kName).status()));
}

TEST(PackedFile, FollowsNoLinkOutOfTheFolder) {
  const std::string folder = NewFolder(), outside = NewFolder() + "/outside";
  const auto directory = Open(folder);
  ASSERT_TRUE(WritePackedFile(*directory, kName, "purpose", Example()).ok());
  ASSERT_EQ(rename((folder + "/" + kName).c_str(), outside.c_str()), 0);
  ASSERT_EQ(symlink(outside.c_str(), (folder + "/" + kName).c_str()), 0);
  EXPECT_FALSE(ReadPackedFile(*directory, kName, "purpose").ok());
  Put(*directory, "new");
  EXPECT_EQ(Contents(*directory), "new");
  struct stat info;
  ASSERT_EQ(stat(outside.c_str(), &info), 0);
  EXPECT_GT(info.st_size, 100'000);
}

TEST(PackedFile, IsForOnePurpose) {
  const auto directory = Open(NewFolder());
  ASSERT_TRUE(WritePackedFile(*directory, kName, "version 1", Example()).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPackedFile(*directory, kName, "version 2").status()));
  EXPECT_TRUE(absl::IsNotFound(ReadPackedFile(*directory, "other", "version 1").status()));
}

TEST(PackedFile, NoticesEveryFlippedByte) {
  const auto directory = Open(NewFolder());
  ASSERT_TRUE(WritePackedFile(*directory, kName, "purpose", Example()).ok());
  const std::string good = Contents(*directory);
  const PackedRuns example = Example();
  // All of the header, the table and the first runs, then some of the long one.
  for (size_t at = 0; at < good.size(); at += at < 1000 ? 1 : 997) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    Put(*directory, bad);
    const auto runs = ReadPackedFile(*directory, kName, "purpose");
    if (!runs.ok()) continue;
    for (const auto& [name, run] : *runs) {
      EXPECT_TRUE(!IsGood(run) || TextOf(run) == TextOf(example.at(name))) << at;
    }
  }
}

TEST(PackedFile, NoticesEveryMissingEnd) {
  const auto directory = Open(NewFolder());
  ASSERT_TRUE(WritePackedFile(*directory, kName, "purpose", Example()).ok());
  const std::string good = Contents(*directory);
  for (size_t size = 1; size < good.size(); size += size < 600 ? 1 : 9973) {
    Put(*directory, good.substr(0, size));
    EXPECT_TRUE(absl::IsDataLoss(ReadPackedFile(*directory, kName, "purpose").status())) << size;
  }
}

// A table that fits its checksums but points elsewhere.
TEST(PackedFile, BelievesNoOffset) {
  const auto directory = Open(NewFolder());
  const std::string name = "name of a run";
  ASSERT_TRUE(WritePackedFile(*directory, kName, "purpose", {{name, RunOf("abc")}}).ok());
  const std::string good = Contents(*directory);
  constexpr size_t kHeader = 40, kTableBytes = 16, kTableChecksum = 24, kChecksum = 32;
  const size_t offset = good.find(name) + name.size();
  for (const size_t field : {offset - name.size() - 8, offset, offset + 8, kHeader, kHeader + 15}) {
    for (const uint64_t value : {uint64_t{1}, uint64_t{64}, uint64_t{1} << 20, uint64_t{1} << 40,
                                 ~uint64_t{0}, ~uint64_t{63}, uint64_t{1} << 63}) {
      std::string bad = good;
      std::memcpy(&bad[field], &value, 8);
      uint64_t table_bytes;
      std::memcpy(&table_bytes, &bad[kTableBytes], 8);
      const uint64_t table = Checksum(absl::string_view(bad).substr(kHeader, table_bytes));
      std::memcpy(&bad[kTableChecksum], &table, 8);
      const uint64_t header = Checksum(absl::string_view(bad).substr(0, kChecksum));
      std::memcpy(&bad[kChecksum], &header, 8);
      Put(*directory, bad);
      const auto runs = ReadPackedFile(*directory, kName, "purpose");
      if (!runs.ok()) continue;
      for (const auto& run : *runs) {
        EXPECT_TRUE(!IsGood(run.second) || TextOf(run.second) == "abc");
      }
    }
  }
}

TEST(CacheDirectory, RemovesWhatADeadProcessLeft) {
  const std::string folder = NewFolder();
  const auto directory = Open(folder);
  const std::string old = folder + "/entry.1.0.tmp", young = folder + "/entry.2.0.tmp";
  for (const std::string& path : {old, young}) close(open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  const timespec long_ago[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, old.c_str(), long_ago, 0), 0);
  Put(*directory, "x");
  EXPECT_NE(access(old.c_str(), F_OK), 0);
  EXPECT_EQ(access(young.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace mirin::runtime
