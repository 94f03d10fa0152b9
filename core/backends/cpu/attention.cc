// Attention without the full score matrix: blocks of queries against packed keys and values (attention_kernels.cc).
#include "core/ops/attention.h"

#include <algorithm>

#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

// Floats of a block's scores: half of a first-level cache, so that panels of keys find room beside them.
constexpr int64_t kScores = 4096;

// Packing a key costs as much as these queries of it by themselves.
constexpr int64_t kFewQueries = 2;

}  // namespace

KernelResult MakeAttention(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  const bool has_mask = r.has_input(3);
  const auto dims = [&](size_t i) { return absl::MakeConstSpan(r.inputs[i].shape.dims()); };
  const ops::AttentionShape a =
      ops::PlanAttention(r.node->attrs(), dims(0), dims(1), dims(2), r.outputs[0].shape.dims(),
                         has_mask, has_mask ? dims(3) : absl::Span<const int64_t>());
  if (a.keys == 0 || a.depth == 0) return absl::UnimplementedError("nothing to attend to");
  const float scale = static_cast<float>(r.node->attrs().Float("scale", 1));
  const SimdKernels& simd = Simd();
  // A worker's: keys and values of a head, and the scores of a block.
  const bool packs = a.queries > kFewQueries || a.value_depth % simd.lanes != 0;
  const int64_t packed_key = packs ? a.depth * RoundUp(a.keys, simd.lanes) : 0;
  const int64_t packed_value = packs ? a.keys * RoundUp(a.value_depth, simd.lanes) : 0;
  const int64_t score_row = RoundUp(a.keys, simd.lanes);
  const int64_t block_rows = std::clamp(kScores / score_row / simd.tile_rows * simd.tile_rows,
                                        simd.tile_rows, kAttendRows);
  const int64_t pairs = a.batches * a.heads, blocks = (a.queries + block_rows - 1) / block_rows;
  const int64_t worker_floats =
      packed_key + packed_value + std::min(block_rows, a.queries) * score_row;
  KernelTraits traits;
  traits.implementation = SimdName("attention");
  traits.scratch_bytes = static_cast<size_t>(r.thread_count() * worker_floats) * sizeof(float);
  const int64_t block_work =
      std::max<int64_t>(1, block_rows * a.keys * (a.depth + a.value_depth + 16));
  // Work for a second thread, and so many blocks that packing is little beside them.
  const int64_t grain =
      std::max<int64_t>({1, 200'000 / block_work, std::min(blocks, kAttendRows / block_rows)});
  return FromFunction(traits, [=, &simd](const KernelContext& c) {
    const float *q = c.input(0).as<float>(), *k = c.input(1).as<float>(),
                *v = c.input(2).as<float>();
    const float* mask = has_mask ? c.input(3).as<float>() : nullptr;
    float* y = c.output(0).as<float>();
    float* scratch = static_cast<float*>(c.scratch());
    const auto run = [&](int64_t begin, int64_t end, int worker) {
      AttendArgs g = {};
      g.keys = a.keys;
      g.depth = a.depth;
      g.value_depth = a.value_depth;
      g.query_row = a.query.row;
      g.key_row = a.key.row;
      g.value_row = a.value.row;
      float* own = scratch + worker * worker_floats;
      g.packed_keys = packs ? own : nullptr;
      g.packed_values = own + packed_key;
      g.scores = g.packed_values + packed_value;
      g.score_row = score_row;
      g.scale = scale;
      g.mask_row = a.mask.row;
      g.mask_column = a.mask_column;
      g.y_row = a.result.row;
      for (int64_t item = begin; item < end; ++item) {
        const int64_t pair = item / blocks, first = item % blocks * block_rows;
        const auto offset = [&](const ops::AttentionOperand& o, int64_t row) {
          return o.Offset(pair / a.heads, pair % a.heads) + row * o.row;
        };
        const float *key = k + offset(a.key, 0), *value = v + offset(a.value, 0);
        if (item == begin || key != g.key || value != g.value) {
          g.key = key;
          g.value = value;
          if (packs) simd.attend_pack(g);
        }
        g.rows = std::min(block_rows, a.queries - first);
        g.query = q + offset(a.query, first);
        g.mask = mask == nullptr ? nullptr : mask + offset(a.mask, first);
        g.y = y + offset(a.result, first);
        simd.attend(g);
      }
    };
    c.threads().ParallelForWorkers(pairs * blocks, grain, run);
  });
}

}  // namespace mirin::cpu
