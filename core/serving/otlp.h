// Traces as JSON, and their way to a collector.
#ifndef CORE_SERVING_OTLP_H_
#define CORE_SERVING_OTLP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/serving/trace.h"

namespace mirin::serving {

// The body of POST /v1/traces.
std::string OtlpJson(const std::string& service, const std::vector<FinishedTrace>& traces);

// The two objects that Triton writes for one trace, with a comma between them.
std::string TritonJson(const FinishedTrace& trace);

struct CollectorAddress {
  std::string host, port, path;
};
absl::StatusOr<CollectorAddress> ParseCollector(absl::string_view endpoint);

// One POST on a connection of its own. Unavailable: no connection, or an answer other than 2xx; DeadlineExceeded.
absl::Status PostJson(const CollectorAddress& address, absl::string_view body,
                      absl::Duration timeout);

}  // namespace mirin::serving

#endif  // CORE_SERVING_OTLP_H_
