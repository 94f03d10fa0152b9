// Products with constant right-hand sides by Strassen's algorithm, once, where it pays: seven multiplications of halves instead of eight.
#ifndef CORE_BACKENDS_CPU_STRASSEN_H_
#define CORE_BACKENDS_CPU_STRASSEN_H_

#include <cstddef>
#include <optional>

#include "core/backends/cpu/simd_kernels.h"
#include "core/base/thread_pool.h"

namespace mirin::cpu {

// How a product is cut: a result's error is StrassenArgs', and depends, within it, on the other rows of the product.
struct StrassenPlan {
  int64_t rows = 0;   // of a block, even
  int64_t depth = 0;  // half of a block's
  int64_t pairs = 0;  // of whole panels; columns behind them are multiplied as usual

  size_t scratch_bytes(int threads) const;
};

// Whether PlanStrassen answers for some number of rows.
bool MayUseStrassen(int64_t n, int64_t k);

// Nothing where the sums of halves would cost as much as they save, and without AVX-512.
std::optional<StrassenPlan> PlanStrassen(int64_t m, int64_t n, int64_t k);

// g's rows and columns are the whole product's, a_column is 1. Rows that hold a number that is not finite, and their block, are multiplied
// as usual; so is everything when a weight is not finite.
void RunStrassen(const StrassenPlan& plan, const ThreadShare& threads, const GemmArgs& g,
                 void* scratch);

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_STRASSEN_H_
