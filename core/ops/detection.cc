#include "core/ops/detection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

double Overlap(const double* a, const double* b) {
  const auto side = [](const double* box, int i) {
    return std::make_pair(std::min(box[i], box[i + 2]), std::max(box[i], box[i + 2]));
  };
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
  if (boxes.rank_known() && boxes.dim(1) >= 0 && boxes.dim(1) != 4)
    return absl::InvalidArgumentError(absl::StrCat("boxes ", ToString(boxes), " are not [n, 4]"));
  if (boxes.concrete() && scores.concrete() && boxes.dim(0) != scores.dim(0))
    return absl::InvalidArgumentError(
        absl::StrCat(scores.dim(0), " scores for ", boxes.dim(0), " boxes"));
  int64_t count = -1;
  bool known = boxes.concrete();
  for (int i = 0; i < 5; ++i) known &= c.value(i) != nullptr;
  if (known) {
    for (int i = 2; i < 5; ++i) {
      if (c.value(i)->elements() != 1)
        return absl::InvalidArgumentError("limits must be single numbers");
    }
    count =
        static_cast<int64_t>(SuppressOverlaps(NumbersOf(*c.value(0)), NumbersOf(*c.value(1)),
                                              static_cast<int64_t>(NumbersOf(*c.value(2))[0]),
                                              NumbersOf(*c.value(3))[0], NumbersOf(*c.value(4))[0])
                                 .size());
  }
  c.SetOutput(0, DType::kInt32, Shape({count}));
  return absl::OkStatus();
}

absl::Status InferSelectBoxes(InferContext& c) {
  for (int i = 0; i < 2; ++i) {
    MIRIN_RETURN_IF_ERROR(c.RequireFloat(i));
    MIRIN_RETURN_IF_ERROR(c.RequireRank(i, 3));
  }
  const Shape &boxes = c.shape(0), &scores = c.shape(1);
  if (boxes.rank_known() && boxes.dim(2) >= 0 && boxes.dim(2) != 4)
    return absl::InvalidArgumentError(
        absl::StrCat("boxes ", ToString(boxes), " are not [images, n, 4]"));
  const bool concrete = boxes.concrete() && scores.concrete();
  if (concrete && (boxes.dim(0) != scores.dim(0) || boxes.dim(1) != scores.dim(2))) {
    return absl::InvalidArgumentError(
        absl::StrCat("scores ", ToString(scores), " do not match boxes ", ToString(boxes)));
  }
  bool known = concrete;
  std::vector<double> values[5];
  for (int i = 0; i < 5; ++i) {
    if (!c.has_input(i)) continue;
    if (i >= 2) MIRIN_RETURN_IF_ERROR(c.RequireNumber(i));
    if (i >= 2 && c.shape(i) != Shape({0})) MIRIN_RETURN_IF_ERROR(c.RequireOneElement(i));
    known &= c.value(i) != nullptr;
    if (c.value(i) != nullptr) values[i] = NumbersOf(*c.value(i));
  }
  if (!known) {
    c.SetOutput(0, DType::kInt64, Shape({-1, 3}));
    return absl::OkStatus();
  }
  BoxSelection s = SelectionOf(c.attrs(), boxes.dims(), scores.dims(), values + 2);
  c.SetOutput(0, DType::kInt64,
              Shape({static_cast<int64_t>(SelectBoxes(s, values[0], values[1]).size()) / 3, 3}));
  return absl::OkStatus();
}

// Sides of a box: lower and upper y, lower and upper x.
struct Sides {
  float y0, y1, x0, x1;
  float area() const { return (x1 - x0) * (y1 - y0); }
};

Sides SidesOf(const double* box, bool center_point) {
  const float b[4] = {static_cast<float>(box[0]), static_cast<float>(box[1]),
                      static_cast<float>(box[2]), static_cast<float>(box[3])};
  if (center_point) return {b[1] - b[3] / 2, b[1] + b[3] / 2, b[0] - b[2] / 2, b[0] + b[2] / 2};
  return {std::min(b[0], b[2]), std::max(b[0], b[2]), std::min(b[1], b[3]), std::max(b[1], b[3])};
}

bool Overlaps(const Sides& a, const Sides& b, float threshold) {
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0),
              height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  if (!(width > 0) || !(height > 0)) return false;
  const float inner = width * height, all = a.area() + b.area() - inner;
  return a.area() > 0 && b.area() > 0 && all > 0 && inner / all > threshold;
}

// Boxes that were kept, found by where they begin along x: only those that can meet a box are compared with it.
class KeptBoxes {
 public:
  explicit KeptBoxes(absl::Span<const Sides> candidates) {
    double high = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double begin = candidates[i].x0;
      low_ = i == 0 ? begin : std::min(low_, begin);
      high = i == 0 ? begin : std::max(high, begin);
      widest_ = std::max(widest_, candidates[i].x1 - begin);
    }
    const double wanted = (high - low_) / widest_;
    // One bucket when numbers are not finite or boxes have no width.
    const bool finite = wanted >= 0 && std::isfinite(wanted) && std::isfinite(widest_) &&
                        std::all_of(candidates.begin(), candidates.end(), [](const Sides& s) {
                          return std::isfinite(s.x0) && std::isfinite(s.x1);
                        });
    buckets_.resize(finite ? static_cast<size_t>(std::min(wanted, kMostBuckets)) + 1 : 1);
    width_ = (high - low_) / static_cast<double>(buckets_.size());
  }

  bool Suppress(const Sides& box, float threshold) const {
    // A bucket more, for what is lost in rounding.
    const size_t first = Bucket(box.x0 - widest_), last = Bucket(box.x1);
    for (size_t b = first > 0 ? first - 1 : 0; b <= last; ++b) {
      for (const Sides& kept : buckets_[b]) {
        if (Overlaps(box, kept, threshold)) return true;
      }
    }
    return false;
  }
  void Add(const Sides& box) { buckets_[Bucket(box.x0)].push_back(box); }

 private:
  static constexpr double kMostBuckets = 4096;

  size_t Bucket(double x) const {
    const double at = (x - low_) / width_;
    return buckets_.size() == 1 || !(at > 0)
               ? 0
               : static_cast<size_t>(std::min(at, static_cast<double>(buckets_.size() - 1)));
  }

  double low_ = 0, widest_ = 0, width_ = 0;  // width_: of a bucket
  std::vector<std::vector<Sides>> buckets_;
};

}  // namespace

BoxSelection SelectionOf(const ir::Attributes& attrs, absl::Span<const int64_t> boxes,
                         absl::Span<const int64_t> scores, const std::vector<double>* limits) {
  BoxSelection s;
  s.images = scores[0];
  s.classes = scores[1];
  s.boxes = boxes[1];
  s.center_point = attrs.Bool("center_point_box");
  const auto given = [&](int i) { return !limits[i].empty(); };
  if (given(0)) s.max_per_class = static_cast<int64_t>(std::clamp(limits[0][0], 0.0, 1e15));
  if (given(1)) s.iou_threshold = static_cast<float>(limits[1][0]);
  s.has_score_threshold = given(2);
  if (given(2)) s.score_threshold = static_cast<float>(limits[2][0]);
  return s;
}

std::vector<int64_t> SelectBoxes(const BoxSelection& s, absl::Span<const double> boxes,
                                 absl::Span<const double> scores) {
  std::vector<int64_t> selected;
  for (int64_t image = 0; image < s.images; ++image) {
    for (int64_t cls = 0; cls < s.classes; ++cls) {
      const double* score = scores.data() + (image * s.classes + cls) * s.boxes;
      std::vector<int64_t> order;
      for (int64_t i = 0; i < s.boxes; ++i) {
        const bool above =
            !s.has_score_threshold || static_cast<float>(score[i]) > s.score_threshold;
        if (above && score[i] == score[i]) order.push_back(i);
      }
      std::stable_sort(order.begin(), order.end(),
                       [&](int64_t a, int64_t b) { return score[a] > score[b]; });
      std::vector<Sides> candidates;
      for (const int64_t i : order)
        candidates.push_back(SidesOf(boxes.data() + (image * s.boxes + i) * 4, s.center_point));
      KeptBoxes kept(candidates);
      int64_t left = s.max_per_class;
      for (size_t i = 0; i < order.size() && left > 0; ++i) {
        if (kept.Suppress(candidates[i], s.iou_threshold)) continue;
        kept.Add(candidates[i]);
        selected.insert(selected.end(), {image, cls, order[i]});
        --left;
      }
    }
  }
  return selected;
}

std::vector<int64_t> SuppressOverlaps(absl::Span<const double> boxes,
                                      absl::Span<const double> scores, int64_t max_output_size,
                                      double iou_threshold, double score_threshold) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  std::vector<int64_t> kept;
  for (const int64_t i : order) {
    if (static_cast<int64_t>(kept.size()) >= max_output_size) break;
    if (!(scores[static_cast<size_t>(i)] > score_threshold)) continue;
    const bool free = std::all_of(kept.begin(), kept.end(), [&](int64_t k) {
      return Overlap(boxes.data() + 4 * i, boxes.data() + 4 * k) <= iou_threshold;
    });
    if (free) kept.push_back(i);
  }
  return kept;
}

namespace schemas {

OpSchema NonMaxSuppressionV3() {
  return OpSchema("NonMaxSuppressionV3",
                  "Indices of boxes [n, 4] (y1, x1, y2, x2) that no better one overlaps by more "
                  "than iou_threshold, best first.")
      .Input("boxes")
      .Input("scores")
      .Input("max_output_size")
      .Input("iou_threshold")
      .Input("score_threshold")
      .Output("indices")
      .Infer(InferNonMaxSuppression)
      .ShapeFromValue("boxes")
      .ShapeFromValue("scores")
      .ShapeFromValue("max_output_size")
      .ShapeFromValue("iou_threshold")
      .ShapeFromValue("score_threshold");
}

OpSchema NonMaxSuppression() {
  return OpSchema("NonMaxSuppression",
                  "ONNX NonMaxSuppression: triples (image, class, box) that no better box of the "
                  "class overlaps. (internal)")
      .Input("boxes")
      .Input("scores")
      .OptionalInput("max_output_boxes_per_class")
      .OptionalInput("iou_threshold")
      .OptionalInput("score_threshold")
      .Attr("center_point_box", false)
      .Output("selected")
      .Infer(InferSelectBoxes)
      .ShapeFromValue("boxes")
      .ShapeFromValue("scores")
      .ShapeFromValue("max_output_boxes_per_class")
      .ShapeFromValue("iou_threshold")
      .ShapeFromValue("score_threshold");
}

}  // namespace schemas
}  // namespace mirin::ops
