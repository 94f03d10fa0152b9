// One instance that waits for a model or a worker.
#ifndef CORE_SERVING_ENGINE_WORK_H_
#define CORE_SERVING_ENGINE_WORK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "core/serving/message.h"

namespace mirin::serving {

// How long an instance took, for statistics.
struct WorkTimes {
  absl::Time start;  // of the computation; the wait was before it
  absl::Duration queue, compute;
  uint64_t batch = 1;           // instances in its batch
  bool first_of_batch = false;  // counts the batch once
};

struct Work {
  std::vector<Tensor> inputs;
  absl::Time deadline = absl::InfiniteFuture();
  absl::Time enqueued;
  std::shared_ptr<Cancellation> cancellation;
  std::function<void(Failure, std::vector<Tensor> outputs, const WorkTimes&)> done;

  // Nobody waits for it any more.
  bool IsUnwanted(absl::Time now) const {
    return deadline <= now || (cancellation != nullptr && cancellation->cancelled());
  }
  // Calls `done` with the reason why it is unwanted.
  void Refuse() const {
    const bool late = deadline <= absl::Now();
    done({Code::kFailed, late ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kCancelled,
          late ? "the request's deadline passed while it waited" : "the request was cancelled"},
         {}, {});
  }
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_WORK_H_
