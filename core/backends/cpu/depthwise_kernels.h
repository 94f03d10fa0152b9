// The inner loops of depthwise convolution over blocked layouts.
#ifndef CORE_BACKENDS_CPU_DEPTHWISE_KERNELS_H_
#define CORE_BACKENDS_CPU_DEPTHWISE_KERNELS_H_

#include <stdint.h>

#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu {

// Result r meets tap t of the window at r * stride + t * dilation - before.
struct DepthwiseAxis {
  int64_t taps, stride, dilation, before;
  int64_t size, results;
  int64_t inner_begin, inner_end;  // results whose windows lie in the image, possibly none
};

// Rows [row_begin, row_end) of one channel block: y = activation(sum of x * weights + bias). row_begin is even: rows may be made in pairs.
struct DepthwiseArgs {
  DepthwiseAxis rows, columns;
  const float* x;        // [rows, columns, lanes]
  const float* weights;  // [taps of rows, taps of columns, lanes]
  const float* bias;     // one number a lane
  float* y;              // [rows, columns, lanes]
  UnaryKind activation;
  int64_t row_begin, row_end;
};

struct DepthwiseKernels {
  int64_t lanes;
  void (*convolve)(const DepthwiseArgs& args);
};

// Null where the instruction set has no blocked layout.
const DepthwiseKernels* Depthwise();

namespace avx2 {
const DepthwiseKernels& DepthwiseTable();
}
namespace avx512 {
const DepthwiseKernels& DepthwiseTable();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_DEPTHWISE_KERNELS_H_
