#include <cstdint>
#include <cstring>
#include <vector>

#include "core/backend/backend.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

constexpr size_t kKiB = 1024, kMiB = 1024 * kKiB;

TEST(WeightCache, GivesAlignedMemoryThatDoesNotOverlap) {
  WeightCache cache;
  std::vector<std::pair<std::shared_ptr<void>, size_t>> all;
  for (const size_t bytes : {size_t{0}, size_t{1}, 128 * kKiB, 3 * kMiB + 4, 200 * kKiB + 1,
                             6 * kMiB, kMiB, 5 * kMiB, 128 * kKiB - 1}) {
    all.emplace_back(cache.Allocate(bytes), bytes);
    ASSERT_NE(all.back().first, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(all.back().first.get()) % 64, 0u);
    std::memset(all.back().first.get(), static_cast<int>(all.size()), bytes);
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const auto* p = static_cast<const uint8_t*>(all[i].first.get());
    if (all[i].second == 0) continue;
    for (const size_t at : {size_t{0}, all[i].second / 2, all[i].second - 1})
      EXPECT_EQ(p[at], i + 1) << all[i].second << " bytes at " << at;
  }
}

TEST(WeightCache, MemoryOutlivesTheCacheAndItsNeighbours) {
  auto cache = std::make_unique<WeightCache>();
  std::shared_ptr<void> first = cache->Allocate(kMiB), second = cache->Allocate(kMiB);
  std::memset(second.get(), 7, kMiB);
  first.reset();
  cache.reset();
  EXPECT_EQ(static_cast<const uint8_t*>(second.get())[kMiB - 1], 7);
}

TEST(WeightCache, SaysThatThereIsNoMemory) {
  WeightCache cache;
  EXPECT_EQ(cache.Allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(cache.Allocate(SIZE_MAX / 4), nullptr);
}

}  // namespace
}  // namespace mirin
