// Counters and histograms of a server, in Prometheus' text form.
#ifndef CORE_SERVING_METRICS_H_
#define CORE_SERVING_METRICS_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mirin::serving {

// The series of one method. Thread-safe; a call costs well under a microsecond.
class MethodMetrics {
 public:
  virtual ~MethodMetrics() = default;
  // One request was answered. status: gRPC's code.
  virtual void Request(int status, absl::Duration total) = 0;
  // One batch of `size` instances ran: the longest wait in it, and its computation.
  virtual void Batch(uint64_t size, absl::Duration queue, absl::Duration compute) = 0;
  virtual void QueueLength(int64_t delta) = 0;
};

class Metrics {
 public:
  static std::unique_ptr<Metrics> Create();
  virtual ~Metrics() = default;
  // Lives as long as this; the same object for the same labels.
  virtual MethodMetrics* Method(absl::string_view servable, uint64_t version,
                                absl::string_view method) = 0;
  // A request that no method could be found for, or that a protocol refused. protocol: "grpc" or "http".
  virtual void Refused(absl::string_view protocol, absl::string_view reason) = 0;
  virtual void WorkerStarted(absl::string_view servable) = 0;
  // reason: "crash", "hang", "exit".
  virtual void WorkerEnded(absl::string_view servable, absl::string_view reason) = 0;
  virtual void Connections(absl::string_view protocol, int64_t delta) = 0;
  // The exposition format, version 0.0.4.
  virtual std::string Text() const = 0;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_METRICS_H_
