// Inputs and output names of a model.
#ifndef CORE_MINDIR_SIGNATURE_H_
#define CORE_MINDIR_SIGNATURE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/ir/graph.h"
#include "core/mindir/binding.h"
#include "core/mindir/limits.h"
#include "core/mindir/raw_model.h"
#include "core/mindir/symbols.h"

namespace mirin::mindir {

// Adds the inputs of the model's entry graph to `graph`; appends what its nodes see as their arguments.
absl::Status AddInputs(const RawModel& model, const Limits& limits, ir::Graph* graph,
                       std::vector<Binding>* arguments);

// Unique names for `count` outputs: the producing node's scope name behind Depend and MakeTuple; in Lite files the tensor
// name of its result type.
std::vector<std::string> OutputNames(const RawModel& model, const SymbolTable& symbols,
                                     const Limits& limits, size_t count);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_SIGNATURE_H_
