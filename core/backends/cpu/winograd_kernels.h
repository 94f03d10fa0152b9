// Winograd convolutions with 3x3 windows: a piece of the input, transformed to points, times weights that are transformed likewise gives a
// square of results with fewer multiplications.
//
//   F(4x4), F(2x2), stride 1    36 instead of 144, 16 instead of 36
//   F(4x4), F(2x2), stride 2    81 instead of 144, 25 instead of 36
//
// With stride 2 the outer taps of a line meet every second number of the input, as a filter of two taps and stride 1 would, which takes
// F(4, 2) or F(2, 2); the middle tap meets the others, which stay as they are: all of these points have the same weights.
#ifndef CORE_BACKENDS_CPU_WINOGRAD_KERNELS_H_
#define CORE_BACKENDS_CPU_WINOGRAD_KERNELS_H_

#include <stdint.h>

namespace mirin::cpu {

// All on as many channels as a vector has (`lanes`), which lie side by side as in the blocked layouts.
struct WinogradForm {
  int64_t stride, tile;    // tile: results on a side
  int64_t window;          // on a side: what they need of the input
  int64_t side;            // points on a side
  int64_t shared_weights;  // points on a side, the first ones, that have the same weights
  // A window of x, rows `row` floats apart, to the points' vectors in v, `step` floats apart.
  void (*input)(const float* x, int64_t row, float* v, int64_t step);
  // The points' vectors of m to results plus bias (null: none), of which the first `rows` and `columns` are written to y. `add` (null: none)
  // is added; it has the form of y. relu: negative results become 0.
  void (*output)(const float* m, int64_t step, const float* bias, const float* add, float* y,
                 int64_t row, int64_t rows, int64_t columns, bool relu);
  // 9 vectors of weights, of `lanes` results each, to those of the points, each once, in u, `step` floats apart.
  void (*weights)(const float* g, float* u, int64_t step);

  constexpr int64_t points() const { return side * side; }
  constexpr int64_t weights_side() const { return side - shared_weights + 1; }
  constexpr int64_t weights_count() const { return weights_side() * weights_side(); }
};

// For each point its transformed tiles times its weights. Tiles and products are [channels / lanes][rows][lanes].
struct WinogradProducts {
  const WinogradForm* form;
  int64_t rows, in, out;  // tiles; channels, multiples of lanes
  const float* v;
  int64_t v_step;  // floats from a point to the next
  // [weights_count()] panels of WinogradKernels::panel channels of the results (the last may be narrower), [in][panel]
  const float* weights;
  float* m;
  int64_t m_step;
};

struct WinogradKernels {
  int64_t lanes, panel;
  WinogradForm forms[4];
  // Panels [begin, end), counted through all weights.
  void (*multiply)(const WinogradProducts& products, int64_t begin, int64_t end);
};

// Null where the instruction set has no blocked layout.
const WinogradKernels* Winograd();

namespace avx2 {
const WinogradKernels& WinogradTable();
}
namespace avx512 {
const WinogradKernels& WinogradTable();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_WINOGRAD_KERNELS_H_
