// The loop that runs plans, and the control flow between them.
#ifndef CORE_RUNTIME_EXECUTOR_H_
#define CORE_RUNTIME_EXECUTOR_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/backend/kernel.h"
#include "core/base/tensor.h"
#include "core/plan/plan.h"
#include "core/runtime/compiled_model.h"
#include "core/runtime/profiler.h"

namespace mirin::runtime {

// A plan whose slots have addresses: fixed ones for arena, constants and variables, patched ones for inputs and outputs.
class BoundPlan {
 public:
  BoundPlan(std::shared_ptr<const plan::Plan> plan, char* arena, absl::Span<const Tensor> variables,
            const ThreadShare* threads, const Cancellation* cancellation, TextMemory* texts);
  BoundPlan(const BoundPlan&) = delete;
  BoundPlan& operator=(const BoundPlan&) = delete;

  const plan::Plan& plan() const { return *plan_; }
  void SetInput(int i, const void* data);
  void SetOutput(int i, void* data) { outputs_[i] = data; }
  // Walks the steps. Nothing is allocated. Errors name the node.
  absl::Status Run(Profiler* profiler);

 private:
  absl::Status RunSteps(Profiler* profiler);

  std::shared_ptr<const plan::Plan> plan_;
  std::vector<TensorView> views_;
  std::vector<const TensorView*> operands_;  // of all steps, one after another
  std::vector<KernelContext> contexts_;
  std::vector<std::vector<int>> input_slots_;
  std::vector<std::vector<int>> output_slots_;
  std::vector<void*> outputs_;
  const ThreadShare* threads_;
  const Cancellation* cancellation_;
};

// Runs graphs for one session. One thread at a time.
class Executor {
 public:
  // Calls may nest this deep where they are not in tail position.
  static constexpr int kMaxCallDepth = 1000;

  Executor(CompiledModel* compiled, std::shared_ptr<DeviceSet> devices, const ThreadShare* threads,
           const Cancellation* cancellation, std::vector<Tensor> variables, Profiler* profiler);

  // The plan for a region with these input types, bound to this session's arena. Valid until the next call of Bind.
  absl::StatusOr<BoundPlan*> Bind(const plan::Region& region,
                                  absl::Span<const ir::TensorType> types);

  // Runs a graph of several items. Results share memory with nothing that a later run changes.
  absl::StatusOr<std::vector<Tensor>> RunGraph(const ir::Graph* graph,
                                               std::vector<Tensor> arguments, int depth = 0);

  void BeginRun() { texts_.NextRun(); }

  const std::vector<Tensor>& variables() const { return variables_; }
  // The plans that this session ran last, one per region.
  std::vector<const plan::Plan*> LatestPlans() const;

 private:
  absl::StatusOr<BoundPlan*> BindPlan(std::shared_ptr<const plan::Plan> plan, bool keep);
  absl::Status EnsureArena(size_t bytes);

  using Frame = absl::flat_hash_map<const ir::Value*, Tensor>;
  absl::StatusOr<Tensor> Read(const Frame& frame, const ir::Value* value) const;
  absl::Status RunRegion(const plan::Region& region, Frame* frame);

  CompiledModel* compiled_;
  std::shared_ptr<DeviceSet> devices_;
  const ThreadShare* threads_;
  const Cancellation* cancellation_;
  std::vector<Tensor> variables_;
  TextMemory texts_;
  Profiler* profiler_;
  std::shared_ptr<void> arena_;
  size_t arena_bytes_ = 0;
  absl::flat_hash_map<const plan::Plan*, std::unique_ptr<BoundPlan>> bound_;
  std::unique_ptr<BoundPlan> once_;
  absl::flat_hash_map<const plan::Region*, BoundPlan*> latest_;
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_EXECUTOR_H_
