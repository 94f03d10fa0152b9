// A plan: everything about running one region with one set of input shapes that can be decided before data comes.
//
// Immutable and free of session memory, so all sessions of a model share it. A session binds it (core/runtime/executor)
// by giving every slot an address.
#ifndef CORE_PLAN_PLAN_H_
#define CORE_PLAN_PLAN_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/backend/backend.h"
#include "core/base/tensor.h"
#include "core/base/thread_pool.h"
#include "core/plan/partition.h"

namespace mirin::plan {

enum class Storage : uint8_t {
  kAbsent,    // a missing optional input
  kInput,     // index: region input
  kOutput,    // index: region output, memory given by the caller
  kConstant,  // index: Plan::constants
  kVariable,  // index: Module::variables()
  kArena,     // offset
};

// A tensor that steps read or write.
struct Slot {
  ir::TensorType type;  // concrete
  Layout layout = Layout::kPlain;
  Storage storage = Storage::kAbsent;
  int index = 0;
  size_t offset = 0;
};

struct Step {
  std::unique_ptr<Kernel> kernel;
  const ir::Node* node = nullptr;  // null for a reorder or copy that the planner inserted
  std::string label;               // for profiles and messages
  std::vector<int> inputs;         // slots
  std::vector<int> outputs;
  size_t scratch_offset = 0;
};

// A region output that no step could write in place: copied after the last step.
struct OutputCopy {
  int slot = 0;
  int output = 0;
};

// Why a node did not run on a backend that comes before the one it got.
struct Refusal {
  const ir::Node* node;
  std::string backend;
  std::string reason;
};

struct Plan {
  std::vector<Slot> slots;
  std::vector<Step> steps;
  std::vector<OutputCopy> copies;
  std::vector<Tensor> constants;  // keeps their bytes alive
  std::vector<ir::TensorType> inputs;
  std::vector<ir::TensorType> outputs;
  size_t arena_bytes = 0;
  bool needs_arena = false;  // some kernel must run inside the session's thread arena
  std::vector<Refusal> refusals;
  size_t bytes() const;  // memory of the plan itself, for the cache's cap
};

// Aligned copies of constants whose bytes lie misaligned in the model file, made on first use. Thread-safe.
class AlignedConstants {
 public:
  absl::StatusOr<Tensor> Get(const ir::Value* constant);

 private:
  absl::Mutex mutex_;
  absl::flat_hash_map<const ir::Value*, Tensor> copies_ ABSL_GUARDED_BY(mutex_);
};

struct PlanRequest {
  const Region* region = nullptr;
  const ir::Module* module = nullptr;
  // One per region input.
  absl::Span<const ir::TensorType> inputs;
  // For a data-dependent region: the inputs' bytes, for shape inference only; empty otherwise.
  absl::Span<const Tensor> input_values;
  // In order of preference, the last one answers for every op.
  absl::Span<const std::unique_ptr<Backend>> backends;
  WeightCache* weights = nullptr;
  AlignedConstants* aligned = nullptr;
  const ThreadShare* threads = nullptr;
  bool prefer_fp16 = false;    // see KernelRequest
  bool deterministic = false;  // the same
};

// InvalidArgument, naming the node, when the shapes do not fit the model.
absl::StatusOr<std::unique_ptr<Plan>> BuildPlan(const PlanRequest& request);

}  // namespace mirin::plan

#endif  // CORE_PLAN_PLAN_H_
