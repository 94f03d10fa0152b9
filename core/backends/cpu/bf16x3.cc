#include "core/backends/cpu/bf16x3.h"

#include <algorithm>
#include <atomic>

#include "core/backends/cpu/bf16x3_kernels.h"
#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/kernel.h"

namespace mirin::cpu {
namespace {

// A block of rows and two pairs of panels, all in tiles, stay in a second-level cache of 2 MiB.
constexpr int64_t kMostDepth = 768, kMostRows = 256, kMostBytes = int64_t{1} << 20;
// Fewer rows do not pay for the panels that become tiles.
constexpr int64_t kLeastRows = 64, kLeastDepth = 128;
// Of the rows, filled up to whole tiles: a tenth.
constexpr int64_t kMostFilledPart = 10;

int64_t LargestBlock(const Bf16x3Plan& p) { return (p.rows + p.blocks - 1) / p.blocks; }
int64_t ABytes(const Bf16x3Plan& p) {
  return RoundUp(LargestBlock(p), 2 * kBf16x3Rows) * p.depth * kBf16x3ABytes;
}
int64_t BBytes(const Bf16x3Plan& p) { return 2 * kBf16x3Columns * p.depth * kBf16x3BBytes; }

}  // namespace

size_t Bf16x3Plan::scratch_bytes(int threads) const {
  return static_cast<size_t>(ABytes(*this) + threads * BBytes(*this));
}

std::optional<Bf16x3Plan> PlanBf16x3(int64_t m, int64_t n, int64_t k) {
  Bf16x3Plan plan = {};
  plan.rows = m;
  plan.pairs = n / kBf16x3Columns;
  plan.depth = BlockDepth(k, 1, kLeastDepth, kMostDepth, kBf16x3Depth);
  if (Bf16x3() == nullptr || m < kLeastRows || plan.pairs < 2 || plan.depth == 0)
    return std::nullopt;
  const int64_t most = std::min(kMostRows, kMostBytes / (plan.depth * kBf16x3ABytes));
  plan.blocks = (m + most - 1) / most;
  // Rows that only fill tiles would take what is won.
  const int64_t rows = LargestBlock(plan), filled = RoundUp(rows, kBf16x3Rows);
  if ((filled - rows) * kMostFilledPart > rows) return std::nullopt;
  return plan;
}

bool RunBf16x3(const Bf16x3Plan& plan, const ThreadShare& threads, const GemmArgs& product,
               void* scratch) {
  const Bf16x3Kernels& kernels = *Bf16x3();
  char* const memory = static_cast<char*>(scratch);
  const int64_t share = (plan.pairs + threads.threads() - 1) / threads.threads();
  for (int64_t block = 0; block < plan.blocks; ++block) {
    GemmArgs g = product;
    g.row_begin = plan.begin(block);
    g.row_end = plan.begin(block + 1);
    Bf16x3Args args = {};
    args.product = &g;
    args.activate = Simd().unary;
    args.depth = plan.depth;
    args.a = memory;
    for (args.depth_begin = 0; args.depth_begin < g.k; args.depth_begin += plan.depth) {
      args.first = args.depth_begin == 0;
      args.last = args.depth_begin + plan.depth >= g.k;
      const int64_t rows = g.row_end - g.row_begin, tiles = (rows + kBf16x3Rows - 1) / kBf16x3Rows;
      std::atomic<bool> usable = true;
      threads.ParallelFor(
          tiles, std::max<int64_t>(1, kElementGrain / (kBf16x3Rows * plan.depth)),
          [&](int64_t begin, int64_t end) {
            if (!kernels.split_rows(args, begin * kBf16x3Rows, std::min(rows, end * kBf16x3Rows)))
              usable = false;
          });
      if (!usable) return false;
      threads.ParallelForWorkers(plan.pairs, share, [&](int64_t begin, int64_t end, int worker) {
        Bf16x3Args mine = args;
        mine.b = memory + ABytes(plan) + worker * BBytes(plan);
        mine.pair_begin = begin;
        mine.pair_end = end;
        kernels.multiply(mine);
      });
    }
  }
  return true;
}

}  // namespace mirin::cpu
