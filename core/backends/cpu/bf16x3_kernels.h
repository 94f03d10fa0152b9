// Products of float32 with weights of 16 bits by tiles of bfloat16 (AMX).
//
// A number of float32 is the sum of three of 8 bits, within 2^-24 of it, one of 16 bits (IEEE binary16) that of two, exactly. Of the six products of
// two such sums the five largest are summed in float32; the other is below 2^-26 of the product.
#ifndef CORE_BACKENDS_CPU_BF16X3_KERNELS_H_
#define CORE_BACKENDS_CPU_BF16X3_KERNELS_H_

#include <stdint.h>

#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu {

constexpr int64_t kBf16x3Depth = 32;    // of a tile
constexpr int64_t kBf16x3Rows = 16;     // of a tile
constexpr int64_t kBf16x3Columns = 96;  // that are multiplied together: two panels
constexpr int64_t kBf16x3ABytes = 6;    // of a number of A in parts,
constexpr int64_t kBf16x3BBytes = 4;    // of one of B

// A block of rows and of the depth of a product, with pairs of panels [pair_begin, pair_end).
struct Bf16x3Args {
  const GemmArgs*
      product;  // of rows [row_begin, row_end); a_column is 1, packed_b has numbers of 16 bits
  void (*activate)(UnaryKind kind, const float* x, float* y, int64_t n, float parameter);
  int64_t depth_begin, depth;  // multiples of kBf16x3Depth
  bool first, last;            // of the blocks of depth
  char* a;                     // of split_rows
  char* b;                     // scratch for two pairs of panels of this depth
  int64_t pair_begin, pair_end;
};

struct Bf16x3Kernels {
  // Rows [begin, end) of the block, counted from its first, whole tiles but for its end. False if one has numbers that are not finite or too large
  // or small for this.
  bool (*split_rows)(const Bf16x3Args& args, int64_t begin, int64_t end);
  void (*multiply)(const Bf16x3Args& args);
};

// Null where the CPU has no such tiles.
const Bf16x3Kernels* Bf16x3();

namespace avx512amx {
const Bf16x3Kernels& Bf16x3Table();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_BF16X3_KERNELS_H_
