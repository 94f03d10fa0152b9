// One version of one servable: its models, its workers, and the way of a request through its stages.
#ifndef CORE_SERVING_ENGINE_SERVABLE_H_
#define CORE_SERVING_ENGINE_SERVABLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/base/secret.h"
#include "core/serving/engine.h"
#include "core/serving/engine/description.h"
#include "core/serving/engine/executor.h"
#include "core/serving/engine/model_queue.h"
#include "core/serving/engine/served_model.h"
#include "core/serving/engine/stage_queue.h"
#include "core/serving/log.h"
#include "core/serving/metrics.h"
#include "core/serving/trace.h"

namespace mirin::serving {

struct ServableOptions {
  std::string directory;
  std::string name;
  uint64_t version = 0;  // 0: the newest
  std::vector<int32_t> device_ids;
  std::string device_type;  // lower case; "": whatever there is
  int32_t workers = 0;
  Secret key;
  mirin_cipher cipher = MIRIN_CIPHER_AUTO;
  std::shared_ptr<Cancellation> cancellation;  // ends the start of workers; null: nothing does
};

// What the servables of one server share. All outlive them.
struct ServableContext {
  Executor* executor = nullptr;
  Metrics* metrics = nullptr;
  Tracer* tracer = nullptr;  // null: nothing is traced
  EventLog* log = nullptr;   // null: nothing is logged
  std::string python;
  std::vector<std::string> python_paths;
  uint64_t max_batch = 32;
  int64_t default_delay_us = 0;
  absl::Duration worker_start_timeout = absl::Seconds(600);
  absl::Duration worker_call_timeout = absl::InfiniteDuration();
};

// Versions of DIRECTORY/NAME, ascending: folders whose names are numbers without leading zeros.
std::vector<uint64_t> VersionsOnDisk(const std::string& directory, const std::string& name);

class Servable {
 public:
  // Loads, starts workers and warms up. options.version 0 becomes the newest on disk.
  static absl::StatusOr<std::unique_ptr<Servable>> Create(ServableOptions options,
                                                          const ServableContext& context);
  // No request may be in progress.
  ~Servable();

  const ServableOptions& options() const { return options_; }
  uint64_t version() const { return options_.version; }
  const std::vector<std::shared_ptr<const MethodInfo>>& methods() const { return infos_; }
  // Index of a method, "" being the first; -1: no such method.
  int Find(absl::string_view method) const;
  MethodStatistics Statistics(size_t method) const;
  uint64_t workers() const { return stages_ == nullptr ? 0 : stages_->Alive(); }
  uint64_t in_progress() const { return in_progress_; }
  // Ends the workers, at the latest at `deadline`: what they have not answered fails then, and what comes later at once.
  void StopStages(absl::Time deadline);

  // Model.call of a stage.
  void CallModel(ModelCall call, ModelCallDone done);
  // `keep` is this servable's owner, held until the answer.
  void Infer(std::shared_ptr<Servable> keep, size_t method, std::unique_ptr<InferRequest> request,
             InferCallback done);

 private:
  friend class Flow;
  struct Method {
    MethodSpec spec;
    std::vector<bool> input_has_batch;  // in batched requests
    std::vector<bool> output_has_batch;
    MethodMetrics* metrics = nullptr;
    std::atomic<uint64_t> in_progress{0};  // instances
    mutable absl::Mutex mutex;
    MethodStatistics statistics ABSL_GUARDED_BY(mutex);
  };

  Servable(ServableOptions options, const ServableContext& context)
      : options_(std::move(options)), context_(context) {}
  absl::Status LoadModels(const ServableSpec& spec, const std::string& version_directory);
  // That the counts of a method's model stages are those of the model, and what its inputs and outputs are.
  absl::StatusOr<std::shared_ptr<const MethodInfo>> Inspect(Method& method) const;
  absl::StatusOr<ServableSpec> NativeSpec(const std::string& version_directory) const;
  Failure NotAvailable(absl::string_view method) const;

  ServableOptions options_;
  const ServableContext context_;
  std::vector<std::shared_ptr<ServedModel>> models_;
  std::vector<std::vector<std::shared_ptr<ModelQueue>>> model_queues_;  // [model][subgraph]
  std::shared_ptr<StageQueue> stages_;  // null without Python stages
  std::vector<std::unique_ptr<Method>> methods_;
  std::vector<std::shared_ptr<const MethodInfo>> infos_;
  std::atomic<uint64_t> in_progress_{0};
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_SERVABLE_H_
