// Activation functions of ONNX's recurrent operators, by name and with the numbers that some of them take.
#ifndef CORE_OPS_RECURRENT_CELL_H_
#define CORE_OPS_RECURRENT_CELL_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

class CellActivation {
 public:
  // `alpha` and `beta` point to the next number that no function has taken; those that a function takes are stepped over.
  static absl::StatusOr<CellActivation> Create(const std::string& name,
                                               absl::Span<const double>* alpha,
                                               absl::Span<const double>* beta);
  double operator()(double x) const;

 private:
  enum class Kind {
    kRelu,
    kTanh,
    kSigmoid,
    kAffine,
    kLeakyRelu,
    kThresholdedRelu,
    kScaledTanh,
    kHardSigmoid,
    kElu,
    kSoftsign,
    kSoftplus
  };
  Kind kind_ = Kind::kTanh;
  double alpha_ = 0, beta_ = 0;
};

// The attributes activations, activation_alpha and activation_beta for so many directions; `defaults` where there are none.
absl::StatusOr<std::vector<CellActivation>> ReadCellActivations(
    const ir::Attributes& attrs, const std::vector<std::string>& defaults, int directions);

// What the operators use unless told otherwise, for one direction: f, g and h.
const std::vector<std::string>& DefaultActivations(absl::string_view op);

}  // namespace mirin::ops

#endif  // CORE_OPS_RECURRENT_CELL_H_
