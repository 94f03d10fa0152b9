// What runs the stages of a servable that are not models: a pool of Python processes on this machine. Nothing here says so, so that
// another machine can do it too.
#ifndef CORE_SERVING_STAGE_RUNNER_H_
#define CORE_SERVING_STAGE_RUNNER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/serving/message.h"

namespace mirin::serving {

struct StageCall {
  uint32_t method = 0;                         // index in the description
  uint32_t stage = 0;                          // index in the method, from 0
  std::vector<std::vector<Tensor>> instances;  // each: the stage's inputs in order
  absl::Time deadline = absl::InfiniteFuture();
};

struct StageResult {
  Failure failure;
  std::vector<Tensor> outputs;
};

class StageRunner {
 public:
  // Ok: one result per instance. Unavailable: the process died or was ended before it answered; nothing of the call is known.
  using Done = std::function<void(absl::StatusOr<std::vector<StageResult>>)>;

  // Stops as if by a deadline two seconds away; may also run within `done` or the idle callback, and ends the processes at once then.
  virtual ~StageRunner() = default;
  // Lets the workers load what stages need (the first one has only described the servable), and waits until all are ready; before it
  // TryRun says false, and when it fails the runner is of no more use. Without it, a runner that is destroyed or stopped ends the first
  // worker.
  virtual absl::Status Start() = 0;
  // Starts `call` on an idle worker, or says that there is none (false; `done` is not called then). `done` runs once, on another
  // thread, which serves all workers: it hands off. Large tensors are copied before this returns. The call's deadline ends nothing
  // here.
  virtual bool TryRun(const std::shared_ptr<StageCall>& call, Done done) = 0;
  // Calls that could be in progress at once if all workers were alive.
  virtual size_t Capacity() const = 0;
  virtual size_t Alive() const = 0;
  // `idle` is called, from any thread, whenever TryRun may succeed again after it said false (perhaps before that call returns), and when
  // Alive changes. An earlier one may still run when this returns; none does after Stop.
  virtual void SetIdleCallback(std::function<void()> idle) = 0;
  // No calls any more; those in progress have until the deadline, then the workers are ended. Returns when they are gone. Not from
  // `done` or the idle callback.
  virtual void Stop(absl::Time deadline) = 0;
};

// Runs a model of the servable for a stage (Model.call), batched with other users of it.
struct ModelCall {
  std::string model;  // its key
  uint32_t subgraph = 0;
  std::vector<std::vector<Tensor>> instances;
  std::string session;
};
using ModelCallDone = std::function<void(absl::StatusOr<std::vector<StageResult>>)>;
using ModelCaller = std::function<void(ModelCall, ModelCallDone)>;

struct WorkerPoolOptions {
  std::string python;              // the interpreter
  std::vector<std::string> paths;  // put in front of its PYTHONPATH
  std::string directory;           // servable directory
  std::string servable;
  uint64_t version = 0;
  std::string version_directory;  // "" when there is none
  uint32_t workers = 1;
  uint32_t first_device = 0;  // SERVING_DEVICE_ID of worker i is first_device + i
  std::string
      key;  // decryption, for models that workers load themselves; sent over the socket, never elsewhere
  std::string cipher;  // "AES-GCM" or "AES-CBC"
  bool forward_model_calls =
      false;  // Model.call asks the server; else the worker runs the model itself
  absl::Duration start_timeout = absl::Seconds(600);
  absl::Duration call_timeout =
      absl::InfiniteDuration();  // a call that takes longer is a hang: the worker is ended
  ModelCaller call_model;
  // Ends StartWorkers and Start, with Cancelled; of this pool alone. Null: they cannot be ended.
  std::shared_ptr<Cancellation> cancellation;
};

// Starts the first worker, which reads servable_config.py and describes it, and says what it found: the JSON of
// docs/decisions/0005-serving-workers.md.
struct Description {
  std::string json;
  std::shared_ptr<StageRunner> runner;
};
class Metrics;
// A failure's text carries what the worker printed and raised.
absl::StatusOr<Description> StartWorkers(WorkerPoolOptions options, Metrics* metrics);

}  // namespace mirin::serving

#endif  // CORE_SERVING_STAGE_RUNNER_H_
