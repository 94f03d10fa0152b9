#include "core/serving/grpc/message_assembler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

std::string Framed(absl::string_view message, char flag = 0) {
  std::string out(1, flag);
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(message.size() >> shift));
  return absl::StrCat(out, message);
}

TEST(MessageAssembler, TakesMessagesInAnyPieces) {
  const std::vector<std::string> messages = {"", "a", std::string(300, 'b'), ""};
  std::string all;
  for (const std::string& message : messages) all += Framed(message);
  for (size_t step = 1; step <= all.size(); ++step) {
    MessageAssembler assembler(300, std::make_shared<MemoryBudget>(300));
    std::vector<std::string> got;
    for (size_t at = 0; at < all.size(); at += step) {
      absl::string_view bytes = absl::string_view(all).substr(at, step);
      while (!bytes.empty()) {
        const absl::StatusOr<bool> complete = assembler.Take(&bytes);
        ASSERT_TRUE(complete.ok()) << complete.status();
        if (*complete) got.emplace_back(assembler.Message().view());
      }
    }
    EXPECT_EQ(got, messages) << "in pieces of " << step;
    EXPECT_FALSE(assembler.in_message());
  }
}

TEST(MessageAssembler, RefusesBeforeItTakesMemory) {
  const auto budget = std::make_shared<MemoryBudget>(1000);
  const auto error = [&](std::string bytes) {
    MessageAssembler assembler(100, budget);
    absl::string_view rest = bytes;
    return assembler.Take(&rest).status();
  };
  EXPECT_EQ(error(Framed(std::string(101, 'a')).substr(0, 5)),
            absl::ResourceExhaustedError("Received message larger than max (101 vs. 100)"));
  EXPECT_EQ(error(std::string("\0\xff\xff\xff\xff", 5)),
            absl::ResourceExhaustedError("Received message larger than max (4294967295 vs. 100)"));
  EXPECT_EQ(error(std::string("\2\0\0\0\1", 5)).code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(budget->Take(1000));
}

TEST(MessageAssembler, AnAnnouncementAloneCostsLittle) {
  constexpr uint64_t kMiB = 1 << 20;
  const auto budget = std::make_shared<MemoryBudget>(200 * kMiB);
  MessageAssembler assembler(100 * kMiB, budget);
  std::string bytes = Framed(std::string(100 * kMiB, 'x')).substr(0, 6);
  absl::string_view rest = bytes;
  ASSERT_TRUE(assembler.Take(&rest).ok());
  EXPECT_TRUE(budget->Take(199 * kMiB));
  EXPECT_FALSE(budget->Take(1));
}

TEST(MessageAssembler, MessagesCountForAsLongAsTheyLive) {
  const auto budget = std::make_shared<MemoryBudget>(150);
  MessageAssembler assembler(100, budget);
  const auto take = [&] {
    const std::string framed = Framed(std::string(100, 'm'));
    absl::string_view bytes = framed;
    return assembler.Take(&bytes).status();
  };
  ASSERT_TRUE(take().ok());
  Buffer slice = assembler.Message().Slice(10, 5);
  EXPECT_EQ(take().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(slice.view(), "mmmmm");
  slice = Buffer();
  EXPECT_TRUE(budget->Take(150));
}

}  // namespace
}  // namespace mirin::serving
