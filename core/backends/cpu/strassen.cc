#include "core/backends/cpu/strassen.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/backends/cpu/gemm.h"

namespace mirin::cpu {
namespace {

// A block's sums of A and of a pair of panels of B stay in the second-level cache beside the panels themselves: measured. Less depth costs
// more than some misses, as results are read and written once for each block of it.
constexpr int64_t kMostRows = 256, kFewRows = 128;
int64_t MostDepth(int64_t rows) { return rows <= kFewRows ? 384 : 256; }
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
int64_t HalfRows(const StrassenPlan& p) { return ((p.rows + p.blocks - 1) / p.blocks + 1) / 2; }
int64_t ScaleFloats(const StrassenPlan& p) { return RoundUp(2 * HalfRows(p), 16); }
int64_t PlainFloats(const StrassenPlan& p) { return RoundUp((HalfRows(p) + 3) / 4, 16); }
// With the scales, which are those of a block of the depth.
int64_t AFloats(const StrassenPlan& p) {
  StrassenArgs block = {};
  block.half_rows = HalfRows(p);
  block.depth = p.depth;
  return 2 * ScaleFloats(p) + PlainFloats(p) + 7 * block.matrix();
}
int64_t BFloats(const StrassenPlan& p) { return RoundUp(4 * p.depth * p.columns, 16); }
int64_t BlockFloats(const StrassenPlan& p, int64_t copies, int64_t workers) {
  return copies * AFloats(p) + workers * BFloats(p);
}

// Whether threads take blocks of rows each, rather than share each block's columns: no sums are made twice, but the last may wait.
bool ByBlocks(const StrassenPlan& plan, int threads) {
  return threads == 1 || plan.blocks % threads == 0 || plan.blocks >= 4 * threads;
}

// Where a copy of the sums of A lies.
void PlaceA(const StrassenPlan& plan, float* at, StrassenArgs* s) {
  s->scale = at;
  s->inverse = s->scale + ScaleFloats(plan);
  float* plain = s->inverse + ScaleFloats(plan);
  s->plain = reinterpret_cast<bool*>(plain);
  s->packed_a = plain + PlainFloats(plan);
}

// Block b with its parts of the scratch, the first of them where there are several.
struct Block {
  GemmArgs product;
  StrassenArgs args;
};

void Begin(const StrassenPlan& plan, const StrassenArgs& args, int64_t b, int64_t copies,
           float* scratch, Block* block) {
  block->product = *args.product;
  block->product.row_begin = plan.begin(b);
  block->product.row_end = plan.begin(b + 1);
  StrassenArgs& s = block->args;
  s = args;
  s.product = &block->product;
  s.columns = plan.columns;
  s.half_rows = (plan.begin(b + 1) - plan.begin(b) + 1) / 2;
  s.depth = plan.depth;
  PlaceA(plan, scratch, &s);
  s.sums_of_b = scratch + copies * AFloats(plan);
}

template <typename Fn>
void ForDepths(StrassenArgs* s, Fn fn) {
  for (s->depth_begin = 0; s->depth_begin < s->product->k; s->depth_begin += 2 * s->depth) fn();
}

// Pairs of panels [begin, end) for the block of the depth that args begin; with `packs` the first of them scales and packs the rows.
void RunPairs(const StrassenPlan& plan, StrassenArgs args, int64_t begin, int64_t end, bool packs) {
  const GemmArgs& g = *args.product;
  const int64_t pair = 2 * plan.columns, next_depth = args.depth_begin + 2 * args.depth;
  const auto* b = static_cast<const float*>(g.packed_b);
  for (int64_t i = begin; i < end; ++i) {
    // Behind the last: the next block of the depth, or what lies behind this product's weights, the next one's.
    args.next = i + 1 < end        ? b + (i + 1) * pair * g.k + args.depth_begin * plan.columns
                : next_depth < g.k ? b + begin * pair * g.k + next_depth * plan.columns
                                   : b + plan.pairs * pair * g.k;
    args.packs = packs && i == begin;
    Simd().strassen_pair(args, i * pair);
  }
}

// The pairs [begin, end) over the whole depth, on one thread.
void RunDepths(const StrassenPlan& plan, StrassenArgs args, int64_t begin, int64_t end) {
  ForDepths(&args, [&] { RunPairs(plan, args, begin, end, true); });
}

void ShareColumns(const StrassenPlan& plan, const ThreadShare& threads, Block* block) {
  StrassenArgs& s = block->args;
  const int64_t copies = CopiesOfA(threads.threads());
  const auto of_worker = [&](int worker) {
    StrassenArgs mine = s;
    if (copies > 1) PlaceA(plan, s.scale + worker * AFloats(plan), &mine);
    mine.sums_of_b += worker * BFloats(plan);
    return mine;
  };
  const int64_t work = 7 * s.half_rows * s.depth * plan.columns,
                least = std::max<int64_t>(1, kLeastMultiplyAdds / work);
  if (copies == threads.threads()) {
    const int64_t share = (plan.pairs + copies - 1) / copies;
    threads.ParallelForWorkers(plan.pairs, std::max(least, share),
                               [&](int64_t begin, int64_t end, int worker) {
                                 RunDepths(plan, of_worker(worker), begin, end);
                               });
    return;
  }
  const auto for_rows = [&](auto fn) {
    threads.ParallelFor(s.half_rows, std::max<int64_t>(1, 4096 / s.depth), fn);
  };
  ForDepths(&s, [&] {
    std::atomic<bool> finite = true;
    for_rows([&](int64_t begin, int64_t end) {
      if (!Simd().strassen_scale_rows(s, begin, end)) finite = false;
    });
    if (!finite) Simd().strassen_leave_plain(s, 0, s.half_rows);
    for_rows([&](int64_t begin, int64_t end) { Simd().strassen_pack_a(s, begin, end); });
    threads.ParallelForWorkers(plan.pairs, least, [&](int64_t begin, int64_t end, int worker) {
      RunPairs(plan, of_worker(worker), begin, end, false);
    });
  });
}

}  // namespace

size_t StrassenPlan::scratch_bytes(int threads) const {
  const int64_t floats = ByBlocks(*this, threads) ? threads * BlockFloats(*this, 1, 1)
                                                  : BlockFloats(*this, CopiesOfA(threads), threads);
  return static_cast<size_t>(floats) * sizeof(float);
}

bool MayUseStrassen(int64_t n, int64_t k) {
  return PlanStrassen(kLeastRows, n, k, Simd().tile_columns).has_value();
}

std::optional<StrassenPlan> PlanStrassen(int64_t m, int64_t n, int64_t k, int64_t columns) {
  StrassenPlan plan = {};
  plan.rows = m;
  plan.columns = columns;
  plan.pairs = n / (2 * columns);
  if (std::strcmp(Simd().name, "avx512") != 0 || m < kLeastRows || plan.pairs < 2)
    return std::nullopt;
  for (int64_t blocks = 1; plan.depth == 0; ++blocks) {
    const int64_t depth = k / (2 * blocks);
    if (depth < kLeastDepth) return std::nullopt;
    if (depth <= MostDepth(m) && depth * 2 * blocks == k && depth % 16 == 0) plan.depth = depth;
  }
  if (!Pays(n, plan.depth)) return std::nullopt;
  plan.blocks = (m + kMostRows - 1) / kMostRows;
  if (plan.blocks > 1) plan.blocks += plan.blocks % 2;  // two threads have as much to do
  return plan;
}

void RunStrassen(const StrassenPlan& plan, const ThreadShare& threads, const StrassenArgs& args,
                 void* scratch) {
  auto* memory = static_cast<float*>(scratch);
  if (ByBlocks(plan, threads.threads())) {
    threads.ParallelForWorkers(plan.blocks, 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t b = begin; b < end; ++b) {
        Block block;
        Begin(plan, args, b, 1, memory + worker * BlockFloats(plan, 1, 1), &block);
        RunDepths(plan, block.args, 0, plan.pairs);
      }
    });
    return;
  }
  for (int64_t b = 0; b < plan.blocks; ++b) {
    Block block;
    Begin(plan, args, b, CopiesOfA(threads.threads()), memory, &block);
    ShareColumns(plan, threads, &block);
  }
}

}  // namespace mirin::cpu
