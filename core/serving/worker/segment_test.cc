#include "core/serving/worker/segment.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "core/serving/worker/testing/pool.h"

namespace mirin::serving::worker {
namespace {

TEST(Segments, AreUsedAgainAndDroppedBeyondTheLimit) {
  std::vector<uint32_t> dropped;
  auto pool = std::make_shared<SegmentPool>([&](uint32_t segment) { dropped.push_back(segment); });
  const Buffer small = Large(100000, 1).data, large = Large(48u << 20, 1).data;
  auto first = pool->Lend(small);
  ASSERT_TRUE(first && first->fd.valid());
  const int seals = ::fcntl(first->fd.get(), F_GET_SEALS);
  EXPECT_EQ(seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
            F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, first->fd.get(), 0),
            MAP_FAILED)
      << "a worker could write it";
  EXPECT_TRUE(pool->Release(first->segment).ok());
  EXPECT_FALSE(pool->Release(first->segment).ok());
  auto again = pool->Lend(small);
  EXPECT_EQ(again->segment, first->segment);
  EXPECT_FALSE(again->fd.valid());
  Buffer shared = *pool->Share(again->segment, 0, 100000);
  EXPECT_FALSE(pool->Share(again->segment, 100000, 1u << 20).ok());
  EXPECT_TRUE(pool->Release(again->segment).ok());
  EXPECT_FALSE(pool->Share(again->segment, 0, 1).ok()) << "it has been released";
  EXPECT_NE(pool->Lend(small)->segment, first->segment) << "its bytes are still read";
  EXPECT_EQ(pool->idle_bytes(), 0u);
  shared = Buffer();
  EXPECT_EQ(pool->idle_bytes(), 128u << 10);
  auto big = pool->Lend(large);
  EXPECT_TRUE(pool->Release(big->segment).ok());
  EXPECT_EQ(pool->idle_bytes(), 64u << 20);
  EXPECT_EQ(dropped, std::vector<uint32_t>{first->segment});
  auto second = pool->Lend(small);
  EXPECT_TRUE(pool->Release(second->segment).ok());
  EXPECT_EQ(dropped, (std::vector<uint32_t>{first->segment, big->segment}));
}

}  // namespace
}  // namespace mirin::serving::worker
