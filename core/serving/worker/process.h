// A worker's process.
#ifndef CORE_SERVING_WORKER_PROCESS_H_
#define CORE_SERVING_WORKER_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/descriptor.h"

namespace mirin::serving::worker {

// How a process ended.
struct Exit {
  bool known = true;  // false: something else of this program took its status
  int code = 0;
  int signal = 0;  // 0: it exited by itself
};
// "was killed by signal 9 (Killed)", "exited with code 3".
std::string ExitText(const Exit& exit);

class Process {
 public:
  struct Command {
    std::vector<std::string> arguments;  // [0] is the program, looked for in PATH
    std::vector<std::pair<std::string, std::string>> environment;  // over this process' own
    std::string socket_variable;  // gets the number of the process' end of the socket
  };
  // The process gets /dev/null, this process' stdout, a pipe as stderr and the socket, nothing else; it is the leader of a process
  // group of its own (a terminal's Ctrl-C is the server's), and is killed when the calling thread ends.
  static absl::StatusOr<std::unique_ptr<Process>> Start(const Command& command);
  // Kills and reaps what has not ended.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }       // readable once it has ended
  int stderr_fd() const { return stderr_.get(); }  // does not block
  Descriptor TakeSocket() { return std::move(socket_); }

  // SIGKILL, to all of its group.
  void Kill();
  // Of an ended process. Ends what is left of its group.
  Exit Reap();
  // Reads some of what it printed, keeps the end of it and forwards it to this process' stderr. kNone: nothing now.
  enum class Read { kSome, kNone, kEnd };
  Read ReadStderr();
  // The last 8 KiB.
  const std::string& printed() const { return printed_; }

 private:
  Process() = default;
  pid_t pid_ = -1;  // -1: reaped
  Descriptor pidfd_, stderr_, socket_;
  std::string printed_;
};

}  // namespace mirin::serving::worker

#endif  // CORE_SERVING_WORKER_PROCESS_H_
