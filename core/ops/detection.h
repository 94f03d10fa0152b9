// Choosing boxes, for shape inference (how many are left) and for kernels (which ones).
#ifndef CORE_OPS_DETECTION_H_
#define CORE_OPS_DETECTION_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

// Indices of the boxes left by greedy suppression, best score first. boxes: [n, 4] as (y1, x1, y2, x2), corners in any
// order. Equal scores keep their order.
std::vector<int64_t> SuppressOverlaps(absl::Span<const double> boxes,
                                      absl::Span<const double> scores, int64_t max_output_size,
                                      double iou_threshold, double score_threshold);

// ONNX's suppression: every class of every image by itself. boxes [images, n, 4] as corners (y1, x1, y2, x2) in any order, or
// as (x, y, width, height) around a centre; scores [images, classes, n]. In float32, so that overlaps on the threshold stay.
struct BoxSelection {
  int64_t images = 0, classes = 0, boxes = 0;
  bool center_point = false;
  int64_t max_per_class = 0;
  float iou_threshold = 0;
  bool has_score_threshold = false;
  float score_threshold = 0;
};
// `limits`: the numbers of the three optional operands, empty where one is absent.
BoxSelection SelectionOf(const ir::Attributes& attrs, absl::Span<const int64_t> boxes,
                         absl::Span<const int64_t> scores, const std::vector<double>* limits);
// Triples (image, class, box), best scores of a class first.
std::vector<int64_t> SelectBoxes(const BoxSelection& selection, absl::Span<const double> boxes,
                                 absl::Span<const double> scores);

}  // namespace mirin::ops

#endif  // CORE_OPS_DETECTION_H_
