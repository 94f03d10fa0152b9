// Products with constant right-hand sides by Strassen's algorithm, on one level or two, where it pays: seven multiplications of halves instead of eight.
#ifndef CORE_BACKENDS_CPU_STRASSEN_H_
#define CORE_BACKENDS_CPU_STRASSEN_H_

#include <cstddef>
#include <optional>

#include "core/backends/cpu/simd_kernels.h"
#include "core/base/thread_pool.h"

namespace mirin::cpu {

// How a product is cut: a result's error is StrassenArgs', and depends, within it, on the other rows of the product.
struct StrassenPlan {
  int64_t rows;         // of the product
  int64_t blocks;       // of nearly equal numbers of rows
  int64_t depth;        // half of a block's
  int64_t columns;      // of a panel
  int64_t pairs;        // of whole panels
  int64_t twice_depth;  // as depth, of the first of two levels; 0: there is one

  int64_t begin(int64_t block) const { return block * rows / blocks; }
  size_t scratch_bytes(int threads) const;
};

// Whether PlanStrassen answers for some number of rows.
bool MayUseStrassen(int64_t n, int64_t k);

// Nothing where the sums of halves would cost as much as they save, and without AVX-512. Panels of `columns`: those of a packed
// product, or a vector's less.
std::optional<StrassenPlan> PlanStrassen(int64_t m, int64_t n, int64_t k, int64_t columns);

// The columns of whole pairs of panels of a product, of which args has everything but what the plan says and the scratch. Rows with a
// number that is not finite, and those of their tile, are multiplied as usual.
void RunStrassen(StrassenPlan plan, const ThreadShare& threads, const StrassenArgs& args,
                 void* scratch);

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_STRASSEN_H_
