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

// Fetches what is read next, `at_once` cache lines for each step, up to its end.
struct FetchLines {
  const char* from;  // null: nothing
  const char* end;
  int64_t at_once;

  void Next() {
    for (int64_t i = 0; i < at_once && from < end; ++i, from += 64) __builtin_prefetch(from, 0, 2);
  }
};

// Adds a step of the depth: A's rows, those of the lower tile from `lower` on (null: there are none), and two tiles of B.
inline void AddStep(const char* upper, const char* lower, int64_t a_row, const char* b) {
  _tile_loadd(4, upper, a_row);
  _tile_loadd(6, b, kTileBytes);
  _tile_dpbusd(0, 4, 6);
  _tile_loadd(7, b + kTileSide * kTileBytes, kTileBytes);
  _tile_dpbusd(1, 4, 7);
  if (lower == nullptr) return;
  _tile_loadd(5, lower, a_row);
  _tile_dpbusd(2, 5, 6);
  _tile_dpbusd(3, 5, 7);
}

// Rows of A in a block of the depth that fit two tiles, and what lies behind their last whole step, filled up with zeros.
struct TileRows {
  const char* a;
  int64_t a_row, upper, lower;
  int64_t depth;
  const char* rest;  // null: nothing
};

// Their sums with 32 columns of a panel, added to those in rows of kColumns numbers unless they are the first.
void SumTiles(const TileRows& rows, const char* b, bool first, FetchLines* fetch, int32_t* to) {
  constexpr int64_t kRow = kColumns * 4, kStep = 2 * kTileSide * kTileBytes;
  int32_t* below = to + rows.upper * kColumns;
  const bool two = rows.lower > 0;
  if (first) {
    _tile_zero(0);
    _tile_zero(1);
    if (two) {
      _tile_zero(2);
      _tile_zero(3);
    }
  } else {
    _tile_loadd(0, to, kRow);
    _tile_loadd(1, to + kTileSide, kRow);
    if (two) {
      _tile_loadd(2, below, kRow);
      _tile_loadd(3, below + kTileSide, kRow);
    }
  }
  const char *upper = rows.a, *lower = two ? upper + rows.upper * rows.a_row : nullptr;
  for (int64_t left = rows.depth; left >= kTileBytes; left -= kTileBytes, b += kStep) {
    AddStep(upper, lower, rows.a_row, b);
    upper += kTileBytes;
    if (two) lower += kTileBytes;
    fetch->Next();
  }
  if (rows.rest != nullptr)
    AddStep(rows.rest, two ? rows.rest + rows.upper * kTileBytes : nullptr, kTileBytes, b);
  _tile_stored(0, to, kRow);
  _tile_stored(1, to + kTileSide, kRow);
  if (!two) return;
  _tile_stored(2, below, kRow);
  _tile_stored(3, below + kTileSide, kRow);
}

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

// Half a panel of this depth stays in the first-level cache while so many rows meet it. A whole one of half this depth stays there with the sums
// of few rows, which become results before they leave.
constexpr int64_t kTileDepth = 768, kTileGroup = 128;

// All rows in one panel; `next` is fetched meanwhile, unless it is null.
void MultiplyInTiles(const Int8GemmArgs& g, const Panel& t, const char* next) {
  constexpr int64_t kBlock = 2 * kTileSide;
  const int64_t halves = t.width <= kBlock ? 1 : 2, padded = PaddedB(g.k),
                steps = (g.row_end - g.row_begin + kBlock - 1) / kBlock * halves *
                        (padded / kTileBytes);
  FetchLines fetch = {next, next + kColumns * padded,
                      next == nullptr ? 0 : (kColumns * padded / 64 + steps - 1) / steps};
  alignas(64) int32_t sums[kTileGroup * kColumns];
  alignas(64) char rest[kBlock * kTileBytes];
  int64_t configured = 0;
  const int64_t group = g.k <= kTileDepth / 2 ? kBlock : kTileGroup;
  for (int64_t begin = g.row_begin, end; begin < g.row_end; begin = end) {
    end = begin + group < g.row_end ? begin + group : g.row_end;
    // Alike, the larger ones first.
    const int64_t blocks = (end - begin + kBlock - 1) / kBlock, least = (end - begin) / blocks,
                  larger = (end - begin) % blocks;
    for (int64_t p = 0; p < g.k; p += kTileDepth) {
      TileRows r;
      r.a_row = g.a_row;
      r.depth = g.k - p < kTileDepth ? g.k - p : kTileDepth;
      const int64_t behind = r.depth % kTileBytes;
      for (int64_t half = 0; half < halves; ++half) {
        const char* b = t.b + (half * padded + p) * kBlock;
        for (int64_t i = 0, row = begin; i < blocks; ++i) {
          const int64_t rows = least + (i < larger ? 1 : 0);
          r.a = static_cast<const char*>(g.a) + row * g.a_row + p;
          r.upper = rows <= kTileSide ? rows : (rows + 1) / 2;
          r.lower = rows - r.upper;
          r.rest = behind > 0 ? rest : nullptr;
          if (configured != rows) ConfigureTiles(r.upper, r.lower);
          configured = rows;
          const auto some = static_cast<__mmask64>((uint64_t{1} << behind) - 1);
          for (int64_t k = 0; behind > 0 && k < rows; ++k)
            _mm512_store_si512(rest + k * kTileBytes,
                               _mm512_maskz_loadu_epi8(some, r.a + k * g.a_row + r.depth - behind));
          SumTiles(r, b, p == 0, &fetch, sums + (row - begin) * kColumns + half * kBlock);
          row += rows;
        }
      }
    }
    for (int64_t row = begin; row < end; row += kRows)
      FinishRows<kRows>(g, t, end - row < kRows ? end - row : kRows,
                        sums + (row - begin) * kColumns, row);
  }
}

}  // namespace
}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_INT8_TILES_H_
