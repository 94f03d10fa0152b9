// Triton's trace file: one JSON array, whole after each trace.
#ifndef CORE_SERVING_TRACE_FILE_H_
#define CORE_SERVING_TRACE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/serving/trace.h"

namespace mirin::serving {

// For one thread.
class TraceFile {
 public:
  // Clients choose how much is traced: nothing is written beyond this.
  static constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

  // Makes or empties the file, with mode 0600. NotFound, PermissionDenied.
  static absl::StatusOr<std::unique_ptr<TraceFile>> Create(std::string path);
  ~TraceFile();

  // With a log_frequency, every so many traces go to a file PATH.0, PATH.1 .. of their own. ResourceExhausted at kMaxBytes.
  absl::Status Add(const FinishedTrace& trace);

 private:
  TraceFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  const std::string path_;
  int fd_ = -1;
  bool numbered_ = false;  // the open file is one of PATH.n
  uint64_t next_ = 0;      // its n will be
  uint64_t traces_ = 0;    // in the open file
  int64_t end_ = 0;        // where its closing bracket is
  uint64_t bytes_ = 0;     // in all files
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_TRACE_FILE_H_
