// The packed GEMM of simd_kernels over a session's threads.
#ifndef CORE_BACKENDS_CPU_GEMM_H_
#define CORE_BACKENDS_CPU_GEMM_H_

#include <algorithm>

#include "absl/status/statusor.h"
#include "core/backends/cpu/simd_kernels.h"
#include "core/base/thread_pool.h"
#include "core/ir/graph.h"

namespace mirin::cpu {

// The attribute "activation" of a product.
absl::StatusOr<UnaryKind> FusedActivation(const ir::Node& node);

// The least multiple of `to` that is not less than n.
inline int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// The largest depth of `least` to `most` and a multiple of `step` that cuts k into a multiple of `parts` equal blocks; 0: none.
inline int64_t BlockDepth(int64_t k, int64_t parts, int64_t least, int64_t most, int64_t step) {
  for (int64_t blocks = parts; k / blocks >= least; blocks += parts) {
    const int64_t depth = k / blocks;
    if (depth <= most && depth * blocks == k && depth % step == 0) return depth;
  }
  return 0;
}

// Floats of a packed right-hand side.
inline int64_t PackedFloats(int64_t k, int64_t n) { return RoundUp(n, Simd().tile_columns) * k; }

// Multiply-adds that are worth a second thread.
constexpr int64_t kLeastMultiplyAdds = 400'000;

// `batches` products of the same sizes by simd.gemm or simd.gemm_half; args_of(t) gives the operands of product t (its row and column range is ignored).
template <typename ArgsOf>
void ParallelGemm(const ThreadShare& threads, void (*gemm)(const GemmArgs&), int64_t batches,
                  int64_t m, int64_t n, int64_t k, ArgsOf args_of) {
  const SimdKernels& simd = Simd();
  const int64_t columns = simd.tile_columns,
                block_rows = std::clamp<int64_t>(m, 1, 4 * simd.tile_rows);
  const int64_t panels = (n + columns - 1) / columns,
                row_blocks = (m + block_rows - 1) / block_rows;
  const int64_t grain =
      std::max<int64_t>(1, kLeastMultiplyAdds / std::max<int64_t>(1, block_rows * columns * k));
  if (threads.threads() == 1 || batches * row_blocks * panels <= grain) {
    for (int64_t t = 0; t < batches; ++t) {
      GemmArgs g = args_of(t);
      g.row_begin = g.column_begin = 0;
      g.row_end = m;
      g.column_end = n;
      gemm(g);
    }
    return;
  }
  // Rows vary fastest: neighbours share a panel of B.
  threads.ParallelFor(batches * panels * row_blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t panel = item / row_blocks % panels, block = item % row_blocks;
      GemmArgs g = args_of(item / (panels * row_blocks));
      g.row_begin = block * block_rows;
      g.row_end = std::min(m, g.row_begin + block_rows);
      g.column_begin = panel * columns;
      g.column_end = std::min(n, g.column_begin + columns);
      gemm(g);
    }
  });
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_GEMM_H_
