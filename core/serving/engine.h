// What the protocols ask of the server. They know nothing else of it.
#ifndef CORE_SERVING_ENGINE_H_
#define CORE_SERVING_ENGINE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/serving/message.h"

namespace mirin::serving {

struct ValueInfo {
  std::string name;
  mirin_dtype dtype = MIRIN_DTYPE_UNKNOWN;  // UNKNOWN: any (a Python stage's)
  bool has_shape = false;
  Dims dims;  // -1: open. Without the batch axis where the method is batchable
};

// Times are nanoseconds, summed. What Triton's statistics extension reports.
struct DurationStatistic {
  uint64_t count = 0;
  uint64_t ns = 0;
};
struct BatchStatistic {
  uint64_t size = 0;
  DurationStatistic compute_input, compute_infer, compute_output;
};
struct MethodStatistics {
  uint64_t last_inference_ms = 0;  // since the epoch
  uint64_t inference_count = 0;    // instances
  uint64_t execution_count = 0;    // batches
  DurationStatistic success, fail, queue, compute_input, compute_infer, compute_output;
  std::vector<BatchStatistic> batches;
};

struct MethodInfo {
  std::string servable;
  std::string method;
  uint64_t version = 0;
  std::string platform;  // "mirin" (models only) or "mirin_python"
  std::vector<ValueInfo> inputs, outputs;
  bool batchable = false;       // requests in batched form may hold several instances
  uint64_t max_batch_size = 0;  // 0: not batchable
  bool stateful = false;
  // For the configuration extension.
  int64_t max_queue_delay_us = 0;
  uint64_t max_queue_size = 0;
  uint64_t replicas = 1;
};

// The state of one version of one servable, loaded or not.
struct ServableState {
  std::string name;
  uint64_t version = 0;
  std::string state;   // "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
  std::string reason;  // why not
  std::vector<std::string> methods;
  uint64_t workers = 0;  // Python processes that run now
  uint64_t queued = 0;   // instances that wait
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual void Infer(std::unique_ptr<InferRequest> request, InferCallback done) = 0;

  virtual bool Live() const = 0;
  // Every servable that was asked for is loaded, and the server is not draining.
  virtual bool Ready() const = 0;

  // A model of the Open Inference Protocol is a method: "servable" is its only or first method, "servable.method" any.
  // version "" is the newest. NotFound with a text for the client.
  virtual absl::StatusOr<std::shared_ptr<const MethodInfo>> Find(
      absl::string_view model, absl::string_view version) const = 0;
  virtual absl::StatusOr<MethodStatistics> Statistics(const MethodInfo& method) const = 0;
  // Versions of a servable that run, ascending.
  virtual std::vector<uint64_t> Versions(absl::string_view servable) const = 0;
  virtual std::vector<ServableState> List() const = 0;
  // All methods of all versions that run.
  virtual std::vector<std::shared_ptr<const MethodInfo>> Methods() const = 0;

  // Repository control; both block until done (seconds). FailedPrecondition when the server does not allow it.
  // Load loads or reloads; while it does so, the old version answers. parameters: "config" (JSON) as Triton has it.
  virtual absl::Status Load(absl::string_view servable,
                            const std::map<std::string, std::string>& parameters) = 0;
  virtual absl::Status Unload(absl::string_view servable) = 0;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_H_
