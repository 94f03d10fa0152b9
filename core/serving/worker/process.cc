#include "core/serving/worker/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::serving::worker {
namespace {

constexpr int kSocket = 3;      // in the worker
constexpr int kFirstFree = 10;  // above what the worker's descriptors are moved to
constexpr size_t kPrinted = 8u << 10;
constexpr int kPidfd = 3;  // P_PIDFD, younger than some C libraries
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif

absl::Status SystemError(absl::string_view what, int error) {
  return absl::ResourceExhaustedError(absl::StrCat(what, ": ", std::strerror(error)));
}

absl::StatusOr<Descriptor> High(Descriptor fd) {
  Descriptor high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFree));
  if (!high.valid()) return SystemError("a worker's descriptors", errno);
  return high;
}

struct Image {
  const char* const* arguments;
  const char* const* environment;
  int socket, stderr_fd, error_fd;
  pid_t server;
};

// Between vfork and exec: async-signal-safe calls only, and nothing of the parent's memory changes.
[[noreturn]] void RunImage(const Image& image) {
  const auto fail = [&image] {
    const int error = errno;
    (void)!::write(image.error_fd, &error, sizeof(error));
    ::_exit(127);
  };
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != image.server) ::_exit(127);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null > 0) ::dup2(null, STDIN_FILENO);
  if (::dup2(image.stderr_fd, STDERR_FILENO) < 0 || ::dup2(image.socket, kSocket) < 0) fail();
  // the host's own may lack the flag
  if (::syscall(SYS_close_range, kSocket + 1, ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
    for (int fd = kSocket + 1; fd < 4096; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  // the host's threads may block what should end a worker
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(image.arguments[0], const_cast<char* const*>(image.arguments),
            const_cast<char* const*>(image.environment));
  fail();
  ::_exit(127);
}

// A call of its own, so that no variable lives across vfork. No handler of a signal may run in the child, whose memory is the parent's.
__attribute__((noinline)) pid_t Fork(const Image& image) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) RunImage(image);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

std::vector<std::string> Environment(const Process::Command& command) {
  std::map<std::string, std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const absl::string_view text = *variable;
    const size_t equals = text.find('=');
    if (equals != absl::string_view::npos)
      variables[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
  }
  for (const auto& [name, value] : command.environment) variables[name] = value;
  variables[command.socket_variable] = absl::StrCat(kSocket);
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) environment.push_back(absl::StrCat(name, "=", value));
  return environment;
}

std::vector<const char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  pointers.push_back(nullptr);
  return pointers;
}

// Never blocks: what a full pipe does not take is lost to it.
void Forward(absl::string_view bytes) {
  while (!bytes.empty()) {
    pollfd out{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0) return;
    // a pipe that is ready takes as much without blocking
    const ssize_t written =
        ::write(STDERR_FILENO, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

std::string ExitText(const Exit& exit) {
  if (!exit.known) return "ended";
  if (exit.signal == 0) return absl::StrCat("exited with code ", exit.code);
  return absl::StrCat("was killed by signal ", exit.signal, " (", ::strsignal(exit.signal), ")");
}

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const Command& command) {
  std::unique_ptr<Process> process(new Process);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return SystemError("socketpair", errno);
  process->socket_.Reset(ends[0]);
  MIRIN_ASSIGN_OR_RETURN(Descriptor socket, High(Descriptor(ends[1])));
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe", errno);
  process->stderr_.Reset(ends[0]);
  MIRIN_ASSIGN_OR_RETURN(Descriptor stderr_fd, High(Descriptor(ends[1])));
  ::fcntl(process->stderr_.get(), F_SETFL, O_NONBLOCK);
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe", errno);
  const Descriptor error(ends[0]);
  MIRIN_ASSIGN_OR_RETURN(Descriptor error_fd, High(Descriptor(ends[1])));

  const std::vector<std::string> environment = Environment(command);
  const std::vector<const char*> arguments = Pointers(command.arguments),
                                 variables = Pointers(environment);
  const Image image{arguments.data(), variables.data(), socket.get(),
                    stderr_fd.get(),  error_fd.get(),   ::getpid()};
  process->pid_ = Fork(image);
  if (process->pid_ < 0) return SystemError("fork", errno);
  error_fd.Reset();
  int failed = 0;
  if (::read(error.get(), &failed, sizeof(failed)) == sizeof(failed)) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot run \"", command.arguments[0], "\": ", std::strerror(failed)));
  }
  process->pidfd_.Reset(static_cast<int>(::syscall(SYS_pidfd_open, process->pid_, 0)));
  if (!process->pidfd_.valid()) return SystemError("pidfd_open (Linux 5.3)", errno);
  return process;
}

Process::~Process() {
  if (pid_ < 0) return;
  Kill();
  Reap();
}

void Process::Kill() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  // in case the group is not its own yet
  if (pidfd_.valid()) {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  } else {
    ::kill(pid_, SIGKILL);
  }
}

Exit Process::Reap() {
  siginfo_t info{};
  const auto wait = [&](int options) {
    int result;
    do {
      result = pidfd_.valid()
                   ? ::waitid(static_cast<idtype_t>(kPidfd), pidfd_.get(), &info, options)
                   : ::waitid(P_PID, pid_, &info, options);
    } while (result != 0 && errno == EINTR);
    return result;
  };
  // the pid, and with it the group's number, is taken until the process is reaped
  if (wait(WEXITED | WNOWAIT) == 0) ::kill(-pid_, SIGKILL);
  const int result = wait(WEXITED);
  pid_ = -1;
  Exit exit;
  exit.known = result == 0;
  (info.si_code == CLD_EXITED ? exit.code : exit.signal) = info.si_status;
  return exit;
}

Process::Read Process::ReadStderr() {
  char bytes[16 << 10];
  const ssize_t got = ::read(stderr_.get(), bytes, sizeof(bytes));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Read::kNone;
  if (got <= 0) return Read::kEnd;
  const absl::string_view text(bytes, static_cast<size_t>(got));
  Forward(text);
  absl::StrAppend(&printed_, text);
  if (printed_.size() > kPrinted) printed_.erase(0, printed_.size() - kPrinted);
  return Read::kSome;
}

}  // namespace mirin::serving::worker
