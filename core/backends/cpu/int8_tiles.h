// Products of bytes by tiles (AMX); included as int8_vector.h is.
#ifndef CORE_BACKENDS_CPU_INT8_TILES_H_
#define CORE_BACKENDS_CPU_INT8_TILES_H_

#include <immintrin.h>

#include "core/backends/cpu/amx_tiles.h"
#include "core/backends/cpu/int8_finish.h"
#include "core/backends/cpu/int8_vector.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

// Products of tiles (AMX): 32 rows by 32 columns in four tiles of sums, two of A's rows and two of B's columns.
constexpr int64_t kLeastTileRows = 4;

// What sums become that lie in memory.
template <int R, int V>
inline void FinishSums(const Int8GemmArgs& g, const Panel& t, const int32_t* from, int64_t row) {
  IntVector sums[R][V];
  for (int v = 0; v < V; ++v) {
    const IntVector of_column = Integers(g.sums + t.column + v * kLanes),
                    begin = Integers(t.begin + v * kLanes);
    for (int r = 0; r < R; ++r)
      sums[r][v] = Integers(from + r * kColumns + v * kLanes) +
                   (g.row_step == 0 ? begin : -g.zeros[row + r] * of_column);
  }
  Finish<R, V>(g, t, sums, row);
}

template <int R>
inline void FinishRows(const Int8GemmArgs& g, const Panel& t, int64_t rows, const int32_t* from,
                       int64_t row) {
  if constexpr (R > 0) {
    if (rows != R) return FinishRows<R - 1>(g, t, rows, from, row);
    if (t.width <= kLanes) return FinishSums<R, 1>(g, t, from, row);
    if (t.width <= 2 * kLanes) return FinishSums<R, 2>(g, t, from, row);
    if (t.width <= 3 * kLanes) return FinishSums<R, 3>(g, t, from, row);
    FinishSums<R, kVectors>(g, t, from, row);
  }
}

// What is done between products of tiles, which leave the other units idle: the next panel is fetched, `lines_at_once` cache lines for
// each step of the depth, and the sums of a block become results, `rows_at_once` rows for each product.
class Meanwhile {
 public:
  Meanwhile(const Int8GemmArgs& g, const Panel& t, const char* fetch, int64_t lines,
            int64_t lines_at_once)
      : g_(g),
        t_(t),
        in_order_(t.interleaved && g.row_step == 0 && GivesSteps(g)),
        fetch_(fetch),
        fetch_end_(fetch + lines * 64),
        lines_at_once_(lines_at_once) {}

  void NextStep() {
    for (int64_t i = 0; i < lines_at_once_ && fetch_ < fetch_end_; ++i, fetch_ += 64)
      __builtin_prefetch(fetch_, 0, 2);
  }
  void NextProduct() {
    if (rows_at_once_ == 0 || rows_ == 0) return;
    Write(rows_at_once_ < rows_ ? rows_at_once_ : rows_);
  }
  // Finishes what is begun, then takes these sums, which become results until so many products are added up.
  void Take(const int32_t* sums, int64_t row, int64_t rows, int64_t products) {
    Finish();
    sums_ = sums;
    row_ = row;
    rows_ = rows;
    rows_at_once_ = in_order_ ? (rows + products - 1) / products : 0;
  }
  void Finish() {
    if (in_order_ && rows_ > 0) return Write(rows_);
    for (; rows_ > 0; rows_ -= kRows, row_ += kRows, sums_ += kRows * kColumns)
      FinishRows<kRows>(g_, t_, rows_ < kRows ? rows_ : kRows, sums_, row_);
    rows_ = 0;
  }

 private:
  void Write(int64_t rows) {
    IntVector begin[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) begin[v] = Integers(t_.begin + v * kLanes);
    const int32_t* from = sums_;
    WriteInOrder(
        t_, rows,
        [&](int64_t r, int v) __attribute__((always_inline)) {
          return Integers(from + r * kColumns + v * kLanes) + begin[v];
        },
        g_.quantised + row_ * g_.c_row + t_.column, g_.c_row);
    sums_ += rows * kColumns;
    row_ += rows;
    rows_ -= rows;
  }

  const Int8GemmArgs& g_;
  const Panel& t_;
  const bool in_order_;
  const char* fetch_;  // null: nothing
  const char* fetch_end_;
  const int64_t lines_at_once_;
  const int32_t* sums_ = nullptr;
  int64_t row_ = 0, rows_ = 0, rows_at_once_ = 0;
};

// Adds a step of the depth: A's rows, those of the lower tile from `lower` on (null: there are none), and two tiles of B.
inline void AddStep(const char* upper, const char* lower, int64_t a_row, const char* b,
                    Meanwhile* meanwhile) {
  _tile_loadd(4, upper, a_row);
  _tile_loadd(6, b, kTileBytes);
  _tile_dpbusd(0, 4, 6);
  meanwhile->NextProduct();
  _tile_loadd(7, b + kTileSide * kTileBytes, kTileBytes);
  _tile_dpbusd(1, 4, 7);
  meanwhile->NextProduct();
  meanwhile->NextStep();
  if (lower == nullptr) return;
  _tile_loadd(5, lower, a_row);
  _tile_dpbusd(2, 5, 6);
  meanwhile->NextProduct();
  _tile_dpbusd(3, 5, 7);
  meanwhile->NextProduct();
}

// Rows of A that fit two tiles, and what lies behind their last whole step, filled up with zeros.
struct TileRows {
  const char* a;
  int64_t a_row, upper, lower;
  int64_t depth;
  const char* rest;  // null: nothing
};

// Their sums with 32 columns of a panel, in rows of kColumns numbers.
void SumTiles(const TileRows& rows, const char* b, Meanwhile* meanwhile, int32_t* to) {
  constexpr int64_t kRow = kColumns * 4, kStep = 2 * kTileSide * kTileBytes;
  const bool two = rows.lower > 0;
  _tile_zero(0);
  _tile_zero(1);
  if (two) {
    _tile_zero(2);
    _tile_zero(3);
  }
  const char *upper = rows.a, *lower = two ? upper + rows.upper * rows.a_row : nullptr;
  for (int64_t left = rows.depth; left >= kTileBytes; left -= kTileBytes, b += kStep) {
    AddStep(upper, lower, rows.a_row, b, meanwhile);
    upper += kTileBytes;
    if (two) lower += kTileBytes;
  }
  if (rows.rest != nullptr)
    AddStep(rows.rest, two ? rows.rest + rows.upper * kTileBytes : nullptr, kTileBytes, b,
            meanwhile);
  _tile_stored(0, to, kRow);
  _tile_stored(1, to + kTileSide, kRow);
  if (!two) return;
  int32_t* below = to + rows.upper * kColumns;
  _tile_stored(2, below, kRow);
  _tile_stored(3, below + kTileSide, kRow);
}

// All rows in one panel; `next` is fetched meanwhile, unless it is null.
void MultiplyInTiles(const Int8GemmArgs& g, const Panel& t, const char* next) {
  constexpr int64_t kBlock = 2 * kTileSide;
  const int64_t halves = t.width <= kBlock ? 1 : 2, padded = PaddedB(g.k),
                steps = halves * (padded / kTileBytes), rows = g.row_end - g.row_begin,
                lines = next == nullptr ? 0 : kColumns * padded / 64;
  // Alike, the larger ones first.
  const int64_t blocks = (rows + kBlock - 1) / kBlock, least = rows / blocks,
                larger = rows % blocks;
  Meanwhile meanwhile(g, t, next, lines, (lines + blocks * steps - 1) / (blocks * steps));
  alignas(64) int32_t sums[2][kBlock * kColumns];  // of a block, and of the one before
  alignas(64) char rest[kBlock * kTileBytes];
  const int64_t behind = g.k % kTileBytes;
  const auto some = static_cast<__mmask64>((uint64_t{1} << behind) - 1);
  int64_t configured = 0;
  for (int64_t i = 0, row = g.row_begin; i < blocks; ++i) {
    const int64_t count = least + (i < larger ? 1 : 0);
    TileRows r;
    r.a = static_cast<const char*>(g.a) + row * g.a_row;
    r.a_row = g.a_row;
    r.upper = count <= kTileSide ? count : (count + 1) / 2;
    r.lower = count - r.upper;
    r.depth = g.k;
    r.rest = behind > 0 ? rest : nullptr;
    if (configured != count) ConfigureTiles(r.upper, r.lower);
    configured = count;
    for (int64_t k = 0; behind > 0 && k < count; ++k)
      _mm512_store_si512(rest + k * kTileBytes,
                         _mm512_maskz_loadu_epi8(some, r.a + k * g.a_row + g.k - behind));
    int32_t* to = sums[i % 2];
    for (int64_t half = 0; half < halves; ++half)
      SumTiles(r, t.b + half * padded * kBlock, &meanwhile, to + half * kBlock);
    meanwhile.Take(to, row, count, steps * (r.lower > 0 ? 4 : 2));
    row += count;
  }
  meanwhile.Finish();
}

}  // namespace
}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_INT8_TILES_H_
