// What a pass is, and the few operations that passes are written with.
//
// A pass rewires values and inserts nodes; it never erases a node: what nobody reads any more is removed by the runner
// after each pass (core/passes/pipeline.h), so pointers to nodes stay valid within a pass. It keeps the meaning of the
// graph for every input, also for shapes that are not known yet.
#ifndef CORE_PASSES_PASS_H_
#define CORE_PASSES_PASS_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/base/tensor.h"
#include "core/ir/graph.h"

namespace mirin::passes {

// Runs one node on concrete inputs: injected, because passes know no backend. ResourceExhausted when the results are
// larger than max_bytes.
using Evaluator = std::function<absl::StatusOr<std::vector<Tensor>>(
    const ir::Node& node, absl::Span<const Tensor> inputs, size_t max_bytes)>;

// What folding does with weights that are stored as integers (core/passes/quantised.h).
enum class StoredWeights {
  kKeepForFusion,  // left to fuse_quantized where they meet integers, computed elsewhere: for running
  kKeep,           // never computed: for files
  kFold,
};

struct PassContext {
  ir::Module* module;
  const Evaluator* evaluate;  // may be null: nothing is folded then
  StoredWeights stored_weights = StoredWeights::kKeepForFusion;
};

// Returns the number of changes made.
using PassFn = absl::StatusOr<int> (*)(PassContext& context);

// Calls fn(node) for every node of every graph, those inserted meanwhile excluded; adds up what it returns.
absl::StatusOr<int> ForEachNode(ir::Module* module,
                                const std::function<absl::StatusOr<int>(ir::Node*)>& fn);

// A new node before `before`, with its attributes completed and its result types inferred.
absl::StatusOr<ir::Node*> Insert(
    ir::Node* before, absl::string_view op, const std::string& name,
    const std::vector<ir::Value*>& inputs,
    std::vector<std::pair<std::string, ir::Attribute>> attributes = {});

// Readers of `from` read `to` instead, which inherits its name unless it has one of its own.
void Replace(ir::Value* from, ir::Value* to);

// The node that makes the value, if it is of this op; else null.
ir::Node* ProducedBy(const ir::Value* value, absl::string_view op);
// One node reads the value, once, and no graph returns it: its producer may be merged into that reader.
bool HasOneUse(const ir::Value* value);
// The number in a one-element floating-point constant.
std::optional<double> ScalarOf(const ir::Value* value);
// Values of a float32 constant; empty for anything else.
std::optional<std::vector<float>> FloatsOf(const ir::Value* value);
std::optional<std::vector<int64_t>> IntsOf(const ir::Value* value);

// Matches a commutative node: (constant-like side, other side) by a test on each input. Null pair when it does not match.
template <typename Test>
std::pair<ir::Value*, ir::Value*> EitherOrder(const ir::Node& node, Test test) {
  if (node.num_inputs() < 2 || node.input(0) == nullptr || node.input(1) == nullptr)
    return {nullptr, nullptr};
  if (test(node.input(1))) return {node.input(1), node.input(0)};
  if (test(node.input(0))) return {node.input(0), node.input(1)};
  return {nullptr, nullptr};
}

// Removes nodes whose results nobody needs, graphs that nobody calls and constants that nobody reads; the runner does it after
// each pass. Returns how many nodes.
int EliminateDeadCode(ir::Module* module);

// A folded result may have `bytes`, or `growth` times those of its inputs.
struct FoldingLimits {
  size_t bytes;
  size_t growth;
};
// The results of a pure node whose inputs are constants, or whose input 0 has a known shape and that reads nothing else. Nothing when it
// is none of these, when the results are too large, and for an error, which the run will report where it happens.
std::optional<std::vector<Tensor>> EvaluateConstant(const ir::Node& node, const Evaluator& evaluate,
                                                    const FoldingLimits& limits);

}  // namespace mirin::passes

#endif  // CORE_PASSES_PASS_H_
