// Paddings in one form: (before, after) per axis of the input, first axis first.
#ifndef CORE_OPS_PADDING_H_
#define CORE_OPS_PADDING_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

// PadV3's paddings, given for the last axis first: (before, after) pairs, or all befores and then all afters where
// "paddings_contiguous" is false. Axes not given have none.
absl::StatusOr<std::vector<int64_t>> PaddingsFromLastAxis(const ir::Attributes& attrs,
                                                          absl::Span<const int64_t> given,
                                                          int rank);

}  // namespace mirin::ops

#endif  // CORE_OPS_PADDING_H_
