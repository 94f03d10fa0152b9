#include "core/serving/worker/process.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"

namespace mirin::serving::worker {
namespace {

Process::Command Shell(const std::string& script) { return {{"sh", "-c", script}, {}, "SOCKET"}; }

void AwaitReadable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  ASSERT_EQ(::poll(&ready, 1, -1), 1);
}

TEST(Process, KeepsWhatItPrintedAndHowItEnded) {
  auto process = Process::Start(Shell("echo boom >&2; exit 3"));
  ASSERT_TRUE(process.ok()) << process.status();
  AwaitReadable((*process)->pidfd());
  EXPECT_EQ((*process)->ReadStderr(), Process::Read::kSome);
  EXPECT_EQ((*process)->ReadStderr(), Process::Read::kEnd);
  EXPECT_EQ((*process)->printed(), "boom\n");
  EXPECT_EQ(ExitText((*process)->Reap()), "exited with code 3");
}

TEST(Process, GetsItsVariables) {
  Process::Command command = Shell("echo \"$SOCKET $NAME\" >&2");
  command.environment = {{"NAME", "a value"}};
  auto process = Process::Start(command);
  ASSERT_TRUE(process.ok()) << process.status();
  AwaitReadable((*process)->pidfd());
  (*process)->ReadStderr();
  EXPECT_EQ((*process)->printed(), "3 a value\n");
}

TEST(Process, DiesWithTheThreadThatStartedIt) {
  std::unique_ptr<Process> process;
  std::thread([&] {
    auto started = Process::Start(Shell("exec sleep 1000"));
    ASSERT_TRUE(started.ok()) << started.status();
    process = *std::move(started);
  }).join();
  ASSERT_NE(process, nullptr);
  AwaitReadable(process->pidfd());
  EXPECT_EQ(process->Reap().signal, SIGKILL);
}

TEST(Process, TakesTheProcessesItStartedAlong) {
  auto process = Process::Start(Shell("sleep 1000 & echo $! >&2"));
  ASSERT_TRUE(process.ok()) << process.status();
  AwaitReadable((*process)->pidfd());
  (*process)->ReadStderr();
  int pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi((*process)->printed(), &pid)) << (*process)->printed();
  const Descriptor child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ASSERT_TRUE(child.valid());
  (*process)->Reap();
  AwaitReadable(child.get());
}

TEST(Process, SaysWhyItCannotRun) {
  const auto process = Process::Start({{"no such program"}, {}, "SOCKET"});
  EXPECT_EQ(process.status().message(),
            "cannot run \"no such program\": No such file or directory");
}

}  // namespace
}  // namespace mirin::serving::worker
