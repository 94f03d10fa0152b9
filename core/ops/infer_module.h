// Shape and dtype inference over a whole module.
#ifndef CORE_OPS_INFER_MODULE_H_
#define CORE_OPS_INFER_MODULE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/ir/graph.h"

namespace mirin::ops {

// Infers every node reachable from the entry graph from the types of its inputs. Inputs of called graphs get the union of
// what their callers pass (differing dims become unknown); loops are followed until nothing changes. Errors name the node.
absl::Status InferModule(ir::Module* module);

// The least type that covers both: differing dims become -1. A type of unknown dtype is "not known yet" and gives way; other
// dtypes must be equal.
absl::StatusOr<ir::TensorType> JoinTypes(const ir::TensorType& a, const ir::TensorType& b);

}  // namespace mirin::ops

#endif  // CORE_OPS_INFER_MODULE_H_
