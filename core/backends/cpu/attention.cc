// Attention without the full score matrix: blocks of queries against packed keys and values.
#include "core/ops/attention.h"

#include <algorithm>

#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

constexpr int64_t kBlockRows = 32;

int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

KernelResult MakeAttention(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  const bool has_mask = r.inputs.size() > 3 && r.inputs[3].dtype != DType::kUnknown;
  const auto dims = [&](size_t i) { return absl::MakeConstSpan(r.inputs[i].shape.dims()); };
  const ops::AttentionShape a =
      ops::PlanAttention(r.node->attrs(), dims(0), dims(1), dims(2), r.outputs[0].shape.dims(),
                         has_mask, has_mask ? dims(3) : absl::Span<const int64_t>());
  if (a.keys == 0 || a.depth == 0) return absl::UnimplementedError("nothing to attend to");
  const float scale = static_cast<float>(r.node->attrs().Float("scale", 1));
  const SimdKernels& simd = Simd();
  // Packed keys and values of every head, then a block of scores per thread.
  const int64_t packed_key = RoundUp(a.keys, simd.tile_columns) * a.depth;
  const int64_t packed_value = RoundUp(a.value_depth, simd.tile_columns) * a.keys;
  const int64_t pairs = a.batches * a.heads, blocks = (a.queries + kBlockRows - 1) / kBlockRows;
  const int64_t score_row = RoundUp(a.keys, 16),
                score_block = std::min(kBlockRows, a.queries) * score_row;
  KernelTraits traits;
  traits.implementation = SimdName("attention");
  traits.scratch_bytes = static_cast<size_t>(pairs * (packed_key + packed_value) +
                                             r.threads->threads() * score_block) *
                         sizeof(float);
  const int64_t block_work =
      std::max<int64_t>(1, kBlockRows * a.keys * (a.depth + a.value_depth + 16));
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
      const int64_t rows = std::min(kBlockRows, a.queries - first);
      GemmArgs g = {};
      g.m = g.row_end = rows;
      g.n = g.column_end = a.keys;
      g.k = a.depth;
      g.a = q + offset(a.query, pair) + first * a.query.row;
      g.a_row = a.query.row;
      g.a_column = 1;
      g.packed_b = keys + pair * packed_key;
      g.c = block;
      g.c_row = score_row;
      g.activation = UnaryKind::kIdentity;
      simd.gemm(g);
      for (int64_t i = 0; i < rows; ++i) {
        const float* row_mask =
            mask == nullptr ? nullptr : mask + offset(a.mask, pair) + (first + i) * a.mask.row;
        simd.masked_softmax(block + i * score_row, a.keys, scale, row_mask, a.mask_column);
      }
      g.n = g.column_end = a.value_depth;
      g.k = a.keys;
      g.a = block;
      g.a_row = score_row;
      g.packed_b = values + pair * packed_value;
      g.c = y + offset(a.result, pair) + first * a.result.row;
      g.c_row = a.result.row;
      simd.gemm(g);
    };
    c.threads().ParallelForWorkers(pairs * blocks, std::max<int64_t>(1, 200'000 / block_work),
                                   [&](int64_t begin, int64_t end, int worker) {
                                     for (int64_t item = begin; item < end; ++item)
                                       run_block(item / blocks, item % blocks * kBlockRows,
                                                 scores + worker * score_block);
                                   });
  });
}

}  // namespace mirin::cpu
