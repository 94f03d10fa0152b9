// Transforms of the Winograd convolutions F(4x4, 3x3) and F(2x2, 3x3): a window of 6x6 or 4x4 of the input gives the results with 36
// multiplications instead of 144, with 16 instead of 36.
#ifndef CORE_BACKENDS_CPU_WINOGRAD_KERNELS_H_
#define CORE_BACKENDS_CPU_WINOGRAD_KERNELS_H_

#include <stdint.h>

namespace mirin::cpu {

// All on as many channels as a vector has (`lanes`), which lie side by side as in the blocked layouts.
struct WinogradForm {
  int64_t tile;  // results on a side; its window has two more, which squared are the points
  // A window of x, rows `row` floats apart, to the points' vectors in v, `step` floats apart.
  void (*input)(const float* x, int64_t row, float* v, int64_t step);
  // The points' vectors of m to results plus bias (null: none), of which the first `rows` and `columns` are written to y. `add` (null: none)
  // is added; it has the form of y. relu: negative results become 0.
  void (*output)(const float* m, int64_t step, const float* bias, const float* add, float* y,
                 int64_t row, int64_t rows, int64_t columns, bool relu);
  // 9 vectors of weights, of `lanes` results each, to the points' vectors in u, `step` floats apart.
  void (*weights)(const float* g, float* u, int64_t step);

  int64_t points() const { return (tile + 2) * (tile + 2); }
};

// For each point its transformed tiles times its weights. Tiles and products are [channels / lanes][rows][lanes].
struct WinogradProducts {
  int64_t rows, in, out;  // tiles; channels, multiples of lanes
  const float* v;
  int64_t v_step;  // floats from a point to the next
  const float*
      weights;  // [point] panels of WinogradKernels::panel channels of the results (the last may be narrower), [in][panel]
  float* m;
  int64_t m_step;
};

struct WinogradKernels {
  int64_t lanes, panel;
  WinogradForm forms[2];
  // Panels [begin, end), counted through all points.
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
