// What happens in a server: one line an event, as text for people or as JSON for machines.
//
//   log->Event(LogLevel::kWarning, "worker ended", {{"servable", name}, {"reason", reason}, {"pid", pid}});
//
// A line holds only what it is given: tensors, keys, headers and bodies are never logged. Texts of clients are escaped and cut, so
// that nobody can write a line of their own.
#ifndef CORE_SERVING_LOG_H_
#define CORE_SERVING_LOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/base/log.h"
#include "core/serving/message.h"

namespace mirin::serving {

enum class LogFormat { kText, kJson };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  bool access = false;  // a line for each request
  std::string file;     // appended to, made with mode 0600; "": stderr
  // Instead of the file; gets whole lines without their newline, one at a time.
  std::function<void(absl::string_view line)> sink;
  // Lines of one event and level in an interval; the next one that is written says how many were left out.
  uint32_t repeats = 10;
  absl::Duration interval = absl::Seconds(10);
  std::function<absl::Time()> now = [] { return absl::Now(); };
};

struct LogField {
  using Value = std::variant<absl::string_view, int64_t, double, bool>;
  LogField(absl::string_view k, absl::string_view v) : key(k), value(v) {}
  LogField(absl::string_view k, const char* v) : key(k), value(absl::string_view(v)) {}
  LogField(absl::string_view k, const std::string& v) : key(k), value(absl::string_view(v)) {}
  LogField(absl::string_view k, double v) : key(k), value(v) {}
  LogField(absl::string_view k, bool v) : key(k), value(v) {}
  template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>>
  LogField(absl::string_view k, T v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(absl::string_view k, absl::Duration v) : key(k), value(absl::ToDoubleMilliseconds(v)) {}

  absl::string_view key;  // ends in "_ms" for a duration
  Value value;
};

// Thread-safe.
class EventLog {
 public:
  // PermissionDenied, NotFound: the file cannot be opened.
  static absl::StatusOr<std::unique_ptr<EventLog>> Create(LogOptions options);
  ~EventLog();

  // Cheap: guards the making of fields.
  bool Enabled(LogLevel level) const {
    return static_cast<int>(level) <= level_.load(std::memory_order_relaxed);
  }
  bool access() const { return access_.load(std::memory_order_relaxed); }

  // event: a constant text, by which repeats are known.
  void Event(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields = {});
  // The line of one request, when access() is on. peer: "127.0.0.1:4711", "unix".
  void Access(absl::string_view protocol, absl::string_view peer, const InferRequest& request,
              const InferReply& reply);

  void SetLevel(LogLevel level);
  void SetAccess(bool on) { access_.store(on, std::memory_order_relaxed); }
  void SetFormat(LogFormat format);
  // The protocol's logging settings (ServerSettings::Logging): "log_info", "log_warning", "log_error", "log_verbose_level"
  // (above 0: debug and the access log). A client cannot choose the file.
  void Apply(const std::map<std::string, std::string>& settings);

  static absl::StatusOr<LogLevel> ParseLevel(absl::string_view name);
  static absl::StatusOr<LogFormat> ParseFormat(absl::string_view name);

 private:
  struct Repeats {
    absl::Time since;
    uint32_t lines = 0;
    uint64_t left_out = 0;
  };

  EventLog(LogOptions options, int fd);
  void Write(LogLevel level, absl::string_view event, const LogField* fields, size_t count,
             uint64_t left_out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const LogOptions options_;
  const int fd_;  // -1: the sink
  std::atomic<int> level_;
  std::atomic<LogFormat> format_;
  std::atomic<bool> access_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Repeats> repeats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_LOG_H_
