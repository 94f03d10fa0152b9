// Settings that a running server can change: the trace and logging extensions of the protocol.
#ifndef CORE_SERVING_SETTINGS_H_
#define CORE_SERVING_SETTINGS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace mirin::serving {

class ServerSettings {
 public:
  using Trace = std::map<std::string, std::vector<std::string>>;
  using Log = std::map<std::string, std::string>;

  ServerSettings();
  // model "": the server's. Settings a model does not have of its own are the server's. Names as in the extension:
  // "trace_level", "trace_rate", "trace_count", "log_frequency", "trace_file", "trace_mode".
  Trace TraceOf(absl::string_view model) const;
  // An empty list clears a model's own value, or brings back the default. InvalidArgument for an unknown name.
  absl::Status UpdateTrace(absl::string_view model, const Trace& changes);
  // "log_info", "log_warning", "log_error" ("true"/"false"), "log_verbose_level", "log_format", "log_file".
  Log Logging() const;
  absl::Status UpdateLogging(const Log& changes);
  // Called with all of them after each change, from the thread that made it.
  void SetLoggingListener(std::function<void(const Log&)> listener);
  // Another number after each change.
  uint64_t version() const { return version_; }

 private:
  std::atomic<uint64_t> version_{0};
  mutable absl::Mutex mutex_;
  std::function<void(const Log&)> listener_ ABSL_GUARDED_BY(mutex_);
  Trace trace_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Trace, std::less<>> models_ ABSL_GUARDED_BY(mutex_);
  Log log_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_SETTINGS_H_
