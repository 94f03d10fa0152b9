// Results of nodes as outputs, for comparing two models node by node.
#ifndef CORE_CONVERTER_INTERMEDIATES_H_
#define CORE_CONVERTER_INTERMEDIATES_H_

#include "core/ir/graph.h"

namespace mirin::converter {

// Appends to the outputs every result of the entry graph that the source has a name for. Values that an importer named (ONNX's
// tensors) count, pieces that it made itself do not; where no value was named, node names count, the last result of each.
// Names that are outputs already are left out. Returns how many were added.
int ExposeIntermediates(ir::Module* module);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_INTERMEDIATES_H_
