#include "core/backends/cpu/strassen.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/strassen_parts.h"

namespace mirin::cpu {
namespace {

// A block's sums of A and of a pair of panels of B stay in the second-level cache beside the panels themselves: measured. Less depth costs
// more than some misses, as results are read and written once for each block of it.
constexpr int64_t kMostRows = 256, kFewRows = 128;
int64_t MostDepth(int64_t rows) { return rows <= kFewRows ? 384 : 256; }
// Fewer rows do not hide how the sums of B are made; with less depth the bound of StrassenArgs would not hold.
constexpr int64_t kLeastRows = 48, kLeastDepth = 48;
// Where sums are not cheap: measured.
constexpr int64_t kLeastCostlyRows = 96, kLeastCostlyDepth = 128;

// Whether what is saved is more than the work between the products, done once for each block of the depth, and the sums of A, done
// once for all columns: measured.
bool Pays(int64_t m, int64_t n, int64_t depth) {
  if (!Core().cheap_sums && (m < kLeastCostlyRows || depth < kLeastCostlyDepth)) return false;
  return 22.0 / static_cast<double>(depth) + 110.0 / static_cast<double>(n) < 1;
}

// Half of the depth of a block of the first of two levels; 0 where a second one does not pay, as it takes more sums, of smaller blocks
// (measured), or adds too much to the error of short sums. Where sums are not cheap it never pays: an eighth slower on an Intel Xeon of 2023.
constexpr int64_t kLeastRowsTwice = 96;
int64_t TwiceDepth(int64_t n, int64_t k) {
  constexpr int64_t kMost = 384, kLeast = 192, kLeastWork = 64 * 1024, kLeastSum = 768;
  const int64_t depth = k < kLeastSum ? 0 : BlockDepth(k, 2, kLeast, kMost, 32);
  return depth * n >= kLeastWork ? depth : 0;
}

// So few threads pack all of A each: what another has packed takes longer to come than that.
constexpr int kFewThreads = 4;
int64_t CopiesOfA(int threads) { return threads <= kFewThreads ? threads : 1; }

// Whole cache lines.
int64_t RowFloats(int64_t half_rows) { return RoundUp(2 * half_rows, 16); }
int64_t PlainFloats(int64_t half_rows) { return RoundUp((half_rows + 3) / 4, 16); }

int64_t HalfRows(const StrassenPlan& p) { return ((p.rows + p.blocks - 1) / p.blocks + 1) / 2; }
// Of a block on one level.
int64_t BlockFloats(const StrassenPlan& p, int64_t copies, int64_t workers) {
  return copies * StrassenAFloats(HalfRows(p), p.depth) +
         workers * StrassenBFloats(p.depth, p.columns);
}

// Whether threads take blocks of rows each, rather than share each block's columns: no sums are made twice, but the last may wait.
bool ByBlocks(const StrassenPlan& plan, int threads) {
  return threads == 1 || plan.blocks % threads == 0 || plan.blocks >= 4 * threads;
}

// Whether there are two levels: threads share groups of four panels evenly, or blocks.
bool Twice(const StrassenPlan& plan, int threads) {
  return plan.twice_depth > 0 &&
         (ByBlocks(plan, threads) || (threads <= kFewThreads && plan.pairs / 2 % threads == 0));
}
// Whether threads take rows of each block, rather than its columns, with one level: what each packs of A again costs more there than sums of
// B that each makes again (measured).
bool ByRows(const StrassenPlan& plan, int threads) {
  return !Core().cheap_sums && !Twice(plan, threads) && 2 * HalfRows(plan) / threads >= kLeastRows;
}
int64_t TwiceFloats(const StrassenPlan& p) {
  return StrassenTwiceFloats(HalfRows(p), p.twice_depth, p.columns);
}

// A block of rows.
struct Block {
  GemmArgs product;
  StrassenArgs args;
};

void Begin(const StrassenPlan& plan, const StrassenArgs& args, int64_t b, Block* block) {
  block->product = *args.product;
  block->product.row_begin = plan.begin(b);
  block->product.row_end = plan.begin(b + 1);
  StrassenArgs& s = block->args;
  s = args;
  s.product = &block->product;
  s.columns = plan.columns;
  s.c_rows = plan.begin(b + 1) - plan.begin(b);
  s.half_rows = s.partner = (s.c_rows + 1) / 2;
  s.depth = plan.twice_depth > 0 ? plan.twice_depth : plan.depth;
  s.terms = 1;
  s.term[0] = {0, 0, 1};
}

// The pairs [begin, end) over the whole depth, on one thread.
void RunDepths(StrassenArgs args, int64_t begin, int64_t end) {
  ForStrassenDepths(&args, [&] { RunStrassenPairs(args, begin, end, true); });
}

// All columns, on one thread and one level.
void RunOnce(const StrassenPlan& plan, StrassenArgs s, float* scratch) {
  PlaceStrassenA(scratch, &s);
  s.sums_of_b = scratch + StrassenAFloats(HalfRows(plan), plan.depth);
  RunDepths(s, 0, plan.pairs);
}

void RunBlock(const StrassenPlan& plan, const Block& block, float* scratch) {
  plan.twice_depth > 0 ? RunStrassenTwice(block.args, 0, plan.pairs / 2, scratch)
                       : RunOnce(plan, block.args, scratch);
}

// Rows meet the partners that they have on one thread: the bits are the same.
void ShareRows(const StrassenPlan& plan, const ThreadShare& threads, float* scratch,
               const Block& block) {
  const int64_t half = block.args.half_rows, shares = threads.threads();
  threads.ParallelForWorkers(shares, 1, [&](int64_t begin, int64_t end, int worker) {
    const int64_t first = begin * half / shares, last = end * half / shares;
    GemmArgs product = block.product;
    product.row_begin += first;
    StrassenArgs s = block.args;
    s.product = &product;
    s.half_rows = last - first;
    s.c_rows -= first;
    RunOnce(plan, s, scratch + worker * BlockFloats(plan, 1, 1));
  });
}

void ShareColumnsTwice(const StrassenPlan& plan, const ThreadShare& threads, float* scratch,
                       Block* block) {
  const int64_t groups = plan.pairs / 2;
  threads.ParallelForWorkers(
      groups, groups / threads.threads(), [&](int64_t begin, int64_t end, int worker) {
        RunStrassenTwice(block->args, begin, end, scratch + worker * TwiceFloats(plan));
      });
}

void ShareColumns(const StrassenPlan& plan, const ThreadShare& threads, float* scratch,
                  Block* block) {
  StrassenArgs& s = block->args;
  const int64_t copies = CopiesOfA(threads.threads()),
                a_floats = StrassenAFloats(HalfRows(plan), plan.depth);
  PlaceStrassenA(scratch, &s);
  const auto of_worker = [&](int worker) {
    StrassenArgs mine = s;
    if (copies > 1) PlaceStrassenA(scratch + worker * a_floats, &mine);
    mine.sums_of_b =
        scratch + copies * a_floats + worker * StrassenBFloats(plan.depth, plan.columns);
    return mine;
  };
  const int64_t work = 7 * s.half_rows * s.depth * plan.columns,
                least = std::max<int64_t>(1, kLeastMultiplyAdds / work);
  if (copies == threads.threads()) {
    const int64_t share = (plan.pairs + copies - 1) / copies;
    threads.ParallelForWorkers(
        plan.pairs, std::max(least, share),
        [&](int64_t begin, int64_t end, int worker) { RunDepths(of_worker(worker), begin, end); });
    return;
  }
  const auto for_rows = [&](auto fn) {
    threads.ParallelFor(s.half_rows, std::max<int64_t>(1, 4096 / s.depth), fn);
  };
  ForStrassenDepths(&s, [&] {
    std::atomic<bool> finite = true;
    for_rows([&](int64_t begin, int64_t end) {
      if (!Simd().strassen_scale_rows(s, begin, end)) finite = false;
    });
    if (!finite) Simd().strassen_leave_plain(s, 0, s.half_rows);
    for_rows([&](int64_t begin, int64_t end) { Simd().strassen_pack_a(s, begin, end); });
    threads.ParallelForWorkers(plan.pairs, least, [&](int64_t begin, int64_t end, int worker) {
      RunStrassenPairs(of_worker(worker), begin, end, false);
    });
  });
}

}  // namespace

int64_t StrassenScaleFloats(int64_t half_rows) {
  return 2 * RowFloats(half_rows) + PlainFloats(half_rows);
}

int64_t StrassenMatricesFloats(int64_t half_rows, int64_t depth) {
  StrassenArgs block = {};
  block.half_rows = half_rows;
  block.depth = depth;
  return RoundUp(7 * block.matrix(), 16);
}

int64_t StrassenAFloats(int64_t half_rows, int64_t depth) {
  return StrassenScaleFloats(half_rows) + StrassenMatricesFloats(half_rows, depth);
}

void PlaceStrassenA(float* at, StrassenArgs* s) {
  s->scale = at;
  s->inverse = s->scale + RowFloats(s->partner);
  s->plain = reinterpret_cast<bool*>(s->inverse + RowFloats(s->partner));
  s->packed_a = at + StrassenScaleFloats(s->partner);
}

int64_t StrassenBFloats(int64_t depth, int64_t columns) { return RoundUp(4 * depth * columns, 16); }

const float* StrassenPanels(const StrassenArgs& args, int64_t panels, int64_t i, int64_t begin,
                            int64_t end) {
  const GemmArgs& g = *args.product;
  const auto at = [&](int64_t group, int64_t depth) {
    return static_cast<const float*>(g.packed_b) + (panels * group * g.k + depth) * args.columns;
  };
  if (i < end) return at(i, args.depth_begin);
  return args.last ? at(end, 0) : at(begin, args.depth_begin + 2 * args.depth);
}

void RunStrassenPairs(StrassenArgs args, int64_t begin, int64_t end, bool packs) {
  args.b_panel = args.next_panel = args.product->k * args.columns;
  for (int64_t i = begin; i < end; ++i) {
    args.b = StrassenPanels(args, 2, i, begin, end);
    args.next = StrassenPanels(args, 2, i + 1, begin, end);
    args.packs = args.scales = packs && i == begin;
    Simd().strassen_pair(args, 2 * i * args.columns);
  }
}

size_t StrassenPlan::scratch_bytes(int threads) const {
  const bool twice = Twice(*this, threads);
  const int64_t workers = twice || ByBlocks(*this, threads) || ByRows(*this, threads) ? threads : 1;
  const int64_t floats = twice                ? TwiceFloats(*this)
                         : workers == threads ? BlockFloats(*this, 1, 1)
                                              : BlockFloats(*this, CopiesOfA(threads), threads);
  return static_cast<size_t>(workers * floats) * sizeof(float);
}

bool MayUseStrassen(int64_t n, int64_t k) {
  return PlanStrassen(std::max(kLeastRows, kLeastCostlyRows), n, k, Simd().tile_columns)
      .has_value();
}

std::optional<StrassenPlan> PlanStrassen(int64_t m, int64_t n, int64_t k, int64_t columns) {
  StrassenPlan plan = {};
  plan.rows = m;
  plan.columns = columns;
  plan.pairs = n / (2 * columns);
  if (std::strcmp(Simd().name, "avx512") != 0 || m < kLeastRows || plan.pairs < 2)
    return std::nullopt;
  plan.depth = BlockDepth(k, 2, kLeastDepth, MostDepth(m), 16);
  if (plan.depth == 0 || !Pays(m, n, plan.depth)) return std::nullopt;
  plan.blocks = (m + kMostRows - 1) / kMostRows;
  if (plan.blocks > 1) plan.blocks += plan.blocks % 2;  // two threads have as much to do
  if (Core().cheap_sums && m / plan.blocks >= kLeastRowsTwice && n % (4 * columns) == 0)
    plan.twice_depth = TwiceDepth(n, k);
  return plan;
}

void RunStrassen(StrassenPlan plan, const ThreadShare& threads, const StrassenArgs& args,
                 void* scratch) {
  auto* memory = static_cast<float*>(scratch);
  if (!Twice(plan, threads.threads())) plan.twice_depth = 0;
  if (ByBlocks(plan, threads.threads())) {
    const int64_t floats = plan.twice_depth > 0 ? TwiceFloats(plan) : BlockFloats(plan, 1, 1);
    threads.ParallelForWorkers(plan.blocks, 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t b = begin; b < end; ++b) {
        Block block;
        Begin(plan, args, b, &block);
        RunBlock(plan, block, memory + worker * floats);
      }
    });
    return;
  }
  for (int64_t b = 0; b < plan.blocks; ++b) {
    Block block;
    Begin(plan, args, b, &block);
    if (ByRows(plan, threads.threads())) {
      ShareRows(plan, threads, memory, block);
    } else if (plan.twice_depth > 0) {
      ShareColumnsTwice(plan, threads, memory, &block);
    } else {
      ShareColumns(plan, threads, memory, &block);
    }
  }
}

}  // namespace mirin::cpu
