// Transforms of the Winograd convolution F(4x4, 3x3): a 6x6 window of the input gives 4x4 results with 36 multiplications instead of 144.
#ifndef CORE_BACKENDS_CPU_WINOGRAD_KERNELS_H_
#define CORE_BACKENDS_CPU_WINOGRAD_KERNELS_H_

#include <stdint.h>

namespace mirin::cpu {

// All on as many channels as a vector has (`lanes`), which lie side by side as in the blocked layouts.
struct WinogradKernels {
  int64_t lanes;
  // 6x6 points of x, rows `row` floats apart, to 36 vectors of v, `step` floats apart.
  void (*input)(const float* x, int64_t row, float* v, int64_t step);
  // 36 vectors of m to 4x4 results plus bias (null: none), of which the first `rows` and `columns` are written to y. `add` (null: none) is
  // added; it has the form of y. relu: negative results become 0.
  void (*output)(const float* m, int64_t step, const float* bias, const float* add, float* y,
                 int64_t row, int64_t rows, int64_t columns, bool relu);
  // 9 vectors of weights of 3x3 windows to 36 vectors of u, `step` floats apart; computed in double.
  void (*weights)(const float* g, float* u, int64_t step);
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
