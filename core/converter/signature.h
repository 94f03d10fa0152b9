// Changes of a module's signature that a conversion can ask for: what callers give and get, not what is computed.
#ifndef CORE_CONVERTER_SIGNATURE_H_
#define CORE_CONVERTER_SIGNATURE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/base/dtype.h"
#include "core/ir/graph.h"

namespace mirin::converter {

enum class Layout {
  kAsIs,
  kNchw,  // what models are made of; the same as kAsIs
  kNhwc,
};

struct Signature {
  Layout input_layout = Layout::kAsIs;
  Layout output_layout = Layout::kAsIs;
  DType input_dtype = DType::kUnknown;  // kUnknown: the model's own
  DType output_dtype = DType::kUnknown;
};

// Gives inputs shapes; -1 leaves a dim as it is. InvalidArgument for an unknown input and for a shape that does not fit what
// the model says or computes.
absl::Status SetInputShapes(ir::Module* module,
                            const std::map<std::string, std::vector<int64_t>>& shapes);

// kNhwc: inputs (outputs) of rank 4 become [N,H,W,C], a Transpose stands behind (before) them. A dtype: every input (output)
// gets it, a Cast stands behind (before) it. InvalidArgument when there is nothing to change a layout of, or for texts.
absl::Status ChangeSignature(ir::Module* module, const Signature& signature);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_SIGNATURE_H_
