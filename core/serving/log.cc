#include "core/serving/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/json.h"

namespace mirin::serving {
namespace {

constexpr absl::string_view kLevels[] = {"off", "error", "warning", "info", "debug"};
constexpr size_t kMaxText = 1024;  // of one field
constexpr size_t kMaxEvents = 1000;

std::string Cut(absl::string_view text) {
  if (text.size() <= kMaxText) return JsonString(text);
  return JsonString(absl::StrCat(text.substr(0, kMaxText), "..."));
}

// A text that needs no quotes in a text line.
bool IsPlain(absl::string_view text) {
  if (text.empty() || text.size() > kMaxText) return false;
  for (const char c : text) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c > '~') return false;
  }
  return true;
}

std::string ValueText(const LogField::Value& value, LogFormat format) {
  if (const auto* text = std::get_if<absl::string_view>(&value)) {
    return format == LogFormat::kText && IsPlain(*text) ? std::string(*text) : Cut(*text);
  }
  if (const auto* number = std::get_if<int64_t>(&value)) return absl::StrCat(*number);
  if (const auto* on = std::get_if<bool>(&value)) return *on ? "true" : "false";
  const double number = std::get<double>(value);
  return std::isfinite(number) ? absl::StrCat(number) : "null";
}

void WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;  // a log that cannot be written stops nothing
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
}

bool On(const std::map<std::string, std::string>& settings, const char* name) {
  const auto it = settings.find(name);
  return it == settings.end() || it->second == "true";
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLog>> EventLog::Create(LogOptions options) {
  int fd = -1;
  if (!options.sink) {
    fd = options.file.empty()
             ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
             : open(options.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat("cannot open the log ",
                              options.file.empty() ? "on stderr" : Cut(options.file)));
    }
  }
  return std::unique_ptr<EventLog>(new EventLog(std::move(options), fd));
}

EventLog::EventLog(LogOptions options, int fd)
    : options_(std::move(options)),
      fd_(fd),
      level_(static_cast<int>(options_.level)),
      format_(options_.format),
      access_(options_.access) {}

EventLog::~EventLog() {
  if (fd_ >= 0) close(fd_);
}

void EventLog::Event(LogLevel level, absl::string_view event,
                     std::initializer_list<LogField> fields) {
  if (!Enabled(level)) return;
  const absl::Time now = options_.now();
  absl::MutexLock lock(&mutex_);
  if (repeats_.size() >= kMaxEvents)
    repeats_.clear();  // events are constants: this is a caller's slip
  Repeats& repeats = repeats_[absl::StrCat(static_cast<int>(level), event)];
  if (repeats.lines == 0 || now - repeats.since >= options_.interval) {
    repeats.since = now;
    repeats.lines = 0;
  }
  if (repeats.lines >= options_.repeats) {
    ++repeats.left_out;
    return;
  }
  ++repeats.lines;
  Write(level, event, fields.begin(), fields.size(), std::exchange(repeats.left_out, 0));
}

void EventLog::Access(absl::string_view protocol, absl::string_view peer,
                      const InferRequest& request, const InferReply& reply) {
  if (!access()) return;
  size_t failed = 0;
  const Failure* failure = &reply.failure;  // of the request, else the first one of an instance
  for (const InstanceReply& instance : reply.instances) {
    failed += !instance.failure.ok();
    if (failure->ok()) failure = &instance.failure;
  }
  const std::string code = absl::StatusCodeToString(failure->status);
  std::vector<LogField> fields = {
      {"protocol", protocol},
      {"peer", peer},
      {"servable", request.servable},
      {"method", request.method},
      {"version", reply.version != 0 ? reply.version : request.version},
      {"id", request.id},
      {"instances", reply.instances.size()},
      {"failed", failed},
      {"code", code},
      {"duration_ms", absl::Now() - request.received},
  };
  if (!request.traceparent.empty()) fields.emplace_back("traceparent", request.traceparent);
  if (!failure->ok()) fields.emplace_back("error", failure->text);
  absl::MutexLock lock(&mutex_);
  Write(LogLevel::kInfo, "request", fields.data(), fields.size(), 0);
}

void EventLog::Write(LogLevel level, absl::string_view event, const LogField* fields, size_t count,
                     uint64_t left_out) {
  const LogFormat format = format_.load(std::memory_order_relaxed);
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", options_.now(), absl::UTCTimeZone());
  const absl::string_view name = kLevels[static_cast<int>(level)];
  const bool json = format == LogFormat::kJson;
  std::string line = json ? absl::StrCat("{\"time\":\"", time, "\",\"level\":\"", name,
                                         "\",\"event\":", Cut(event))
                          : absl::StrCat(time, " ", name, " ", ValueText(event, format));
  const auto add = [&](absl::string_view key, const LogField::Value& value) {
    if (json) {
      absl::StrAppend(&line, ",", JsonString(key), ":", ValueText(value, format));
    } else {
      absl::StrAppend(&line, " ", key, "=", ValueText(value, format));
    }
  };
  for (size_t i = 0; i < count; ++i) add(fields[i].key, fields[i].value);
  if (left_out > 0) add("left_out", static_cast<int64_t>(left_out));
  if (json) line += '}';
  if (options_.sink) {
    options_.sink(line);
  } else {
    line += '\n';
    WriteAll(fd_, line);  // one write: lines of several processes do not mix
  }
}

void EventLog::SetLevel(LogLevel level) {
  level_.store(static_cast<int>(level), std::memory_order_relaxed);
}

void EventLog::SetFormat(LogFormat format) { format_.store(format, std::memory_order_relaxed); }

void EventLog::Apply(const std::map<std::string, std::string>& settings) {
  LogLevel level = LogLevel::kOff;
  if (On(settings, "log_error")) level = LogLevel::kError;
  if (On(settings, "log_warning")) level = LogLevel::kWarning;
  if (On(settings, "log_info")) level = LogLevel::kInfo;
  const auto verbose = settings.find("log_verbose_level");
  const bool debug =
      verbose != settings.end() && verbose->second != "0" && !verbose->second.empty();
  SetLevel(debug ? LogLevel::kDebug : level);
  SetAccess(debug || options_.access);
}

absl::StatusOr<LogLevel> EventLog::ParseLevel(absl::string_view name) {
  for (int i = 0; i < 5; ++i) {
    if (kLevels[i] == name) return static_cast<LogLevel>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the log level must be off, error, warning, info or debug, got '", name, "'"));
}

absl::StatusOr<LogFormat> EventLog::ParseFormat(absl::string_view name) {
  if (name == "text") return LogFormat::kText;
  if (name == "json") return LogFormat::kJson;
  return absl::InvalidArgumentError(
      absl::StrCat("the log format must be text or json, got '", name, "'"));
}

}  // namespace mirin::serving
