#include "core/tools/serve_signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace mirin::tools {
namespace {

// What a handler can reach.
std::atomic<int> g_pipe{-1};
std::atomic<int> g_signals{0};

void OnSignal(int signal) {
  const int before = errno;
  if (g_signals.fetch_add(1) > 0) _exit(128 + signal);
  const char byte = 's';
  // the pipe is empty: this neither blocks nor fails
  (void)!write(g_pipe.load(), &byte, 1);
  errno = before;
}

}  // namespace

StopSignals::StopSignals(std::function<void()> stop) : stop_(std::move(stop)) {
  if (pipe2(pipe_, O_CLOEXEC) != 0) std::abort();  // no descriptors: nothing could be served either
  g_signals = 0;
  g_pipe = pipe_[1];
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, &old_term_);
  sigaction(SIGINT, &action, &old_int_);
  thread_ = std::thread([this] {
    char byte = 0;
    while (read(pipe_[0], &byte, 1) < 0 && errno == EINTR) {
    }
    if (byte == 's') stop_();
  });
}

StopSignals::~StopSignals() {
  sigaction(SIGTERM, &old_term_, nullptr);
  sigaction(SIGINT, &old_int_, nullptr);
  const char byte = 'q';
  (void)!write(pipe_[1], &byte, 1);
  thread_.join();
  g_pipe = -1;
  close(pipe_[0]);
  close(pipe_[1]);
}

bool StopSignals::received() const { return g_signals.load() > 0; }

}  // namespace mirin::tools
