// Activations that Conv2D and MatMul can apply to their result (attribute "activation").
#ifndef CORE_OPS_ACTIVATION_KIND_H_
#define CORE_OPS_ACTIVATION_KIND_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin::ops {

enum class ActivationKind {
  kNone,
  kRelu,
  kRelu6,
  kSigmoid,
  kTanh,
  kHSwish,
  kSilu,
  kGelu,
  kGeluErf
};

// From the attribute's text ("" is none); InvalidArgument for an unknown one.
absl::StatusOr<ActivationKind> ParseActivation(absl::string_view name);
// The text for an op that may be fused ("ReLU" -> "relu"), empty for other ops.
absl::string_view FusedName(absl::string_view op);
double Apply(ActivationKind kind, double x);

}  // namespace mirin::ops

#endif  // CORE_OPS_ACTIVATION_KIND_H_
