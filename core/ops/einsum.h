// The equation of an Einstein sum: "bij,bjk->bik".
#ifndef CORE_OPS_EINSUM_H_
#define CORE_OPS_EINSUM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/base/shape.h"

namespace mirin::ops {

// Every axis is a number in [0, labels): one per letter, and one per axis behind an ellipsis, aligned at the end.
struct EinsumPlan {
  int labels = 0;
  std::vector<std::vector<int>> terms;  // labels of the axes of each operand
  std::vector<int> output;              // labels of the axes of the result, which do not repeat
};

// `ranks` has one entry per operand, -1 where it is not known (an error for a term with an ellipsis). Without "->" the result has
// the axes of the ellipsis, then the letters that occur once, in ASCII order. InvalidArgument for what is no equation.
absl::StatusOr<EinsumPlan> PlanEinsum(absl::string_view equation, absl::Span<const int> ranks);

// The equation with letters only that has this plan.
std::string EquationOf(const EinsumPlan& plan);

// Sizes of the labels: axes of one label are equal, or 1, which repeats; -1 where they are not known.
absl::StatusOr<Dims> EinsumSizes(const EinsumPlan& plan, absl::Span<const Shape> shapes);

}  // namespace mirin::ops

#endif  // CORE_OPS_EINSUM_H_
