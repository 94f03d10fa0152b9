// What sessions of a model share: schedules of its graphs, packed weights, and plans by shape. Thread-safe.
#ifndef CORE_RUNTIME_COMPILED_MODEL_H_
#define CORE_RUNTIME_COMPILED_MODEL_H_

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/backend/backend.h"
#include "core/ir/graph.h"
#include "core/plan/partition.h"
#include "core/plan/plan.h"
#include "core/runtime/model_cache.h"

namespace mirin::runtime {

// Parts into which libraries divide work in deterministic sessions, however many threads these have.
constexpr int kMostDeterministicThreads = 8;

// How kernels compute.
struct Numerics {
  bool prefer_fp16 = false;
  bool deterministic = false;
};

// The backends of one device list and way to compute, and the weights that they packed.
struct DeviceSet {
  std::string key;
  Numerics numerics;
  std::vector<std::unique_ptr<Backend>> backends;
  WeightCache weights;
  std::shared_ptr<PackedWeights> kept;  // null: no cache on disk
};

class CompiledModel {
 public:
  // Plans kept beyond this many bytes are dropped, least recently used first.
  static constexpr size_t kPlanCacheBytes = size_t{64} << 20;

  // `cache`: where packed weights are kept, null: nowhere.
  CompiledModel(const ir::Module* module, std::shared_ptr<const ModelCache> cache);

  const ir::Module& module() const { return *module_; }
  // A constant's bytes, aligned for its dtype.
  absl::StatusOr<Tensor> Constant(const ir::Value* value) { return aligned_.Get(value); }
  const plan::Schedule& schedule(const ir::Graph* graph) const { return schedules_.at(graph); }

  // The set for a device list and way to compute; made once.
  absl::StatusOr<std::shared_ptr<DeviceSet>> Devices(const std::vector<std::string>& names,
                                                     const Numerics& numerics);

  // The plan of a region for these input types, from the cache or made now.
  absl::StatusOr<std::shared_ptr<const plan::Plan>> GetPlan(const plan::Region& region,
                                                            absl::Span<const ir::TensorType> inputs,
                                                            DeviceSet& devices,
                                                            const ThreadShare& threads);
  // A plan for a data-dependent region, for this run only.
  absl::StatusOr<std::shared_ptr<const plan::Plan>> MakePlan(const plan::Region& region,
                                                             absl::Span<const Tensor> inputs,
                                                             DeviceSet& devices,
                                                             const ThreadShare& threads);

 private:
  struct Entry {
    std::shared_ptr<const plan::Plan> plan;
    std::list<std::string>::iterator age;
  };

  absl::StatusOr<std::unique_ptr<plan::Plan>> Build(const plan::Region& region,
                                                    absl::Span<const ir::TensorType> types,
                                                    absl::Span<const Tensor> values,
                                                    DeviceSet& devices, const ThreadShare& threads);

  const ir::Module* module_;
  const std::shared_ptr<const ModelCache> cache_;
  absl::node_hash_map<const ir::Graph*, plan::Schedule> schedules_;
  plan::AlignedConstants aligned_;
  absl::Mutex mutex_;
  std::vector<std::shared_ptr<DeviceSet>> devices_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Entry> plans_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> ages_ ABSL_GUARDED_BY(mutex_);  // most recent first
  size_t plan_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_COMPILED_MODEL_H_
