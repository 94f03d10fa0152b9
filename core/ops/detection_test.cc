#include "core/ops/detection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace mirin::ops {
namespace {

// Every box against every box that was kept, as the definition says.
std::vector<int64_t> SelectOneByOne(const BoxSelection& s, const std::vector<double>& boxes,
                                    const std::vector<double>& scores) {
  std::vector<int64_t> order, kept;
  for (int64_t i = 0; i < s.boxes; ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  const auto side = [&](int64_t i, int k) { return static_cast<float>(boxes[i * 4 + k]); };
  const auto area = [&](int64_t i) {
    return (side(i, 3) - side(i, 1)) * (side(i, 2) - side(i, 0));
  };
  for (const int64_t a : order) {
    if (static_cast<int64_t>(kept.size()) == s.max_per_class) break;
    const bool hidden = std::any_of(kept.begin(), kept.end(), [&](int64_t b) {
      const float height = std::min(side(a, 2), side(b, 2)) - std::max(side(a, 0), side(b, 0)),
                  width = std::min(side(a, 3), side(b, 3)) - std::max(side(a, 1), side(b, 1));
      if (!(height > 0) || !(width > 0)) return false;
      const float inner = width * height;
      return inner / (area(a) + area(b) - inner) > s.iou_threshold;
    });
    if (!hidden) kept.push_back(a);
  }
  return kept;
}

struct Boxes {
  std::vector<double> sides, scores;
};

// Boxes of images that lie side by side, `spread` apart, as they are when classes are told apart by their place.
Boxes RandomBoxes(int64_t n, float size, float spread, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> place(0, 100), extent(0, size), score(0, 1);
  Boxes b;
  for (int64_t i = 0; i < n; ++i) {
    const float offset = spread * static_cast<float>(random() % 20);
    const float y = place(random) + offset, x = place(random) + offset;
    b.sides.insert(b.sides.end(), {y, x, y + extent(random), x + extent(random)});
    b.scores.push_back(score(random));
  }
  return b;
}

std::vector<int64_t> Chosen(const BoxSelection& s, const Boxes& b) {
  const std::vector<int64_t> triples = SelectBoxes(s, b.sides, b.scores);
  std::vector<int64_t> boxes;
  for (size_t i = 2; i < triples.size(); i += 3) boxes.push_back(triples[i]);
  return boxes;
}

TEST(SelectBoxesTest, FindsTheOverlapsThatComparingAllFinds) {
  for (const float size : {0.0f, 0.5f, 10.0f, 150.0f}) {
    for (const float spread : {0.0f, 3.0f, 400.0f}) {
      const Boxes b = RandomBoxes(700, size, spread, 5);
      for (const float threshold : {0.0f, 0.3f, 0.9f}) {
        const BoxSelection s = {1, 1, 700, false, 500, threshold, false, 0};
        EXPECT_EQ(Chosen(s, b), SelectOneByOne(s, b.sides, b.scores))
            << "boxes up to " << size << ", " << spread << " apart, threshold " << threshold;
      }
    }
  }
}

TEST(SelectBoxesTest, ComparesBoxesThatAreNotFinite) {
  Boxes b = RandomBoxes(60, 20, 0, 6);
  b.sides[5] = std::numeric_limits<double>::infinity();
  b.sides[17] = -std::numeric_limits<double>::infinity();
  b.sides[31] = std::nan("");
  const BoxSelection s = {1, 1, 60, false, 60, 0.2f, false, 0};
  EXPECT_FALSE(Chosen(s, b).empty());
  b.sides[31] = 1e30;
  b.sides[5] = b.sides[17] = 3;
  EXPECT_FALSE(Chosen(s, b).empty());
}

}  // namespace
}  // namespace mirin::ops
