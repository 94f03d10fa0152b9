// Compiled with -DMIRIN_SIMD=avx512amx; no inline functions of shared headers in here, as int8_kernels.cc.
#include "core/backends/cpu/bf16x3_kernels.h"

#include "core/backends/cpu/amx_tiles.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

typedef uint16_t Half;  // IEEE binary16

constexpr int64_t kLanes = 16, kPanel = 48;
constexpr int kParts = 3;
constexpr int64_t kTile = kTileSide * kTileBytes;  // bytes
constexpr int kBParts = 2;
constexpr int64_t kStep = kParts * 2 * kTile,
                  kBStep = kBParts * 2 * kTile;  // of two tiles side by side, for each part
constexpr int64_t kStrips = kBf16x3Columns / (2 * kTileSide);
constexpr int64_t kBlock = 2 * kTileSide;  // rows of sums
// Sums and parts of numbers between these are not lost where tiles have no numbers below 2^-126.
constexpr float kLeast = 0x1p-60f, kMost = 0x1p60f;

__attribute__((always_inline)) inline __m512 Widened(__m256i words) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
}

__attribute__((always_inline)) inline __m512 Floats(const Half* x) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
}

// The parts of 32 numbers, in their order.
template <int P>
__attribute__((always_inline)) inline void Split(__m512 low, __m512 high, __m512i (&parts)[P]) {
  for (int p = 0; p < P; ++p) {
    parts[p] = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
    if (p + 1 == P) return;
    low = _mm512_sub_ps(low, Widened(_mm512_castsi512_si256(parts[p])));
    high = _mm512_sub_ps(high, Widened(_mm512_extracti64x4_epi64(parts[p], 1)));
  }
}

// A's tiles: of each 32 rows the steps of the depth, of each of these the parts, of each of these the upper and the lower tile.
bool SplitRows(const Bf16x3Args& args, int64_t begin, int64_t end) {
  const GemmArgs& g = *args.product;
  const int64_t steps = args.depth / kBf16x3Depth, rows = g.row_end - g.row_begin;
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  const auto bits = [](float x) {
    int32_t all;
    __builtin_memcpy(&all, &x, sizeof all);
    return all;
  };
  bool usable = true;
  const int64_t padded = (end + kTileSide - 1) / kTileSide * kTileSide;
  for (int64_t i = begin; i < padded; ++i) {
    char* to = args.a + i / kBlock * steps * kStep + i % kBlock / kTileSide * kTile +
               i % kTileSide * kTileBytes;
    if (i >= rows) {
      for (int64_t s = 0; s < steps * kParts; ++s)
        _mm512_store_si512(to + s * 2 * kTile, _mm512_setzero_si512());
      continue;
    }
    const float* x = g.a + (g.row_begin + i) * g.a_row + args.depth_begin;
    __m512i largest = _mm512_setzero_si512();
    for (int64_t s = 0; s < steps; ++s, x += kBf16x3Depth) {
      const __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + kLanes);
      largest = _mm512_max_epi32(
          largest, _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(low), magnitude),
                                    _mm512_and_si512(_mm512_castps_si512(high), magnitude)));
      __m512i parts[kParts];
      Split(low, high, parts);
      for (int p = 0; p < kParts; ++p)
        _mm512_store_si512(to + (s * kParts + p) * 2 * kTile, parts[p]);
    }
    const int32_t most = _mm512_reduce_max_epi32(largest);
    usable = usable && (most == 0 || (most >= bits(kLeast) && most <= bits(kMost)));
  }
  return usable;
}

// A pair of panels becomes tiles, 32 numbers at a time: of each 32 columns the steps of the depth, of each of these the parts, of each of these
// two tiles. Numbers of two lines alternate.
class SplitPanels {
 public:
  SplitPanels(const Bf16x3Args& args, int64_t pair, char* to)
      : k_(args.product->k),
        steps_(args.depth / kBf16x3Depth),
        from_(static_cast<const Half*>(args.product->packed_b) + pair * kBf16x3Columns * k_ +
              args.depth_begin * kPanel),
        to_(to),
        left_(pair < args.pair_end ? steps_ * kTileSide * 2 * kStrips : 0) {
    int16_t order[2 * kLanes];
    for (int16_t i = 0; i < kLanes; ++i) {
      order[2 * i] = i;
      order[2 * i + 1] = static_cast<int16_t>(kLanes + i);
    }
    alternate_ = _mm512_loadu_si512(order);
  }

  int64_t left() const { return left_; }

  __attribute__((always_inline)) void Next() {
    const Half* line =
        from_ + (column_ >= kPanel ? kPanel * k_ + column_ - kPanel : column_) + line_ * kPanel;
    // The next pair's.
    __builtin_prefetch(line + kBf16x3Columns * k_, 0, 2);
    __builtin_prefetch(line + kBf16x3Columns * k_ + kPanel, 0, 2);
    __m512i parts[kBParts];
    Split(Floats(line), Floats(line + kPanel), parts);
    const int64_t step = line_ / kBf16x3Depth, row = line_ % kBf16x3Depth / 2;
    char* to = to_ + (column_ / kBlock * steps_ + step) * kBStep +
               column_ % kBlock / kLanes * kTile + row * kTileBytes;
    for (int p = 0; p < kBParts; ++p)
      _mm512_store_si512(to + p * 2 * kTile, _mm512_permutexvar_epi16(alternate_, parts[p]));
    --left_;
    column_ += kLanes;
    if (column_ < kBf16x3Columns) return;
    column_ = 0;
    line_ += 2;
  }
  void Finish() {
    while (left_ > 0) Next();
  }

 private:
  const int64_t k_, steps_;
  const Half* from_;
  char* to_;
  int64_t left_, line_ = 0, column_ = 0;
  __m512i alternate_;
};

template <bool kTwo>
__attribute__((always_inline)) inline void LoadRows(const char* a) {
  _tile_loadd(4, a, kTileBytes);
  if (kTwo) _tile_loadd(5, a + kTile, kTileBytes);
}
__attribute__((always_inline)) inline void LoadColumns(const char* b) {
  _tile_loadd(6, b, kTileBytes);
  _tile_loadd(7, b + kTile, kTileBytes);
}
template <bool kTwo>
__attribute__((always_inline)) inline void AddProducts() {
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  if (!kTwo) return;
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

// Sums of two tiles of rows, or of the upper one alone, with 32 columns, in rows of 32 numbers. `at_once` pieces of the next panels become tiles
// at each step.
template <bool kTwo>
void SumTiles(const char* a, const char* b, int64_t steps, int64_t at_once, SplitPanels* next,
              float* sums) {
  constexpr int64_t kPart = 2 * kTile, kRow = kBlock * 4;
  _tile_zero(0);
  _tile_zero(1);
  if (kTwo) {
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t s = 0; s < steps; ++s, a += kStep, b += kBStep) {
    // The least first; from one product to the next one side changes.
    LoadColumns(b);
    LoadRows<kTwo>(a + 2 * kPart);
    AddProducts<kTwo>();
    for (int64_t i = 0; i < at_once && next->left() > 0; ++i) next->Next();
    LoadColumns(b + kPart);
    LoadRows<kTwo>(a + kPart);
    AddProducts<kTwo>();
    LoadColumns(b);
    AddProducts<kTwo>();
    LoadRows<kTwo>(a);
    AddProducts<kTwo>();
    LoadColumns(b + kPart);
    AddProducts<kTwo>();
  }
  _tile_stored(0, sums, kRow);
  _tile_stored(1, sums + kTileSide, kRow);
  if (!kTwo) return;
  _tile_stored(2, sums + kTileSide * kBlock, kRow);
  _tile_stored(3, sums + kTileSide * kBlock + kTileSide, kRow);
}

// Rows of sums of a pair of panels become results.
void Finish(const Bf16x3Args& args, int64_t row, int64_t rows, int64_t column, const float* sums) {
  const GemmArgs& g = *args.product;
  for (int64_t r = 0; r < rows; ++r) {
    float* to = g.c + (row + r) * g.c_row + column;
    for (int64_t c = 0; c < kBf16x3Columns; c += kLanes) {
      __m512 x = _mm512_load_ps(sums + (c / kBlock * kBlock + r) * kBlock + c % kBlock);
      if (!args.first) x = _mm512_add_ps(x, _mm512_loadu_ps(to + c));
      if (args.last && g.bias != nullptr)
        x = _mm512_add_ps(x, _mm512_loadu_ps(g.bias + column + c));
      _mm512_storeu_ps(to + c, x);
    }
    if (args.last && g.activation != UnaryKind::kIdentity)
      args.activate(g.activation, to, to, kBf16x3Columns, 0);
  }
}

void Multiply(const Bf16x3Args& args) {
  const GemmArgs& g = *args.product;
  const int64_t rows = g.row_end - g.row_begin, steps = args.depth / kBf16x3Depth,
                blocks = (rows + kBlock - 1) / kBlock;
  const int64_t pieces = kTileSide * 2 * kStrips,
                at_once = (pieces + blocks * kStrips - 1) / (blocks * kStrips);
  char *b = args.b, *other = args.b + kStrips * steps * kBStep;
  alignas(64) float sums[kBlock * kBf16x3Columns];
  ConfigureTiles(kTileSide, kTileSide);
  SplitPanels(args, args.pair_begin, b).Finish();
  for (int64_t pair = args.pair_begin; pair < args.pair_end; ++pair) {
    SplitPanels next(args, pair + 1, other);
    for (int64_t i = 0; i < blocks; ++i) {
      const char* a = args.a + i * steps * kStep;
      const int64_t left = rows - i * kBlock;
      for (int64_t strip = 0; strip < kStrips; ++strip) {
        const char* columns = b + strip * steps * kBStep;
        float* to = sums + strip * kBlock * kBlock;
        if (left > kTileSide)
          SumTiles<true>(a, columns, steps, at_once, &next, to);
        else
          SumTiles<false>(a, columns, steps, at_once, &next, to);
      }
      Finish(args, g.row_begin + i * kBlock, left < kBlock ? left : kBlock, pair * kBf16x3Columns,
             sums);
    }
    next.Finish();
    char* const used = b;
    b = other;
    other = used;
  }
  _tile_release();
}

constexpr Bf16x3Kernels kTable = {SplitRows, Multiply};

}  // namespace

const Bf16x3Kernels& Bf16x3Table() { return kTable; }

}  // namespace mirin::cpu::MIRIN_SIMD
