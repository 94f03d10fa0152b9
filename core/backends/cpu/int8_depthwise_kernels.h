// The inner loops of convolutions of bytes whose groups are single channels.
#ifndef CORE_BACKENDS_CPU_INT8_DEPTHWISE_KERNELS_H_
#define CORE_BACKENDS_CPU_INT8_DEPTHWISE_KERNELS_H_

#include <stdint.h>

#include "core/backends/cpu/int8_kernels.h"

namespace mirin::cpu {

// Rows of a window whose bytes lie side by side, one number of 32 bits for each channel.
constexpr int64_t kInt8DepthwiseRows = 4;
// Channels taken at a time: wide blocks lie in the order that interleaving bytes gives, narrow ones follow them.
constexpr int64_t kInt8DepthwiseWide = 64, kInt8DepthwiseNarrow = 16;

// One row of results, or two, channels last: y = activation(sum of (x - zero) * weight * scale + bias) as bytes.
struct Int8DepthwiseArgs {
  // Rows of the image that the windows meet, `groups` times kInt8DepthwiseRows of them, and the bytes from pixel to pixel: 0 where a row
  // is padding, kInt8DepthwiseWide bytes that are all the zero point.
  const uint8_t* const* rows;
  const int64_t* steps;
  int64_t groups;
  uint8_t flip;         // of all bytes: 0x80 makes signed ones unsigned
  uint8_t padding;      // the zero point, not flipped
  int64_t left, width;  // padding before the image's columns, below 0 some left out, and those
  int64_t strip;        // columns of both that the results meet
  int64_t window, stride, dilation;  // along the row
  int64_t columns;                   // of results
  int64_t channels, wide_channels;   // all, and those in wide blocks, which the last may not fill
  // Blocks, each [packed_rows, group, window, channels of the block, kInt8DepthwiseRows]: for the first row of results, and for the second.
  const uint8_t* weights;
  int64_t packed_rows, y_rows;
  const int32_t* begin;  // of the sums; these and the next two in the order of the blocks
  const float* scale;
  const float* bias;
  UnaryKind activation;  // identity or a rectifier
  Int8Form form;
  uint8_t* y;
  int64_t y_row;
  void* memory;  // groups * strip * kInt8DepthwiseWide * 4 bytes, aligned to 64
};

struct Int8DepthwiseKernels {
  void (*convolve)(const Int8DepthwiseArgs& args);
};

// Null where the CPU does not multiply bytes.
const Int8DepthwiseKernels* Int8Depthwise();

namespace avx512vnni {
const Int8DepthwiseKernels& Int8DepthwiseTable();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_INT8_DEPTHWISE_KERNELS_H_
