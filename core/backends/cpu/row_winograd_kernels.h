// Convolutions with 7x7 windows and stride 2 over the few plain channels of an image, by Winograd's form along lines: 13 multiplications
// instead of 28 give four results of a line of the window. Rows of the window are summed as they are.
#ifndef CORE_BACKENDS_CPU_ROW_WINOGRAD_KERNELS_H_
#define CORE_BACKENDS_CPU_ROW_WINOGRAD_KERNELS_H_

#include <stdint.h>

namespace mirin::cpu {

// A line of results in one block of channels.
struct RowWinogradArgs {
  int64_t tiles, columns;  // columns: results of the line, four of each tile but the last
  const float* v;     // the points of the first line that the window meets in the first channel
  int64_t v_step;     // floats from a point to the next
  int64_t v_line;     // from a line to the next
  int64_t v_channel;  // from a channel to the next
  int64_t channels;
  const float* weights;  // [point][channels][7 rows][lanes]
  float* m;              // points * tiles * lanes floats of scratch
  float* y;              // columns * lanes
  const float* bias;     // null: none
  const float* add;      // in the form of y; null: none
  bool relu;             // negative results become 0
};

struct RowWinogradKernels {
  int64_t lanes;
  // Points and what they need of a line, for `tile` results.
  int64_t tile, points, window;
  // A line of tiles of 2 * tile numbers each, and as many beyond, to v[point * step + t]. step is a multiple of lanes and not less than
  // tiles, whose whole vectors are written; `phases` is scratch for (2 * tile) * (step + lanes) floats.
  void (*input)(const float* line, int64_t tiles, float* phases, float* v, int64_t step);
  // 7 vectors of weights to a point's each, `step` floats apart.
  void (*weights)(const float* g, float* u, int64_t step);
  void (*row)(const RowWinogradArgs& args);
};

// Null where the instruction set has no blocked layout.
const RowWinogradKernels* RowWinograd();

namespace avx2 {
const RowWinogradKernels& RowWinogradTable();
}
namespace avx512 {
const RowWinogradKernels& RowWinogradTable();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_ROW_WINOGRAD_KERNELS_H_
