// How the tiles of AMX are set up; included as simd_vector.h is.
#ifndef CORE_BACKENDS_CPU_AMX_TILES_H_
#define CORE_BACKENDS_CPU_AMX_TILES_H_

#include <immintrin.h>
#include <stdint.h>

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr int64_t kTileSide = 16, kTileBytes = 64;

// As the CPU reads it.
struct alignas(64) TileForms {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Tiles 0 to 3 are sums, 4 and 5 of A's rows, the second of which may be none, 6 and 7 of B.
inline void ConfigureTiles(int64_t upper, int64_t lower) {
  TileForms forms;
  for (int tile = 0; tile < 8; ++tile) {
    const bool low = tile == 2 || tile == 3 || tile == 5;
    const int64_t rows = tile >= 6 ? kTileSide : low ? lower : upper;
    forms.rows[tile] = static_cast<uint8_t>(rows);
    forms.row_bytes[tile] = rows > 0 ? kTileBytes : 0;
  }
  _tile_loadconfig(&forms);
}

}  // namespace
}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_AMX_TILES_H_
