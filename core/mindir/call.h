// One operator application on its way into the IR: name, operands and attributes as the file gives them.
#ifndef CORE_MINDIR_CALL_H_
#define CORE_MINDIR_CALL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/ir/graph.h"
#include "core/mindir/binding.h"

namespace mirin::mindir {

struct Call {
  std::string op;
  std::string name;  // for the node
  std::vector<Binding> operands;
  ir::Attributes attrs;
};

// Adds nodes and constants while calls are lowered.
class NodeBuilder {
 public:
  NodeBuilder(ir::Module* module, ir::Graph* graph) : module_(module), graph_(graph) {}

  ir::Module* module() const { return module_; }
  ir::Graph* graph() const { return graph_; }

  // The op by its schema: operands become inputs or attributes. Returns a tensor, or a tuple for several results.
  absl::StatusOr<Binding> Emit(Call call);
  // A tensor for any constant or tensor binding; numbers become 0-d, tuples of integers 1-D int64.
  absl::StatusOr<ir::Value*> AsTensor(const Bound& binding);
  // An int64 tensor of rank 0 or 1 for an Ints parameter.
  absl::StatusOr<ir::Value*> AsInts(const Bound& binding);
  ir::Value* Constant(Tensor tensor) { return module_->AddConstant("", std::move(tensor)); }

 private:
  ir::Module* module_;
  ir::Graph* graph_;
};

// Rewrites a call of the Lite converter's dialect into MindSpore's ops; calls that are no dialect pass unchanged.
// Extra nodes (a fused activation behind an op that has none) are returned in `then`, to be applied to the first result.
absl::Status FromLiteDialect(Call* call, std::vector<Call>* then, NodeBuilder* builder);

// Old and alternative spellings ("S-Prim-Add", scalar ops, "Pack") to the op's name here.
void CanonicalName(Call* call);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_CALL_H_
