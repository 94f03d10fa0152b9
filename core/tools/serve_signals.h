// SIGTERM and SIGINT as a call on a thread.
#ifndef CORE_TOOLS_SERVE_SIGNALS_H_
#define CORE_TOOLS_SERVE_SIGNALS_H_

#include <signal.h>

#include <functional>
#include <thread>

namespace mirin::tools {

// While it lives, the first of the signals calls `stop`, once, on a thread of its own, where it may block; the next one ends the
// process with 128 and its number. Handlers, not blocked signals: processes started meanwhile inherit nothing. One at a time.
class StopSignals {
 public:
  explicit StopSignals(std::function<void()> stop);
  // Waits for `stop` to return.
  ~StopSignals();
  bool received() const;

 private:
  std::function<void()> stop_;
  int pipe_[2];
  struct sigaction old_term_ = {}, old_int_ = {};
  std::thread thread_;
};

}  // namespace mirin::tools

#endif  // CORE_TOOLS_SERVE_SIGNALS_H_
