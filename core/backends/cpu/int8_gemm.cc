#include "core/backends/cpu/int8_gemm.h"

#include <algorithm>

#include "core/base/status.h"

namespace mirin::cpu {
namespace {

// Half of a small second-level cache.
constexpr int64_t kCached = int64_t{256} << 10;

}  // namespace

absl::StatusOr<PackedInt8> PackInt8(const KernelRequest& r, size_t i, int64_t k, int64_t n,
                                    int64_t row, int64_t column, bool interleaved) {
  const auto& kernels = Int8();
  const int64_t columns =
      (n + kernels.tile_columns - 1) / kernels.tile_columns * kernels.tile_columns;
  PackedInt8 packed;
  packed.interleaved = interleaved;
  const int64_t depth =
      (k + kernels.b_depth_step - 1) / kernels.b_depth_step * kernels.b_depth_step;
  packed.sums_at = (columns * depth * kernels.b_bytes + 63) / 64 * 64;
  MIRIN_ASSIGN_OR_RETURN(
      packed.panels,
      r.Pack(i,
             absl::StrCat("int8:", kernels.name, ":", kernels.tile_columns, interleaved ? "i" : "",
                          ":", k, "x", n, ":", row, ",", column),
             static_cast<size_t>(packed.sums_at) + static_cast<size_t>(columns) * sizeof(int32_t),
             [&](void* to) {
               kernels.pack_b(static_cast<const int8_t*>(r.constants[i]->data()), k, n, row, column,
                              interleaved, to,
                              reinterpret_cast<int32_t*>(static_cast<char*>(to) + packed.sums_at));
               return absl::OkStatus();
             }));
  return packed;
}

int64_t PreparedBytes(int64_t k) {
  const auto& kernels = Int8();
  return (k + kernels.depth_step - 1) / kernels.depth_step * kernels.depth_step * kernels.a_bytes;
}

void ParallelInt8Gemm(const ThreadShare& threads, const Int8GemmArgs& all) {
  const auto& kernels = Int8();
  const int64_t columns = kernels.tile_columns, block_rows = 4 * kernels.tile_rows;
  const int64_t panels = (all.n + columns - 1) / columns,
                row_blocks = (all.m + block_rows - 1) / block_rows;
  const int64_t grain = std::max<int64_t>(
      1, 1'600'000 / std::max<int64_t>(1, std::min(all.m, block_rows) * columns * all.k));
  if (threads.threads() == 1 || row_blocks * panels <= grain) {
    // Rows that all panels meet while they are in the second-level cache, as far as the panels are there, too.
    const int64_t panel_bytes = panels * columns * PreparedBytes(all.k),
                  rows = panel_bytes > kCached
                             ? all.m
                             : std::max(block_rows,
                                        kCached / PreparedBytes(all.k) / block_rows * block_rows);
    Int8GemmArgs g = all;
    g.column_begin = 0;
    g.column_end = all.n;
    for (g.row_begin = 0; g.row_begin < all.m; g.row_begin = g.row_end) {
      g.row_end = std::min(all.m, g.row_begin + rows);
      kernels.gemm(g);
    }
    return;
  }
  // Rows vary fastest: neighbours share a panel of B.
  threads.ParallelFor(panels * row_blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      Int8GemmArgs g = all;
      g.row_begin = item % row_blocks * block_rows;
      g.row_end = std::min(all.m, g.row_begin + block_rows);
      g.column_begin = item / row_blocks * columns;
      g.column_end = std::min(all.n, g.column_begin + columns);
      kernels.gemm(g);
    }
  });
}

Int8Form RangeForm(const ThreadShare& threads, const float* x, int64_t n) {
  constexpr int64_t kParts = 64;
  float lows[kParts], highs[kParts];
  const int64_t part = std::max((n + kParts - 1) / kParts, kElementGrain),
                parts = (n + part - 1) / part;
  threads.ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      Int8().range(x + i * part, std::min(part, n - i * part), &lows[i], &highs[i]);
  });
  float low = 0, high = 0, poison = 0;
  for (int64_t i = 0; i < parts; ++i) {
    low = std::min(low, lows[i]);
    high = std::max(high, highs[i]);
    poison += (highs[i] - lows[i]) * 0.0f;
  }
  return Int8().form_of_range(low + poison, high + poison);
}

Int8Form FormOf(const ir::Node& node, const std::string& prefix, DType dtype) {
  return {dtype == DType::kInt8, static_cast<int32_t>(node.attrs().Int(prefix + "_zero")),
          static_cast<float>(node.attrs().Float(prefix + "_scale", 1))};
}

}  // namespace mirin::cpu
