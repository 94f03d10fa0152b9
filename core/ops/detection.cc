#include "core/ops/detection.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

double Overlap(const double* a, const double* b) {
  const auto side = [](const double* box, int i) { return std::make_pair(std::min(box[i], box[i + 2]), std::max(box[i], box[i + 2])); };
  double inner = 1, area_a = 1, area_b = 1;
  for (int i = 0; i < 2; ++i) {
    const auto [a0, a1] = side(a, i);
    const auto [b0, b1] = side(b, i);
    inner *= std::max(0.0, std::min(a1, b1) - std::max(a0, b0));
    area_a *= a1 - a0;
    area_b *= b1 - b0;
  }
  const double all = area_a + area_b - inner;
  return all <= 0 ? 0 : inner / all;
}

absl::Status InferNonMaxSuppression(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 2));
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(1));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 1));
  const Shape &boxes = c.shape(0), &scores = c.shape(1);
  if (boxes.rank_known() && boxes.dim(1) >= 0 && boxes.dim(1) != 4) return absl::InvalidArgumentError(absl::StrCat("boxes ", ToString(boxes), " are not [n, 4]"));
  if (boxes.concrete() && scores.concrete() && boxes.dim(0) != scores.dim(0)) return absl::InvalidArgumentError(absl::StrCat(scores.dim(0), " scores for ", boxes.dim(0), " boxes"));
  int64_t count = -1;
  bool known = boxes.concrete();
  for (int i = 0; i < 5; ++i) known &= c.value(i) != nullptr;
  if (known) {
    for (int i = 2; i < 5; ++i) {
      if (c.value(i)->elements() != 1) return absl::InvalidArgumentError("limits must be single numbers");
    }
    count = static_cast<int64_t>(SuppressOverlaps(NumbersOf(*c.value(0)), NumbersOf(*c.value(1)), static_cast<int64_t>(NumbersOf(*c.value(2))[0]),
                                                  NumbersOf(*c.value(3))[0], NumbersOf(*c.value(4))[0]).size());
  }
  c.SetOutput(0, DType::kInt32, Shape({count}));
  return absl::OkStatus();
}

}  // namespace

std::vector<int64_t> SuppressOverlaps(absl::Span<const double> boxes, absl::Span<const double> scores, int64_t max_output_size,
                                      double iou_threshold, double score_threshold) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)]; });
  std::vector<int64_t> kept;
  for (const int64_t i : order) {
    if (static_cast<int64_t>(kept.size()) >= max_output_size) break;
    if (!(scores[static_cast<size_t>(i)] > score_threshold)) continue;
    const bool free = std::all_of(kept.begin(), kept.end(), [&](int64_t k) { return Overlap(boxes.data() + 4 * i, boxes.data() + 4 * k) <= iou_threshold; });
    if (free) kept.push_back(i);
  }
  return kept;
}

namespace schemas {

OpSchema NonMaxSuppressionV3() {
  return OpSchema("NonMaxSuppressionV3", "Indices of boxes [n, 4] (y1, x1, y2, x2) that no better one overlaps by more than iou_threshold, best first.")
      .Input("boxes").Input("scores").Input("max_output_size").Input("iou_threshold").Input("score_threshold").Output("indices").Infer(InferNonMaxSuppression)
      .ShapeFromValue("boxes").ShapeFromValue("scores").ShapeFromValue("max_output_size").ShapeFromValue("iou_threshold").ShapeFromValue("score_threshold");
}

}  // namespace schemas
}  // namespace mirin::ops
