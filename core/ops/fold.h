// Where the blocks of a Fold lie.
#ifndef CORE_OPS_FOLD_H_
#define CORE_OPS_FOLD_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/ir/attribute.h"
#include "core/ops/window.h"

namespace mirin::ops {

// One window axis per axis of the image, all of known size: `output` counts the blocks.
absl::StatusOr<std::vector<WindowAxis>> PlanFold(const ir::Attributes& attrs,
                                                 absl::Span<const int64_t> image,
                                                 absl::Span<const int64_t> block);

}  // namespace mirin::ops

#endif  // CORE_OPS_FOLD_H_
