#include "core/serving/attached_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>
#include <memory>
#include <string>

#include "core/serving/shared_memory.h"
#include "core/serving/testing/client_memory.h"

namespace mirin::serving {
namespace {

constexpr size_t kSize = 1 << 16;

TEST(AttachedMemoryTest, IsReadAndWrittenInPlace) {
  SharedMemoryRegistry registry;
  ClientMemory memory(kSize);
  const auto attached = registry.attached().Attach(memory.Offer());
  ASSERT_TRUE(attached.ok()) << attached.status();
  memory.Write(4096, "abcdef");
  const absl::StatusOr<Buffer> bytes = registry.Read(memory.Key(), 4097, 3);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(bytes->view(), "bcd");
  EXPECT_TRUE(bytes->is_foreign());
  EXPECT_TRUE(bytes->Slice(1, 2).is_foreign());
  memory.Write(4097, "x");
  EXPECT_EQ(bytes->view(), "xcd");  // no copy
  ASSERT_TRUE(registry.Write(memory.Key(), kSize - 2, "yz").ok());
  EXPECT_EQ(memory.Read(kSize - 2, 2), "yz");
  EXPECT_FALSE(registry.Write(memory.Key(), kSize - 1, "yz").ok());
  EXPECT_FALSE(registry.Read(memory.Key(), kSize, 1).ok());
  EXPECT_FALSE(registry.Read(memory.Key(), std::numeric_limits<uint64_t>::max(), 2).ok());
}

TEST(AttachedMemoryTest, IsGoneWithItsHolderButForWhoReads) {
  SharedMemoryRegistry registry;
  ClientMemory memory(kSize);
  auto attached = registry.attached().Attach(memory.Offer());
  ASSERT_TRUE(attached.ok()) << attached.status();
  memory.Write(4096, "abc");
  const absl::StatusOr<Buffer> bytes = registry.Read(memory.Key(), 4096, 3);
  ASSERT_TRUE(bytes.ok());
  attached->reset();
  EXPECT_EQ(registry.Read(memory.Key(), 4096, 3).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(registry.Write(memory.Key(), 4096, "x").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(bytes->view(), "abc");
  EXPECT_TRUE(registry.attached().Attach(memory.Offer()).ok());
}

TEST(AttachedMemoryTest, IsNoRegisteredRegion) {
  SharedMemoryRegistry registry;
  ClientMemory memory(kSize);
  const auto attached = registry.attached().Attach(memory.Offer());
  ASSERT_TRUE(attached.ok());
  EXPECT_TRUE(registry.List("")->empty());
  EXPECT_FALSE(registry.Unregister(memory.Key()).ok());
  registry.UnregisterAll();
  EXPECT_TRUE(registry.Read(memory.Key(), 0, 1).ok());
  EXPECT_EQ(registry.Register(memory.Key(), "/x", 0, 1).code(), absl::StatusCode::kInvalidArgument);
}

TEST(AttachedMemoryTest, IsAttachedOnce) {
  SharedMemoryRegistry registry;
  ClientMemory memory(kSize);
  const auto attached = registry.attached().Attach(memory.Offer());
  ASSERT_TRUE(attached.ok());
  EXPECT_EQ(registry.attached().Attach(memory.Offer()).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST(AttachedMemoryTest, TheSecretMustBeTheMemorys) {
  AttachedMemory attached;
  ClientMemory memory(kSize);
  AttachedMemory::Offer offer = memory.Offer();
  offer.secret.back() = 't';
  EXPECT_EQ(attached.Attach(offer).status().code(), absl::StatusCode::kInvalidArgument);
  offer.secret.pop_back();
  EXPECT_EQ(attached.Attach(offer).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(AttachedMemoryTest, MemoryThatIsNotForItIsRefused) {
  AttachedMemory attached;
  const auto code = [&](const ClientMemory& memory) {
    return attached.Attach(memory.Offer()).status().code();
  };
  EXPECT_EQ(code(ClientMemory(kSize, 's', "mirin-server")), absl::StatusCode::kInvalidArgument);
  // its owner could shorten it, and end the server by that
  EXPECT_EQ(code(ClientMemory(kSize, 's', "mirin-client", F_SEAL_GROW)),
            absl::StatusCode::kInvalidArgument);
  ClientMemory unmarked(kSize);
  unmarked.Write(0, "M");
  EXPECT_EQ(code(unmarked), absl::StatusCode::kInvalidArgument);
}

TEST(AttachedMemoryTest, OffersOfWhatIsNotThereAreRefused) {
  AttachedMemory attached;
  const ClientMemory memory(kSize);
  AttachedMemory::Offer offer = memory.Offer();
  offer.size = kSize + 1;
  EXPECT_EQ(attached.Attach(offer).status().code(), absl::StatusCode::kInvalidArgument);
  offer.size = 8;
  EXPECT_EQ(attached.Attach(offer).status().code(), absl::StatusCode::kInvalidArgument);
  offer = memory.Offer();
  offer.descriptor = 1 << 20;
  EXPECT_EQ(attached.Attach(offer).status().code(), absl::StatusCode::kNotFound);
  offer.descriptor = -1;
  EXPECT_EQ(attached.Attach(offer).status().code(), absl::StatusCode::kInvalidArgument);
  offer = memory.Offer();
  offer.process = 0;
  EXPECT_EQ(attached.Attach(offer).status().code(), absl::StatusCode::kInvalidArgument);
}

// Opening one end of a pipe wakes who waits at the other.
TEST(AttachedMemoryTest, APipeIsNotOpened) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  close(ends[1]);
  AttachedMemory attached;
  AttachedMemory::Offer offer = ClientMemory(kSize).Offer();
  offer.descriptor = ends[0];
  EXPECT_EQ(attached.Attach(offer).status().code(), absl::StatusCode::kInvalidArgument);
  close(ends[0]);
}

}  // namespace
}  // namespace mirin::serving
