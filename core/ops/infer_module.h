// Shape and dtype inference over a whole module.
#ifndef CORE_OPS_INFER_MODULE_H_
#define CORE_OPS_INFER_MODULE_H_

#include "absl/status/status.h"
#include "core/ir/graph.h"

namespace mirin::ops {

// Infers every node reachable from the entry graph from the types of its inputs. Inputs of called graphs get the union of
// what their callers pass (differing dims become unknown); loops are followed until nothing changes. Errors name the node.
absl::Status InferModule(ir::Module* module);

}  // namespace mirin::ops

#endif  // CORE_OPS_INFER_MODULE_H_
