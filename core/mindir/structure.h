// The tensors inside of bindings: what graphs take and return when calls are lowered.
#ifndef CORE_MINDIR_STRUCTURE_H_
#define CORE_MINDIR_STRUCTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ir/graph.h"
#include "core/mindir/binding.h"
#include "core/mindir/limits.h"
#include "core/mindir/raw_model.h"

namespace mirin::mindir {

// Appends the tensors of the caller's graph behind a binding, and a text that tells specialisations apart.
void CollectLeaves(const Bound& b, bool constants_too, std::vector<ir::Value*>* leaves,
                   std::string* signature);
// The same binding with its leaves replaced, in the order of CollectLeaves.
Binding ReplaceLeaves(const Bound& b, bool constants_too, absl::Span<ir::Value* const> with,
                      size_t* next);

// What a graph says that it returns; its tensors are null.
absl::StatusOr<Binding> DeclaredStructure(const RawGraph& graph, const Limits& limits);
int CountLeaves(const Bound& b);
// The structure with tensors from `with` in place of its leaves.
Binding FillStructure(const Bound& b, const std::vector<std::unique_ptr<ir::Value>>& with,
                      size_t* next);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_STRUCTURE_H_
