// From the file's functional graphs to the IR: tuples, closures, monads, parameters and operand dialects are resolved by
// evaluating every graph on bindings (core/mindir/binding.h).
//
//  - A direct call of a graph that does not recurse is expanded in place.
//  - A call through Switch or switch_layer, or of a recursive graph, becomes an Invoke node. The called graph is specialised
//    for what is not a tensor of the caller: parameters, functions, texts, constants. Equal specialisations are shared, so a
//    loop (a graph that calls itself through its body) ends.
//  - Parameters that some node writes become variables, read through Load nodes; all others are constants.
//  - Nodes come in the order that data and tokens demand; what the result does not need is dropped.
#ifndef CORE_MINDIR_LOWER_H_
#define CORE_MINDIR_LOWER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/ir/graph.h"
#include "core/mindir/binding.h"
#include "core/mindir/limits.h"
#include "core/mindir/raw_model.h"
#include "core/mindir/reader.h"

namespace mirin::mindir {

// inspection: may be null; see ReadOptions.
absl::StatusOr<std::unique_ptr<ir::Module>> Lower(const RawModel& model, const TensorLoader& load,
                                                  const Limits& limits, Inspection* inspection);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_LOWER_H_
