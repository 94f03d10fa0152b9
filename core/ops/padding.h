// Paddings in one form: (before, after) per axis of the input, first axis first.
#ifndef CORE_OPS_PADDING_H_
#define CORE_OPS_PADDING_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

// PadV3's paddings, given for the last axis first: (before, after) pairs, or all befores and then all afters where
// "paddings_contiguous" is false. Axes not given have none.
absl::StatusOr<std::vector<int64_t>> PaddingsFromLastAxis(const ir::Attributes& attrs,
                                                          absl::Span<const int64_t> given,
                                                          int rank);

enum class PadMode { kConstant, kReflect, kSymmetric, kEdge, kCircular };
PadMode PadModeOf(absl::string_view pad_v3_mode);

// The input index behind output index i - (padding before) of an axis of n, -1 for the padding value.
int64_t PadSource(int64_t i, int64_t n, PadMode mode);

}  // namespace mirin::ops

#endif  // CORE_OPS_PADDING_H_
