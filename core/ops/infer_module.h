// Shape and dtype inference over a whole module.
#ifndef CORE_OPS_INFER_MODULE_H_
#define CORE_OPS_INFER_MODULE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/ir/graph.h"

namespace mirin::ops {

// Infers every node reachable from the entry graph from the types of its inputs. Inputs of called graphs get the union of
// what their callers pass (differing dims become unknown); loops are followed until nothing changes. Errors name the node.
absl::Status InferModule(ir::Module* module);

// A node whose types cannot be inferred. The reason does not name it.
struct InferenceFailure {
  const ir::Node* node;
  absl::Status status;
};
// The same for finding everything that is wrong: goes on behind nodes that fail, leaving their results and whatever depends on
// them without type. Ok when the rest is sound; each node is listed once.
absl::Status InferModule(ir::Module* module, std::vector<InferenceFailure>* failures);

// The least type that covers both: differing dims become -1. A type of unknown dtype is "not known yet" and gives way; other
// dtypes must be equal.
absl::StatusOr<ir::TensorType> JoinTypes(const ir::TensorType& a, const ir::TensorType& b);

}  // namespace mirin::ops

#endif  // CORE_OPS_INFER_MODULE_H_
