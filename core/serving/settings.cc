#include "core/serving/settings.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/log.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxModels = 4096;  // with values of their own

const ServerSettings::Trace& TraceDefaults() {
  static const auto* const defaults = new ServerSettings::Trace{
      {"trace_level", {"OFF"}}, {"trace_rate", {"1000"}}, {"trace_count", {"-1"}},
      {"log_frequency", {"0"}}, {"trace_file", {""}},     {"trace_mode", {"triton"}},
  };
  return *defaults;
}

bool IsNumber(const std::vector<std::string>& values, int64_t least) {
  int64_t number;
  return values.size() == 1 && absl::SimpleAtoi(values[0], &number) && number >= least;
}

absl::Status CheckTrace(absl::string_view name, const std::vector<std::string>& values) {
  bool good = true;
  if (name == "trace_level") {
    good = std::all_of(values.begin(), values.end(), [](const std::string& v) {
      return v == "OFF" || v == "MIN" || v == "MAX" || v == "TIMESTAMPS" || v == "TENSORS";
    });
  } else if (name == "trace_rate") {
    good = IsNumber(values, 1);
  } else if (name == "trace_count") {
    good = IsNumber(values, -1);
  } else if (name == "log_frequency") {
    good = IsNumber(values, 0);
  } else if (name == "trace_mode") {
    good = values.size() == 1 && (values[0] == "triton" || values[0] == "opentelemetry");
  } else if (name == "trace_file") {
    return absl::InvalidArgumentError(
        "trace file location can not be updated through network protocol");
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown trace setting '", name, "'"));
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("invalid value of trace setting '", name, "'"));
}

absl::Status CheckLog(absl::string_view name, absl::string_view value) {
  bool good;
  if (name == "log_info" || name == "log_warning" || name == "log_error") {
    good = value == "true" || value == "false";
  } else if (name == "log_verbose_level") {
    good = IsNumber({std::string(value)}, 0);
  } else if (name == "log_format") {
    good = value == "default" || value == "ISO8601";
  } else if (name == "log_file") {
    return absl::InvalidArgumentError(
        "log file location can not be updated through network protocol");
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown log setting '", name, "'"));
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("invalid value of log setting '", name, "': '", value, "'"));
}

// The most talkative of the levels that are on: the log knows a threshold.
LogLevel LevelOf(const ServerSettings::Log& log) {
  if (log.at("log_verbose_level") != "0") return LogLevel::kDebug;
  if (log.at("log_info") == "true") return LogLevel::kInfo;
  if (log.at("log_warning") == "true") return LogLevel::kWarning;
  return log.at("log_error") == "true" ? LogLevel::kError : LogLevel::kOff;
}

}  // namespace

ServerSettings::ServerSettings() : trace_(TraceDefaults()) {
  const auto on = [](LogLevel level) { return LogEnabled(level) ? "true" : "false"; };
  log_ = {{"log_info", on(LogLevel::kInfo)},
          {"log_warning", on(LogLevel::kWarning)},
          {"log_error", on(LogLevel::kError)},
          {"log_verbose_level", LogEnabled(LogLevel::kDebug) ? "1" : "0"},
          {"log_format", "default"},
          {"log_file", ""}};
}

ServerSettings::Trace ServerSettings::TraceOf(absl::string_view model) const {
  absl::MutexLock lock(&mutex_);
  Trace trace = trace_;
  if (const auto own = models_.find(model); own != models_.end()) {
    for (const auto& [name, values] : own->second) trace[name] = values;
  }
  return trace;
}

absl::Status ServerSettings::UpdateTrace(absl::string_view model, const Trace& changes) {
  for (const auto& [name, values] : changes) {
    if (values.empty() && TraceDefaults().count(name) != 0) continue;
    const absl::Status status = CheckTrace(name, values);
    if (!status.ok()) return status;
  }
  if (changes.empty()) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  ++version_;
  if (model.empty()) {
    for (const auto& [name, values] : changes) {
      trace_[name] = values.empty() ? TraceDefaults().at(name) : values;
    }
    return absl::OkStatus();
  }
  auto own = models_.find(model);
  if (own == models_.end()) {
    if (models_.size() >= kMaxModels)
      return absl::ResourceExhaustedError("too many models with trace settings");
    own = models_.emplace(std::string(model), Trace()).first;
  }
  for (const auto& [name, values] : changes) {
    if (values.empty()) {
      own->second.erase(name);
    } else {
      own->second[name] = values;
    }
  }
  if (own->second.empty()) models_.erase(own);
  return absl::OkStatus();
}

ServerSettings::Log ServerSettings::Logging() const {
  absl::MutexLock lock(&mutex_);
  return log_;
}

absl::Status ServerSettings::UpdateLogging(const Log& changes) {
  for (const auto& [name, value] : changes) {
    const absl::Status status = CheckLog(name, value);
    if (!status.ok()) return status;
  }
  if (changes.empty()) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, value] : changes) log_[name] = value;
  SetLogLevel(LevelOf(log_));
  ++version_;
  if (listener_) listener_(log_);
  return absl::OkStatus();
}

void ServerSettings::SetLoggingListener(std::function<void(const Log&)> listener) {
  absl::MutexLock lock(&mutex_);
  listener_ = std::move(listener);
}

}  // namespace mirin::serving
