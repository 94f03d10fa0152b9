#include "core/tools/progress_line.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace mirin::tools {

ProgressLine::ProgressLine(std::function<std::string()> text)
    : text_(std::move(text)), thread_([this] { Watch(); }) {}

ProgressLine::~ProgressLine() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ProgressLine::Watch() {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const int step = terminal ? 1 : 10;
  bool shown = false;
  std::unique_lock<std::mutex> lock(mutex_);
  for (int seconds = 2, wait = 2;
       !changed_.wait_for(lock, std::chrono::seconds(wait), [this] { return done_; });
       seconds += wait) {
    std::fprintf(stderr, terminal ? "\r\033[K%s (%d s)" : "%s (%d s)\n", text_().c_str(), seconds);
    std::fflush(stderr);
    shown = true;
    wait = step;
  }
  if (shown && terminal) std::fputs("\r\033[K", stderr);
}

}  // namespace mirin::tools
