// Choosing boxes, for shape inference (how many are left) and for kernels (which ones).
#ifndef CORE_OPS_DETECTION_H_
#define CORE_OPS_DETECTION_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace mirin::ops {

// Indices of the boxes left by greedy suppression, best score first. boxes: [n, 4] as (y1, x1, y2, x2), corners in any
// order. Equal scores keep their order.
std::vector<int64_t> SuppressOverlaps(absl::Span<const double> boxes, absl::Span<const double> scores, int64_t max_output_size,
                                      double iou_threshold, double score_threshold);

}  // namespace mirin::ops

#endif  // CORE_OPS_DETECTION_H_
