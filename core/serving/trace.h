// Traces of requests: W3C trace contexts, spans by OTLP/HTTP (JSON), and Triton's trace file.
//
//   std::shared_ptr<RequestTrace> trace = tracer->Start(request);  // null: this one is not traced
//   if (trace) trace->Span("queue", received, started);
//   if (trace) trace->End(reply.failure, reply.version);
#ifndef CORE_SERVING_TRACE_H_
#define CORE_SERVING_TRACE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/serving/log.h"
#include "core/serving/message.h"
#include "core/serving/settings.h"

namespace mirin::serving {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

struct TraceContext {
  TraceId trace = {};
  SpanId span = {};
  bool sampled = false;
};

// The header "traceparent" of https://www.w3.org/TR/trace-context/; nothing for what is none.
std::optional<TraceContext> ParseTraceparent(absl::string_view header);
std::string MakeTraceparent(const TraceContext& context);

struct TracerOptions {
  std::string
      endpoint;  // "http://host:port[/path]" of a collector; the path is /v1/traces when left out. "": no export
  double rate = 0;  // of requests without a traceparent that are exported, 0 to 1
  std::string service = "mirin";
  size_t queue = 4096;                         // traces that wait for export; more are dropped
  absl::Duration interval = absl::Seconds(1);  // between exports
  absl::Duration timeout = absl::Seconds(5);   // of one export
  // Triton's trace file, made anew; JSON that is whole after each write. "": none. Clients choose what is traced
  // (trace_level, trace_rate, trace_count, log_frequency), never the file.
  std::string file;
  // ServerSettings::TraceOf of a servable, asked again whenever settings_version gives another number.
  std::function<ServerSettings::Trace(absl::string_view model)> settings;
  std::function<uint64_t()> settings_version = [] { return uint64_t{0}; };
  EventLog* log = nullptr;  // outlives the tracer; null: failures are only counted
};

// A span with its parts, once it is over.
struct FinishedTrace {
  struct Part {
    std::string name;
    absl::Time start, end;
    SpanId id;
  };
  bool exported = false, filed = false;  // where it goes
  uint64_t log_frequency = 0;            // of the file
  uint64_t number = 0;                   // of this tracer, from 1
  TraceContext context;
  SpanId parent = {};  // zeros: none
  std::string servable, method, request_id;
  uint64_t version = 0;
  absl::Time start, end;
  std::vector<Part> parts;
  std::vector<std::pair<std::string, absl::Time>> events;
  absl::StatusCode status = absl::StatusCode::kOk;
  std::string error;
};

class TraceQueue;

// One request that is traced. Thread-safe.
class RequestTrace {
 public:
  RequestTrace(std::shared_ptr<TraceQueue> queue, FinishedTrace trace);

  void Event(absl::string_view name, absl::Time time);
  // A part of the request: "queue", "compute", "stage".
  void Span(absl::string_view name, absl::Time start, absl::Time end);
  // For what is called on the request's behalf.
  std::string traceparent() const { return MakeTraceparent(context_); }
  // Once, at last; what comes later is ignored. Never blocks on a collector or a file.
  void End(const Failure& failure, uint64_t version);

 private:
  const std::shared_ptr<TraceQueue> queue_;
  const TraceContext context_;
  absl::Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  FinishedTrace trace_ ABSL_GUARDED_BY(mutex_);
};

// Thread-safe. One thread, which sleeps while nothing is traced.
class Tracer {
 public:
  // InvalidArgument: the endpoint or the rate; NotFound, PermissionDenied: the file.
  static absl::StatusOr<std::unique_ptr<Tracer>> Create(TracerOptions options);
  // Exports what waits, for at most the options' timeout.
  ~Tracer();

  // Null when the request is not sampled. Exported: by the flag of its traceparent, else by the rate. Filed: by the settings.
  std::shared_ptr<RequestTrace> Start(const InferRequest& request);

  uint64_t exported() const;  // traces that a collector took
  uint64_t dropped() const;   // the queue was full, or a collector failed

 private:
  struct Plan;
  explicit Tracer(TracerOptions options);
  bool Filed(const std::string& servable, uint64_t* log_frequency);

  const TracerOptions options_;
  std::shared_ptr<TraceQueue> queue_;
  std::atomic<uint64_t> number_{0};
  absl::Mutex mutex_;
  uint64_t settings_version_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Plan, std::less<>> plans_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_TRACE_H_
