// Products with constant right-hand sides of 16 bits by tiles of bfloat16, where the CPU has them and they pay: three parts of each number of float32.
#ifndef CORE_BACKENDS_CPU_BF16X3_H_
#define CORE_BACKENDS_CPU_BF16X3_H_

#include <cstddef>
#include <optional>

#include "core/backends/cpu/simd_kernels.h"
#include "core/base/thread_pool.h"

namespace mirin::cpu {

// How a product is cut: a result's error is that of a sum in float32, or less.
struct Bf16x3Plan {
  int64_t rows;    // of the product
  int64_t blocks;  // of nearly equal numbers of rows
  int64_t depth;   // of a block
  int64_t pairs;   // of whole panels

  int64_t begin(int64_t block) const { return block * rows / blocks; }
  size_t scratch_bytes(int threads) const;
};

std::optional<Bf16x3Plan> PlanBf16x3(int64_t m, int64_t n, int64_t k);

// The columns of whole pairs of panels of 16-bit numbers; a_column is 1. False, with any numbers in C, where A has some that are not finite, huge or tiny.
bool RunBf16x3(const Bf16x3Plan& plan, const ThreadShare& threads, const GemmArgs& product,
               void* scratch);

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_BF16X3_H_
