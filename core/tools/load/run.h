// Sends one call over and over and measures the answers.
#ifndef CORE_TOOLS_LOAD_RUN_H_
#define CORE_TOOLS_LOAD_RUN_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/tools/load/connections.h"
#include "core/tools/load/latency.h"
#include "core/tools/load/payload.h"

namespace mirin::load {

struct LoadOptions {
  Protocol protocol = Protocol::kOipHttp;
  serving::Address address;
  size_t concurrency = 1;
  size_t threads = 1;
  // Requests a second, begun at even times whatever the answers do; 0: each lane sends when it has its answer.
  double rate = 0;
  absl::Duration warmup;  // in front, not measured
  absl::Duration duration = absl::Seconds(10);
  uint64_t requests = 0;  // at most; 0: no limit
  absl::Duration timeout = absl::Seconds(60);
};

struct LoadResult {
  // Of good answers. With a rate, from the time at which a request was to begin: a server that stands still counts for all that
  // wait meanwhile.
  LatencyHistogram latency;
  std::map<std::string, uint64_t> errors;         // by code
  std::map<std::string, std::string> error_text;  // the first of each code
  double seconds = 0;                             // from the end of the warm-up to the last answer
  uint64_t sent = 0, received = 0;                // bytes of bodies
  double cpu_seconds = 0;                         // of this process

  uint64_t failed() const {
    uint64_t sum = 0;
    for (const auto& [code, count] : errors) sum += count;
    return sum;
  }
};

// One call, one answer: its body. The status of a failed one is Unavailable.
absl::StatusOr<std::string> CallOnce(Protocol protocol, const serving::Address& address,
                                     const Call& call, absl::Duration timeout);

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options, const Call& call);

}  // namespace mirin::load

#endif  // CORE_TOOLS_LOAD_RUN_H_
