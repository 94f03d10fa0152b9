#include "core/serving/trace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/serving/otlp.h"

namespace mirin::serving {
namespace {

absl::StatusOr<int> OpenEmpty(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open '", path, "'"));
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TraceFile>> TraceFile::Create(std::string path) {
  MIRIN_ASSIGN_OR_RETURN(const int fd, OpenEmpty(path));
  return std::unique_ptr<TraceFile>(new TraceFile(std::move(path), fd));
}

TraceFile::~TraceFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status TraceFile::Add(const FinishedTrace& trace) {
  const bool numbered = trace.log_frequency > 0;
  if (numbered != numbered_ || (numbered && traces_ >= trace.log_frequency)) {
    MIRIN_ASSIGN_OR_RETURN(const int fd,
                           OpenEmpty(numbered ? absl::StrCat(path_, ".", next_++) : path_));
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
    numbered_ = numbered;
    traces_ = 0;
    end_ = 0;
  }
  const std::string text = absl::StrCat(traces_ == 0 ? "[" : ",", TritonJson(trace), "]");
  if (bytes_ + text.size() > kMaxBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("it holds ", bytes_, " bytes already"));
  }
  const ssize_t wrote = pwrite(fd_, text.data(), text.size(), end_);
  if (wrote < 0) return absl::ErrnoToStatus(errno, absl::StrCat("'", path_, "'"));
  if (static_cast<size_t>(wrote) != text.size()) {
    // the disk is full: back to what was whole
    if (ftruncate(fd_, end_) == 0 && end_ > 0) (void)!pwrite(fd_, "]", 1, end_);
    return absl::ResourceExhaustedError(absl::StrCat("'", path_, "': a short write"));
  }
  end_ += static_cast<int64_t>(text.size()) - 1;
  bytes_ += text.size();
  ++traces_;
  return absl::OkStatus();
}

}  // namespace mirin::serving
