#include <algorithm>

#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/strassen_parts.h"

namespace mirin::cpu {
namespace {

constexpr int kProducts = 7, kSums = 3, kResults = 2;

int64_t HalfOf(int64_t rows) { return (rows + 1) / 2; }

// The matrices of the first level as sums of quadrants of A.
struct Sum {
  int terms;
  struct {
    bool low, right;
    float sign;
  } term[kStrassenTerms];
};
constexpr Sum kSumsOfA[kProducts] = {
    {1, {{false, false, 1}}},                                                        // A11
    {1, {{false, true, 1}}},                                                         // A12
    {1, {{true, true, 1}}},                                                          // A22
    {2, {{true, false, 1}, {true, true, 1}}},                                        // S1
    {3, {{true, false, 1}, {true, true, 1}, {false, false, -1}}},                    // S2
    {2, {{false, false, 1}, {true, false, -1}}},                                     // S3
    {4, {{false, true, 1}, {true, false, -1}, {true, true, -1}, {false, false, 1}}}  // S4
};

// Two panels, and how far one is from the other.
struct Panels {
  const float* at;
  int64_t step;
};

// Rows of half of A, columns of two panels; a whole number of the tiles that strassen_put takes.
int64_t ResultFloats(const StrassenArgs& first) {
  return RoundUp(first.half_rows, 16) * 2 * first.columns;
}

// Where things lie in the second level's scratch, in floats.
struct Layout {
  int64_t matrices, matrices_step, sums_of_b, sums, sums_step, results, results_step, ones, end;

  explicit Layout(const StrassenArgs& first)
      : matrices(0),
        matrices_step(StrassenMatricesFloats(HalfOf(first.half_rows), first.depth / 2)),
        sums_of_b(matrices + kProducts * matrices_step),
        sums(sums_of_b + StrassenBFloats(first.depth / 2, first.columns)),
        sums_step(2 * first.depth * first.columns),
        results(sums + kSums * sums_step),
        results_step(ResultFloats(first)),
        ones(results + kResults * results_step),
        end(ones + RoundUp(2 * HalfOf(first.half_rows), 16)) {}
};

// A block of rows. Of the first level there are scales alone: the second one packs sums of quadrants of A as they are needed.
class SecondLevel {
 public:
  SecondLevel(const StrassenArgs& first, float* scratch)
      : first_(first), panel_(first.depth * first.columns), columns_(first.columns) {
    const Layout at(first);
    for (int i = 0; i < kProducts; ++i) {
      StrassenArgs& s = levels_[i];
      s = first;
      s.half_rows = s.partner = HalfOf(first.half_rows);
      s.depth = first.depth / 2;
      s.scales = false;
      s.terms = kSumsOfA[i].terms;
      for (int t = 0; t < s.terms; ++t) {
        const auto& term = kSumsOfA[i].term[t];
        s.term[t] = {term.low ? first.half_rows : 0, term.right ? first.depth : 0, term.sign};
      }
      s.packed_a = scratch + at.matrices + i * at.matrices_step;
      s.sums_of_b = scratch + at.sums_of_b;
      s.plus_row = 2 * columns_;
    }
    for (int i = 0; i < kSums; ++i) sums_[i] = scratch + at.sums + i * at.sums_step;
    u_ = scratch + at.results;
    p5_ = u_ + at.results_step;
    ones_ = scratch + at.ones;
    std::fill(ones_, scratch + at.end, 1.0f);
  }

  // All of C of four panels from `column` on, as a tile's quadrants in strassen_kernels.cc; `next` is what will be read then.
  void Run(const Panels& b11, int64_t column, const Panels& next, bool packs) {
    const Panels b21 = {b11.at + panel_, b11.step}, b12 = {b11.at + 2 * b11.step, b11.step},
                 b22 = {b12.at + panel_, b11.step};
    const Panels t1 = {sums_[0], panel_}, t3 = {sums_[1], panel_}, t2 = {sums_[2], panel_},
                 t4 = t1;  // which has been read by then
    const auto sum = [&](const Panels& x, const Panels& y, float* to) {
      return StrassenSum{x.at, y.at, to, x.step - panel_, y.step - panel_};
    };
    const auto multiply = [&](StrassenMatrix a, const Panels& b, const Target& to,
                              const Panels& then, const StrassenSum& made = {}) {
      StrassenArgs& s = levels_[a];
      s.packs = packs;
      s.depth_begin = first_.depth_begin;
      s.b = b.at;
      s.b_panel = b.step;
      s.next = then.at;
      s.next_panel = then.step;
      s.make = made;
      Aim(to, &s);
      Simd().strassen_pair(s, 0);
    };
    const auto quadrant = [&](bool low, bool right, const float* x, const float* y = nullptr) {
      return Quadrant(low, column + (right ? 2 * columns_ : 0), x, y);
    };
    multiply(kA11, b11, Part(u_, nullptr), b21, sum(b12, b11, sums_[0]));
    multiply(kA12, b21, quadrant(false, false, u_), t1, sum(b22, b12, sums_[1]));
    multiply(kS1, t1, Part(p5_, nullptr), t2, sum(b22, t1, sums_[2]));
    multiply(kS2, t2, Part(u_, u_), b22, sum(b21, t2, sums_[0]));
    multiply(kS4, b22, quadrant(false, true, u_, p5_), t3);
    multiply(kS3, t3, Part(u_, u_), t4);
    multiply(kA22, t4, quadrant(true, false, u_), next);
    StrassenArgs rest = levels_[kA22];
    Aim(quadrant(true, true, u_, p5_), &rest);
    Simd().strassen_put(rest);
  }

 private:
  // What a product is added to, and where it goes.
  struct Target {
    GemmArgs product;
    const float *plus, *more;
    float* inverse;
    const float *add, *column_scale;
    int64_t c_rows, c_block;
    bool first, last;
  };

  Target Part(float* to, const float* plus) const {
    GemmArgs g = *first_.product;
    g.c_row = 2 * columns_;
    g.c = to - g.row_begin * g.c_row;
    return {g, plus, nullptr, ones_, nullptr, nullptr, first_.half_rows, Simd().lanes, true, false};
  }

  Target Quadrant(bool low, int64_t column, const float* plus, const float* more) const {
    GemmArgs g = *first_.product;
    const int64_t rows = low ? first_.half_rows : 0,
                  at = rows * g.c_row + column / Simd().lanes * first_.c_block;
    g.c += at;
    if (g.bias != nullptr) g.bias += column;
    return {g,
            plus,
            more,
            first_.inverse + rows,
            first_.add == nullptr ? nullptr : first_.add + at,
            first_.column_scale == nullptr ? nullptr : first_.column_scale + column,
            low ? first_.c_rows - rows : first_.half_rows,
            first_.c_block,
            first_.first,
            first_.last};
  }

  void Aim(const Target& to, StrassenArgs* s) {
    target_ = to.product;
    s->product = &target_;
    s->plus[0] = to.plus;
    s->plus[1] = to.more;
    s->inverse = to.inverse;
    s->add = to.add;
    s->column_scale = to.column_scale;
    s->c_rows = to.c_rows;
    s->c_block = to.c_block;
    s->first = to.first;
    s->last = to.last;
  }

  const StrassenArgs& first_;
  const int64_t panel_, columns_;
  StrassenArgs levels_[kProducts];
  GemmArgs target_;
  float* sums_[kSums];
  float *u_, *p5_, *ones_;
};

}  // namespace

int64_t StrassenTwiceFloats(int64_t half_rows, int64_t depth, int64_t columns) {
  StrassenArgs first = {};
  first.half_rows = half_rows;
  first.depth = depth;
  first.columns = columns;
  return StrassenScaleFloats(half_rows) + Layout(first).end;
}

void RunStrassenTwice(const StrassenArgs& args, int64_t begin, int64_t end, float* scratch) {
  StrassenArgs first = args;
  PlaceStrassenA(scratch, &first);
  SecondLevel second(first, scratch + StrassenScaleFloats(first.half_rows));
  const int64_t panel = first.product->k * first.columns;
  ForStrassenDepths(&first, [&] {
    if (!Simd().strassen_scale_rows(first, 0, first.half_rows)) {
      // One level leaves rows alone that are not finite. The second one's memory is enough.
      StrassenArgs one = first;
      one.sums_of_b = one.packed_a + StrassenMatricesFloats(one.half_rows, one.depth);
      return RunStrassenPairs(one, 2 * begin, 2 * end, true);
    }
    for (int64_t i = begin; i < end; ++i) {
      second.Run({StrassenPanels(first, 4, i, begin, end), panel}, 4 * i * first.columns,
                 {StrassenPanels(first, 4, i + 1, begin, end), panel}, i == begin);
    }
  });
}

}  // namespace mirin::cpu
