// A line on stderr for work that takes longer than two seconds.
#ifndef CORE_TOOLS_PROGRESS_LINE_H_
#define CORE_TOOLS_PROGRESS_LINE_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace mirin::tools {

// From two seconds on it prints text() with the seconds passed: once a second in place on a terminal, every ten seconds as a
// line of its own elsewhere. text is called on a thread of the object.
class ProgressLine {
 public:
  explicit ProgressLine(std::function<std::string()> text);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  void Watch();

  const std::function<std::string()> text_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace mirin::tools

#endif  // CORE_TOOLS_PROGRESS_LINE_H_
