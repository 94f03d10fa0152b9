#include "core/backends/cpu/strassen.h"

#include <algorithm>
#include <cstring>

#include "core/backends/cpu/gemm.h"

namespace mirin::cpu {
namespace {

// A block's sums of A and of a pair of panels of B stay in the second-level cache beside the panels themselves.
constexpr int64_t kMostRows = 256, kMostDepth = 256;
// Fewer rows do not hide how the sums of B are made; with less depth the bound of StrassenArgs would not hold.
constexpr int64_t kLeastRows = 48, kLeastDepth = 48;

// Whether what is saved is more than the work between the products, done once for each block of the depth, and the sums of A, done
// once for all columns: measured.
bool Pays(int64_t n, int64_t depth) {
  return 22.0 / static_cast<double>(depth) + 110.0 / static_cast<double>(n) < 1;
}

// So few threads pack all of A each: what another has packed takes longer to come than that.
constexpr int kFewThreads = 4;
int64_t CopiesOfA(int threads) { return threads <= kFewThreads ? threads : 1; }

// Floats of each part of the scratch, whole cache lines.
int64_t ScaleFloats(const StrassenPlan& p) { return RoundUp(p.rows, 16); }
int64_t AFloats(const StrassenPlan& p) { return RoundUp(7 * p.rows / 2 * p.depth, 16); }
int64_t BFloats(const StrassenPlan& p) { return 4 * p.depth * RoundUp(Simd().tile_columns, 16); }

// Pairs of panels [begin, end) for the block of the depth that args begin.
void RunPairs(const StrassenPlan& plan, StrassenArgs args, int64_t begin, int64_t end) {
  const SimdKernels& simd = Simd();
  const GemmArgs& g = *args.product;
  const int64_t pair = 2 * simd.tile_columns, next_depth = args.depth_begin + 2 * args.depth;
  const auto* b = static_cast<const float*>(g.packed_b);
  for (int64_t i = begin; i < end; ++i) {
    // Behind the last: the next block of the depth, or what lies behind this product's weights, the next one's.
    args.next = i + 1 < end        ? b + (i + 1) * pair * g.k + args.depth_begin * simd.tile_columns
                : next_depth < g.k ? b + begin * pair * g.k + next_depth * simd.tile_columns
                                   : b + plan.pairs * pair * g.k;
    simd.strassen_pair(args, i * pair);
  }
}

// One block of rows; false, with nothing done, when a number of A is not finite.
bool RunBlock(const StrassenPlan& plan, const ThreadShare& threads, const GemmArgs& g,
              void* scratch) {
  const SimdKernels& simd = Simd();
  StrassenArgs s = {};
  s.product = &g;
  s.half_rows = (g.row_end - g.row_begin + 1) / 2;
  s.depth = plan.depth;
  s.scale = static_cast<float*>(scratch);
  s.inverse = s.scale + ScaleFloats(plan);
  s.packed_a = s.inverse + ScaleFloats(plan);
  const int64_t copies = CopiesOfA(threads.threads());
  s.sums_of_b = s.packed_a + copies * AFloats(plan);
  if (!simd.strassen_scales(s)) return false;
  const auto of_worker = [&](int worker) {
    StrassenArgs mine = s;
    if (copies > 1) mine.packed_a += worker * AFloats(plan);
    mine.sums_of_b += worker * BFloats(plan);
    return mine;
  };
  const auto for_depths = [&](StrassenArgs* args, auto run) {
    for (args->depth_begin = 0; args->depth_begin < g.k; args->depth_begin += 2 * s.depth) run();
  };
  const int64_t work = 7 * s.half_rows * s.depth * simd.tile_columns,
                least = std::max<int64_t>(1, kLeastMultiplyAdds / work);
  if (copies == threads.threads()) {
    const int64_t share = (plan.pairs + copies - 1) / copies;
    threads.ParallelForWorkers(plan.pairs, std::max(least, share),
                               [&](int64_t begin, int64_t end, int worker) {
                                 StrassenArgs mine = of_worker(worker);
                                 for_depths(&mine, [&] {
                                   simd.strassen_pack_a(mine, 0, s.half_rows);
                                   RunPairs(plan, mine, begin, end);
                                 });
                               });
    return true;
  }
  for_depths(&s, [&] {
    threads.ParallelFor(s.half_rows, std::max<int64_t>(1, 4096 / s.depth),
                        [&](int64_t begin, int64_t end) { simd.strassen_pack_a(s, begin, end); });
    threads.ParallelForWorkers(plan.pairs, least, [&](int64_t begin, int64_t end, int worker) {
      RunPairs(plan, of_worker(worker), begin, end);
    });
  });
  return true;
}

}  // namespace

size_t StrassenPlan::scratch_bytes(int threads) const {
  return static_cast<size_t>(2 * ScaleFloats(*this) + CopiesOfA(threads) * AFloats(*this) +
                             threads * BFloats(*this)) *
         sizeof(float);
}

bool MayUseStrassen(int64_t n, int64_t k) { return PlanStrassen(kLeastRows, n, k).has_value(); }

std::optional<StrassenPlan> PlanStrassen(int64_t m, int64_t n, int64_t k) {
  const SimdKernels& simd = Simd();
  StrassenPlan plan;
  plan.pairs = n / (2 * simd.tile_columns);
  if (std::strcmp(simd.name, "avx512") != 0 || m < kLeastRows || plan.pairs < 2)
    return std::nullopt;
  for (int64_t blocks = 1; plan.depth == 0; ++blocks) {
    const int64_t depth = k / (2 * blocks);
    if (depth < kLeastDepth) return std::nullopt;
    if (depth <= kMostDepth && depth * 2 * blocks == k && depth % 16 == 0) plan.depth = depth;
  }
  if (!Pays(n, plan.depth)) return std::nullopt;
  const int64_t blocks = (m + kMostRows - 1) / kMostRows;
  plan.rows = RoundUp((m + blocks - 1) / blocks, 2 * simd.tile_rows);
  return plan;
}

void RunStrassen(const StrassenPlan& plan, const ThreadShare& threads, const GemmArgs& g,
                 void* scratch) {
  const SimdKernels& simd = Simd();
  const int64_t whole = plan.pairs * 2 * simd.tile_columns;
  for (int64_t row = 0; row < g.m; row += plan.rows) {
    GemmArgs block = g;
    block.row_begin = row;
    block.row_end = std::min(g.m, row + plan.rows);
    const bool few = block.row_end - row < kLeastRows / 2;
    block.column_begin = !few && RunBlock(plan, threads, block, scratch) ? whole : 0;
    block.column_end = g.n;
    if (block.column_begin == block.column_end) continue;
    const int64_t panels = (g.n - block.column_begin + simd.tile_columns - 1) / simd.tile_columns;
    threads.ParallelFor(panels, 4, [&](int64_t begin, int64_t end) {
      GemmArgs part = block;
      part.column_begin = block.column_begin + begin * simd.tile_columns;
      part.column_end = std::min(g.n, block.column_begin + end * simd.tile_columns);
      simd.gemm(part);
    });
  }
}

}  // namespace mirin::cpu
