#include "core/serving/worker/channel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <thread>

#include "gtest/gtest.h"

namespace mirin::serving::worker {
namespace {

struct Pair {
  Pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    channel = Channel::Create(Descriptor(ends[0]));
    worker.Reset(ends[1]);
  }
  // As a worker; fd: goes with the first byte.
  bool Write(absl::string_view bytes, int fd = -1) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      *header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
      std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    }
    return ::sendmsg(worker.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(bytes.size());
  }
  std::shared_ptr<Channel> channel;
  Descriptor worker;
};

Descriptor Memory(size_t size, int seals) {
  Descriptor fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
  return fd;
}

absl::Status Ignore(const Frame&) { return absl::OkStatus(); }

TEST(Channel, QueuesWhatTheSocketDoesNotTake) {
  Pair pair;
  int wanted = 0;
  pair.channel->SetWantWrite([&](bool want) { wanted += want ? 1 : -1; });
  const std::string large(8u << 20, 'x');
  pair.channel->Send(EncodeFrame(FrameType::kCall, 1, large));
  pair.channel->Send(EncodeFrame(FrameType::kExit));
  EXPECT_EQ(wanted, 1);
  std::string got;
  std::string bytes(1u << 16, '\0');
  while (wanted > 0) {
    const ssize_t size = ::read(pair.worker.get(), &bytes[0], bytes.size());
    ASSERT_GT(size, 0);
    got.append(bytes, 0, static_cast<size_t>(size));
    pair.channel->Flush();
  }
  while (got.size() < large.size() + 2 * kFrameHead) {
    const ssize_t size = ::read(pair.worker.get(), &bytes[0], bytes.size());
    ASSERT_GT(size, 0);
    got.append(bytes, 0, static_cast<size_t>(size));
  }
  EXPECT_TRUE(got == EncodeFrame(FrameType::kCall, 1, large) + EncodeFrame(FrameType::kExit));
}

TEST(Channel, PutsFramesTogether) {
  Pair pair;
  const std::string frames = EncodeFrame(FrameType::kReply, 1, std::string(300000, 'x')) +
                             EncodeFrame(FrameType::kPong, 2);
  std::vector<uint64_t> ids;
  size_t at = 0;
  for (size_t size = 1; at < frames.size(); size = size * 3 % 70001) {
    ASSERT_TRUE(pair.Write(absl::string_view(frames).substr(at, size)));
    at += std::min(size, frames.size() - at);
    const auto read = pair.channel->Read([&](const Frame& frame) {
      ids.push_back(frame.id);
      return absl::OkStatus();
    });
    ASSERT_TRUE(read.ok() && *read);
  }
  EXPECT_EQ(ids, (std::vector<uint64_t>{1, 2}));
  pair.worker.Reset();
  EXPECT_FALSE(*pair.channel->Read(Ignore));
}

TEST(Channel, ReleasesSegmentsOnce) {
  Pair pair;
  const Descriptor memory = Memory(1u << 20, F_SEAL_SHRINK | F_SEAL_GROW);
  ASSERT_TRUE(pair.Write(EncodeBuffer(3, 1u << 20), memory.get()));
  ASSERT_TRUE(*pair.channel->Read(Ignore));
  Buffer first = *pair.channel->Find(false, 3, 0, 100);
  Buffer second = *pair.channel->Find(false, 3, 100, 100);
  EXPECT_FALSE(pair.channel->Find(false, 3, 1u << 20, 1).ok());
  EXPECT_FALSE(pair.channel->Find(false, 4, 0, 1).ok());
  ASSERT_TRUE(pair.Write(EncodeFrame(FrameType::kPong)));
  ASSERT_TRUE(*pair.channel->Read(Ignore));
  EXPECT_FALSE(pair.channel->Find(false, 3, 0, 1).ok())
      << "a later frame uses it before its release";
  first = Buffer();
  char bytes[64];
  EXPECT_LT(::recv(pair.worker.get(), bytes, sizeof(bytes), MSG_DONTWAIT), 0);
  std::thread([&] { second = Buffer(); }).join();
  const std::string release = EncodeSegmentFrame(FrameType::kRelease, 3);
  EXPECT_EQ(::recv(pair.worker.get(), bytes, sizeof(bytes), MSG_DONTWAIT),
            static_cast<ssize_t>(release.size()));
  EXPECT_EQ(absl::string_view(bytes, release.size()), release);
  EXPECT_TRUE(pair.channel->Find(false, 3, 0, 1).ok());
}

TEST(Channel, RefusesSegmentsThatCouldBeShortened) {
  for (int seals : {0, F_SEAL_GROW, F_SEAL_SHRINK}) {
    Pair pair;
    const Descriptor memory = Memory(1u << 20, seals);
    ASSERT_TRUE(pair.Write(EncodeBuffer(1, 1u << 20), memory.get()));
    EXPECT_FALSE(pair.channel->Read(Ignore).ok()) << seals;
  }
  Pair pair;
  const Descriptor memory = Memory(4096, F_SEAL_SHRINK | F_SEAL_GROW);
  ASSERT_TRUE(pair.Write(EncodeBuffer(1, 4097), memory.get()));
  EXPECT_FALSE(pair.channel->Read(Ignore).ok());
}

TEST(Channel, SurvivesAnyBytes) {
  const uint32_t seed = 4711;
  std::mt19937 random(seed);
  const Descriptor memory = Memory(1u << 16, F_SEAL_SHRINK | F_SEAL_GROW);
  const std::string frames[] = {
      EncodeBuffer(1, 1u << 16), EncodeSegmentFrame(FrameType::kRelease, 1),
      EncodeSegmentFrame(FrameType::kDrop, 1), EncodeFrame(FrameType::kPong),
      EncodeFrame(FrameType::kReply, 1, std::string("\1\0\0\0\0\0\0\0\0\0\0\0", 12)),
      // one tensor in segment 1
      EncodeFrame(FrameType::kReply, 1,
                  std::string("\1\0\0\0\0\0\0\0\1\0\0\0\x25\0\1\1\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0"
                              "\0\0\0\4\0\0\0\0\0\0\0",
                              44))};
  int refused = 0, replies = 0;
  for (int round = 0; round < 3000; ++round) {
    Pair pair;
    std::vector<StageResult> kept;
    for (int i = 0; i < 8; ++i) {
      const size_t which = i == 0 ? 0 : random() % 6;
      std::string bytes = frames[which];
      if (random() % 6 == 0) bytes[random() % bytes.size()] = static_cast<char>(random());
      if (!pair.Write(bytes, which == 0 ? memory.get() : -1)) break;
      const auto read = pair.channel->Read([&](const Frame& frame) {
        if (frame.type != FrameType::kReply) return absl::OkStatus();
        auto results = DecodeReply(frame.payload, 1, pair.channel.get());
        if (!results.ok()) return results.status();
        for (StageResult& result : *results) kept.push_back(std::move(result));
        ++replies;
        return absl::OkStatus();
      });
      if (read.ok()) continue;
      ++refused;
      break;
    }
    if (round % 2 == 0) pair.channel = nullptr;  // what is kept outlives it
    for (const StageResult& result : kept) {
      for (const Tensor& tensor : result.outputs)
        ASSERT_TRUE(CheckSize(tensor).ok()) << "seed " << seed;
    }
  }
  EXPECT_GT(refused, 300);
  EXPECT_GT(replies, 300);
}

}  // namespace
}  // namespace mirin::serving::worker
