// The inner loops of direct convolution over blocked layouts.
#ifndef CORE_BACKENDS_CPU_DIRECT_KERNELS_H_
#define CORE_BACKENDS_CPU_DIRECT_KERNELS_H_

#include <stdint.h>

#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu {

// Numbers side by side in x that follow each other in the depth of the product.
struct DepthRun {
  int32_t offset;  // floats from the window's first number
  int32_t length;
  int32_t line;  // of the weights that meet them
};

// Lines of weights that stay in the second-level cache while all tiles meet them.
struct DepthPart {
  int64_t begin, end;
};

// One image as a product: y[pixel, channel] = activation(sum of x[pixel, depth] * weights[depth, channel] + bias + add). Results lie in
// blocks of `lanes` channels. Works on a range of tiles and of panels.
struct DirectArgs {
  const float* x;          // the window of the first result
  int64_t x_pixel, x_row;  // floats from a result's window to that of its neighbour, below it
  int64_t depth;           // lines of weights
  const DepthPart* parts;
  int64_t part_count;
  // Runs of part p for a row of class c: those from run_begin[p * class_count + c] to the next entry. Windows at an image's edge have less.
  const DepthRun* runs;
  const int32_t* run_begin;
  const int32_t* row_class;  // null: all of class 0
  int64_t class_count;
  const float*
      weights;  // panels of up to kDirectBlocks channel blocks, each [depth, blocks * lanes]
  int64_t channels, blocks;  // of the results
  float* y;
  int64_t y_row, y_block;  // floats
  const float* bias;       // whole blocks; null: none
  const float* add;        // in the form of y, which it may be; null: none
  UnaryKind activation;
  int64_t columns;               // of a row of results
  int64_t tile_begin, tile_end;  // DirectTilesInRow of each row
  int64_t panel_begin, panel_end;
};

constexpr int64_t kDirectBlocks = 3;

// Panels are of nearly equal widths.
inline int64_t DirectPanels(int64_t blocks) { return (blocks + kDirectBlocks - 1) / kDirectBlocks; }
// The first channel block of a panel.
inline int64_t DirectPanelBegin(int64_t blocks, int64_t panel) {
  return panel * blocks / DirectPanels(blocks);
}

// A tile is up to `tile_columns` results of a row; those of a row are of nearly equal sizes.
inline int64_t DirectTilesInRow(int64_t columns, int64_t tile_columns) {
  return (columns + tile_columns - 1) / tile_columns;
}

struct DirectKernels {
  int64_t lanes, tile_columns;
  void (*convolve)(const DirectArgs& args);
  // A channel block of weights [channels, depth], at any address, to lines of a panel `width` floats apart: number k of each
  // channel to line position[k]. Channels beyond the last are zeros.
  void (*pack)(const void* weights, int64_t depth, int64_t channels, const int32_t* position,
               int64_t width, float* packed);
};

// Null where the instruction set has no blocked layout.
const DirectKernels* Direct();

namespace avx2 {
const DirectKernels& DirectTable();
}
namespace avx512 {
const DirectKernels& DirectTable();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_DIRECT_KERNELS_H_
