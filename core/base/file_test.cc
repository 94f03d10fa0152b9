#include "core/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace mirin {
namespace {

constexpr size_t kPages = 16;

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// Pages from `data` on that this process has in its tables.
size_t Present(const void* data, size_t pages) {
  const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  EXPECT_GE(fd, 0);
  std::vector<uint64_t> entries(pages);
  const size_t first = reinterpret_cast<uintptr_t>(data) / PageSize();
  EXPECT_EQ(pread(fd, entries.data(), pages * 8, static_cast<off_t>(first * 8)),
            static_cast<ssize_t>(pages * 8));
  close(fd);
  size_t present = 0;
  for (uint64_t e : entries) present += e >> 63;
  return present;
}

std::string Text() {
  std::string text(kPages * PageSize(), 'a');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

TEST(MappedPages, GoAndComeBackFromTheFile) {
  const std::string path = testing::TempDir() + "/mapped_pages", text = Text();
  ASSERT_TRUE(WriteFileAtomically(path, text).ok());
  auto mapped = MapFile(path, text.size());
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  ASSERT_EQ(mapped->bytes, text);  // reads every page
  ASSERT_EQ(Present(mapped->bytes.data(), kPages), kPages);
  // All but the two that hold other bytes too.
  ReleaseMappedPages(mapped->owner, mapped->bytes.data() + 1, text.size() - 2);
  EXPECT_EQ(Present(mapped->bytes.data(), kPages), 2u);
  EXPECT_EQ(mapped->bytes, text);
}

TEST(MappedPages, StayUnlessTheBytesAreTheMappings) {
  const std::string path = testing::TempDir() + "/mapped_pages", text = Text();
  ASSERT_TRUE(WriteFileAtomically(path, text).ok());
  auto mapped = MapFile(path, text.size());
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  ASSERT_EQ(mapped->bytes, text);
  const auto heap = std::make_shared<std::string>(text);
  ReleaseMappedPages(heap, heap->data(), heap->size());
  ReleaseMappedPages(mapped->owner, heap->data(), heap->size());
  ReleaseMappedPages(nullptr, heap->data(), heap->size());
  ReleaseMappedPages(mapped->owner, mapped->bytes.data(), text.size() + 1);
  EXPECT_EQ(*heap, text);
  EXPECT_EQ(Present(mapped->bytes.data(), kPages), kPages);
}

}  // namespace
}  // namespace mirin
