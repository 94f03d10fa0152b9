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
  // Packed keys and values of every head, then a block of scores per thread.
  const int64_t packed_key = PackedFloats(a.depth, a.keys);
  const int64_t packed_value = PackedFloats(a.keys, a.value_depth);
  const int64_t score_row = RoundUp(a.keys, simd.tile_columns);
  const int64_t block_rows = std::clamp(kScores / score_row / simd.tile_rows * simd.tile_rows,
                                        simd.tile_rows, kAttendRows);
  const int64_t pairs = a.batches * a.heads, blocks = (a.queries + block_rows - 1) / block_rows;
  const int64_t score_block = std::min(block_rows, a.queries) * score_row;
  KernelTraits traits;
  traits.implementation = SimdName("attention");
  traits.scratch_bytes = static_cast<size_t>(pairs * (packed_key + packed_value) +
                                             r.threads->threads() * score_block) *
                         sizeof(float);
  const int64_t block_work =
      std::max<int64_t>(1, block_rows * a.keys * (a.depth + a.value_depth + 16));
  return FromFunction(traits, [=, &simd](const KernelContext& c) {
    const float *q = c.input(0).as<float>(), *k = c.input(1).as<float>(),
                *v = c.input(2).as<float>();
    const float* mask = has_mask ? c.input(3).as<float>() : nullptr;
    float* y = c.output(0).as<float>();
    float* keys = static_cast<float*>(c.scratch());
    float* values = keys + pairs * packed_key;
    float* scores = values + pairs * packed_value;
    const auto offset = [&](const ops::AttentionOperand& o, int64_t pair) {
      return o.Offset(pair / a.heads, pair % a.heads);
    };
    c.threads().ParallelFor(pairs, std::max<int64_t>(1, 65536 / (packed_key + packed_value)),
                            [&](int64_t begin, int64_t end) {
                              for (int64_t pair = begin; pair < end; ++pair) {
                                simd.pack_b(k + offset(a.key, pair), a.depth, a.keys, 1, a.key.row,
                                            keys + pair * packed_key);
                                simd.pack_b(v + offset(a.value, pair), a.keys, a.value_depth,
                                            a.value.row, 1, values + pair * packed_value);
                              }
                            });
    const auto run_block = [&](int64_t pair, int64_t first, float* block) {
      AttendArgs g = {};
      g.rows = std::min(block_rows, a.queries - first);
      g.keys = a.keys;
      g.depth = a.depth;
      g.value_depth = a.value_depth;
      g.query = q + offset(a.query, pair) + first * a.query.row;
      g.query_row = a.query.row;
      g.packed_keys = keys + pair * packed_key;
      g.packed_values = values + pair * packed_value;
      g.scale = scale;
      g.mask = mask == nullptr ? nullptr : mask + offset(a.mask, pair) + first * a.mask.row;
      g.mask_row = a.mask.row;
      g.mask_column = a.mask_column;
      g.scores = block;
      g.score_row = score_row;
      g.y = y + offset(a.result, pair) + first * a.result.row;
      g.y_row = a.result.row;
      simd.attend(g);
    };
    c.threads().ParallelForWorkers(pairs * blocks, std::max<int64_t>(1, 200'000 / block_work),
                                   [&](int64_t begin, int64_t end, int worker) {
                                     for (int64_t item = begin; item < end; ++item)
                                       run_block(item / blocks, item % blocks * block_rows,
                                                 scores + worker * score_block);
                                   });
  });
}

}  // namespace mirin::cpu
