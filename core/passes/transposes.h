// Transposes with known axes, and the ways in which they move towards each other.
#ifndef CORE_PASSES_TRANSPOSES_H_
#define CORE_PASSES_TRANSPOSES_H_

#include <optional>
#include <string>
#include <vector>

#include "core/passes/pass.h"

namespace mirin::passes {

using Perm = std::vector<int64_t>;

// The permutation of a Transpose with known axes, non-negative; nothing for other nodes and null.
std::optional<Perm> PermOf(const ir::Node* transpose);

absl::StatusOr<ir::Value*> TransposeBefore(ir::Node* before, ir::Value* x, const Perm& perm,
                                           const std::string& name);

// A transpose that moves axes of size 1 is a reshape and a transpose of the others, or only a reshape. Returns the number of changes, as
// do the next ones.
absl::StatusOr<int> LeaveUnitAxes(ir::Node* transpose);

// A split, a slice or a choice of one element along an axis in front of the transpose instead of behind it, for a node that is one.
absl::StatusOr<int> CutBeforeTranspose(ir::Node* node);

// A reshape that adds or drops axes of size 1, or only regroups axes in front of two that were transposed, goes in front of the transpose.
// One that adds an axis in front of the addition of a constant, and is undone behind it, goes.
absl::StatusOr<int> ReshapeBeforeTranspose(ir::Node* reshape);

}  // namespace mirin::passes

#endif  // CORE_PASSES_TRANSPOSES_H_
