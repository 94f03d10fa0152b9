// Evaluates single nodes outside a run: constants at load time, shape arithmetic at plan time.
#ifndef CORE_PLAN_EVALUATE_H_
#define CORE_PLAN_EVALUATE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/backend/backend.h"
#include "core/base/tensor.h"
#include "core/ir/graph.h"

namespace mirin::plan {

// Runs the node with the given backend on these inputs (an invalid Tensor stands for an absent input; for a node that
// reads shapes only the bytes may be missing). ResourceExhausted when the results are larger than `max_bytes`.
absl::StatusOr<std::vector<Tensor>> Evaluate(const Backend& backend, const ir::Node& node,
                                             absl::Span<const Tensor> inputs, size_t max_bytes);

}  // namespace mirin::plan

#endif  // CORE_PLAN_EVALUATE_H_
