// Compiled once per instruction set with -DMIRIN_SIMD=<namespace> (see //bazel:simd.bzl). No inline functions of shared headers
// in here: the linker might keep the copy with the widest instructions for everybody.
#include "core/backends/cpu/int8_kernels.h"

#include "core/backends/cpu/int8_finish.h"
#include "core/backends/cpu/int8_vector.h"
#if defined(__AMX_INT8__)
#include "core/backends/cpu/int8_tiles.h"
#endif

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr int64_t kFetchEvery = 4;
constexpr float kMostSum = 2147483648.0f;  // what sums stay below, as k is limited
constexpr int kSpread = 4 * kLanes;        // partial results of a reduction

// n is a multiple of kLanes.
template <bool kDivide>
inline void WholeToBytes(const float* x, uint8_t* y, int64_t n, float scale, ToBytes to) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vector v = Floats(x + i), steps = kDivide ? v / scale : v * to.inverse;
    StoreBytes(y + i, RoundedSteps(steps, to), kLanes);
  }
}

template <bool kDivide>
void FloatsToBytes(const float* x, uint8_t* y, int64_t n, Int8Form form) {
  const ToBytes to = ToBytesOf(form, UnaryKind::kIdentity);
  const int64_t rest = n % kLanes, whole = n - rest;
  WholeToBytes<kDivide>(x, y, whole, form.scale, to);
  if (rest == 0) return;
  float last[kLanes] = {};
  uint8_t bytes[kLanes];
  __builtin_memcpy(last, x + whole, static_cast<unsigned long>(rest) * 4);
  WholeToBytes<kDivide>(last, bytes, kLanes, form.scale, to);
  __builtin_memcpy(y + whole, bytes, static_cast<unsigned long>(rest));
}

template <typename T>
inline void DequantizeFrom(const T* x, float* y, int64_t n, Int8Form f) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i] - f.zero) * f.scale;
}

void Dequantize(const uint8_t* x, float* y, int64_t n, Int8Form form) {
  form.is_signed ? DequantizeFrom(reinterpret_cast<const int8_t*>(x), y, n, form)
                 : DequantizeFrom(x, y, n, form);
}

inline UnaryKind ActivationOf(const Int8Sum& s) {
  return s.relu ? UnaryKind::kRelu : UnaryKind::kIdentity;
}

#if defined(__AVX512F__)
// Bytes 16 i + 4 v + e of 64 as lane 4 i + e of a vector, for PackedBytes.
template <int V>
inline IntVector Spread(Ints bytes) {
  constexpr int64_t kNone = 0x80808000;
  const Ints each = _mm512_broadcast_i32x4(_mm_set_epi32(
      static_cast<int32_t>(kNone + 4 * V + 3), static_cast<int32_t>(kNone + 4 * V + 2),
      static_cast<int32_t>(kNone + 4 * V + 1), static_cast<int32_t>(kNone + 4 * V)));
  return reinterpret_cast<IntVector>(_mm512_shuffle_epi8(bytes, each));
}

// n is a multiple of 64. Signed bytes are made unsigned by a flip.
template <bool kSmall>
inline void AddPacked(const Int8Sum& s, const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
  const PackForm form = PackFormOf(s.y, ActivationOf(s));
  const int32_t flip_a = s.a.is_signed ? 128 : 0, flip_b = s.b.is_signed ? 128 : 0,
                a_zero = s.a.zero + flip_a, b_zero = s.b.zero + flip_b;
  const float a_scale = s.a.scale, b_scale = s.b.scale;
  const Ints flips_a = _mm512_set1_epi8(static_cast<int8_t>(flip_a)),
             flips_b = _mm512_set1_epi8(static_cast<int8_t>(flip_b));
  const auto steps = [&](IntVector left, IntVector right) __attribute__((always_inline)) {
    const Vector sum = __builtin_convertvector(left - a_zero, Vector) * a_scale +
                       __builtin_convertvector(right - b_zero, Vector) * b_scale;
    return sum * form.inverse;
  };
  for (int64_t i = 0; i < n; i += 4 * kLanes) {
    const Ints p = _mm512_xor_si512(Load(a + i), flips_a),
               q = _mm512_xor_si512(Load(b + i), flips_b);
    Store(y + i, PackedBytes<kSmall>(
                     form, steps(Spread<0>(p), Spread<0>(q)), steps(Spread<1>(p), Spread<1>(q)),
                     steps(Spread<2>(p), Spread<2>(q)), steps(Spread<3>(p), Spread<3>(q))));
  }
}
#else
// n is a multiple of kLanes.
template <typename A, typename B>
inline void AddWhole(const Int8Sum& s, const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
  const Int8Form a_form = s.a, b_form = s.b;
  const ToBytes to = ToBytesOf(s.y, ActivationOf(s));
  for (int64_t i = 0; i < n; i += kLanes) {
    const auto left = reinterpret_cast<IntVector>(Widen(reinterpret_cast<const A*>(a) + i)),
               right = reinterpret_cast<IntVector>(Widen(reinterpret_cast<const B*>(b) + i));
    const Vector sum = __builtin_convertvector(left - a_form.zero, Vector) * a_form.scale +
                       __builtin_convertvector(right - b_form.zero, Vector) * b_form.scale;
    StoreBytes(y + i, RoundedSteps(sum * to.inverse, to), kLanes);
  }
}
#endif

// y may be a or b.
void Add(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, const Int8Sum& sum) {
#if defined(__AVX512F__)
  constexpr int64_t kBlock = 4 * kLanes;
  const bool small = (sum.a.scale + sum.b.scale) * (1 / sum.y.scale) < (1 << 20);
  const auto add = small ? AddPacked<true> : AddPacked<false>;
#else
  constexpr int64_t kBlock = kLanes;
  const auto add = sum.a.is_signed
                       ? sum.b.is_signed ? AddWhole<int8_t, int8_t> : AddWhole<int8_t, uint8_t>
                   : sum.b.is_signed ? AddWhole<uint8_t, int8_t>
                                     : AddWhole<uint8_t, uint8_t>;
#endif
  const int64_t rest = n % kBlock, whole = n - rest;
  add(sum, a, b, y, whole);
  if (rest == 0) return;
  uint8_t left[kBlock] = {}, right[kBlock] = {}, sums[kBlock];
  __builtin_memcpy(left, a + whole, static_cast<unsigned long>(rest));
  __builtin_memcpy(right, b + whole, static_cast<unsigned long>(rest));
  add(sum, left, right, sums, kBlock);
  __builtin_memcpy(y + whole, sums, static_cast<unsigned long>(rest));
}

template <int C>
void InterleaveOf(const uint8_t* __restrict x, int64_t plane, int64_t n, uint8_t* __restrict y) {
  for (int64_t i = 0; i < n; ++i) {
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) y[i * C + c] = x[c * plane + i];
  }
}

void Interleave(const uint8_t* x, int64_t plane, int64_t channels, int64_t n, uint8_t* y) {
  constexpr void (*kOf[kMostPlanes])(const uint8_t*, int64_t, int64_t, uint8_t*) = {
      InterleaveOf<1>, InterleaveOf<2>, InterleaveOf<3>, InterleaveOf<4>};
  kOf[channels - 1](x, plane, n, y);
}

// The column of a whole panel that lies in slot c when columns are interleaved.
inline int64_t Interleaved(int64_t c) {
  return kLanes == 16 ? c % 16 / 4 * 16 + c / 16 * 4 + c % 4 : c;
}

void PackB(const int8_t* b, int64_t k, int64_t n, int64_t row, int64_t column, bool interleaved,
           void* packed, int32_t* sums) {
  AElement* to = static_cast<AElement*>(packed);  // of B's width, too
  const int64_t padded = PaddedB(k);
  for (int64_t j = 0; j < n; j += kColumns, to += kColumns * padded) {
    const bool moved = interleaved && n - j >= kColumns;
    // kGroup numbers of column c from row p on, and their sum.
    const auto fill = [&](int64_t c, int64_t p) __attribute__((always_inline)) {
      const int64_t from = j + (moved ? Interleaved(c) : c), there = from < n ? k - p : 0;
      AElement* slot =
          to + GroupAt(p / kGroup, c / kLanes, padded / kGroup) / kABytes + c % kLanes * kGroup;
      int32_t sum = 0;
      for (int64_t g = 0; g < kGroup; ++g) {
        const int8_t v = g < there ? b[(p + g) * row + from * column] : int8_t{0};
        sum += v;
        slot[g] = static_cast<AElement>(v);
      }
      return sum;
    };
    for (int64_t c = 0; c < kColumns; ++c) sums[j + c] = 0;
    // In the order of B's memory.
    if (row == 1) {
      for (int64_t c = 0; c < kColumns; ++c) {
        int32_t sum = 0;
        for (int64_t p = 0; p < padded; p += kGroup) sum += fill(c, p);
        sums[j + c] = sum;
      }
    } else {
      for (int64_t p = 0; p < padded; p += kGroup) {
        for (int64_t c = 0; c < kColumns; ++c) sums[j + c] += fill(c, p);
      }
    }
  }
}

void Range(const float* x, int64_t n, float* low, float* high) {
  float lows[kSpread] = {}, highs[kSpread] = {}, poisons[kSpread] = {};
  int64_t done = 0;
  for (; done + kSpread <= n; done += kSpread) {
    for (int l = 0; l < kSpread; ++l) poisons[l] += x[done + l] * 0.0f;
    for (int l = 0; l < kSpread; ++l) lows[l] = x[done + l] < lows[l] ? x[done + l] : lows[l];
    for (int l = 0; l < kSpread; ++l) highs[l] = x[done + l] > highs[l] ? x[done + l] : highs[l];
  }
  float least = 0, largest = 0, poison = 0;
  for (int l = 0; l < kSpread; ++l) poison += poisons[l];
  for (int l = 0; l < kSpread; ++l) least = lows[l] < least ? lows[l] : least;
  for (int l = 0; l < kSpread; ++l) largest = highs[l] > largest ? highs[l] : largest;
  for (; done < n; ++done) {
    least = x[done] < least ? x[done] : least;
    largest = x[done] > largest ? x[done] : largest;
    poison += x[done] * 0.0f;
  }
  *low = least + poison;
  *high = largest + poison;
}

Int8Form FormOfRange(float low, float high) {
  Int8Form form;
  form.scale = (high > low ? high - low : 1.0f) / 255.0f;
  form.zero = static_cast<int32_t>(Rint(Clamp(-low / form.scale, 0, 255)));
  form.scale += (high - low) * 0.0f;
  return form;
}

void QuantizeRow(const float* x, int64_t k, Int8Form form, void* row, int32_t* zero) {
  const float low = static_cast<float>(-form.zero), high = low + 255;
  const int32_t offset = kBytes ? form.zero : 0;
  *zero = offset;
  AElement* to = static_cast<AElement*>(row);
  for (int64_t i = 0; i < k; ++i)
    to[i] = static_cast<AElement>(static_cast<int32_t>(Rint(Clamp(x[i] / form.scale, low, high))) +
                                  offset);
  for (int64_t i = k; i < Padded(k); ++i) to[i] = 0;
}

void PrepareRow(const uint8_t* x, int64_t k, bool is_signed, int32_t* zero, void* row) {
  AElement* to = static_cast<AElement*>(row);
  const int32_t z = *zero;
  if (kBytes) {
    const uint8_t flip = is_signed ? 0x80 : 0;
    for (int64_t i = 0; i < k; ++i) to[i] = static_cast<AElement>(x[i] ^ flip);
    *zero = is_signed ? z + 128 : z;
  } else {
    if (is_signed) {
      for (int64_t i = 0; i < k; ++i) to[i] = static_cast<AElement>(static_cast<int8_t>(x[i]) - z);
    } else {
      for (int64_t i = 0; i < k; ++i) to[i] = static_cast<AElement>(x[i] - z);
    }
    *zero = 0;
  }
  for (int64_t i = k; i < Padded(k); ++i) to[i] = 0;
}

// R rows by V vectors of columns: sums over all of k, then what becomes of them.
template <int R, int V>
inline void Tile(const Int8GemmArgs& g, const Panel& t, const char* a, int64_t row,
                 const char* fetch, int64_t fetch_lines) {
  Ints sums[R][V];
  for (int v = 0; v < V; ++v) {
    const IntVector of_column = Integers(g.sums + t.column + v * kLanes),
                    begin = Integers(t.begin + v * kLanes);
    for (int r = 0; r < R; ++r)
      sums[r][v] = reinterpret_cast<Ints>(g.row_step == 0 ? begin : -g.zeros[row + r] * of_column);
  }
  const int64_t groups = Padded(g.k) / kGroup, all_groups = PaddedB(g.k) / kGroup;
  const char* b = t.b;
  const auto step = [&](int64_t p) __attribute__((always_inline)) {
    Ints right[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) right[v] = Load(b + GroupAt(p, v, all_groups));
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      int32_t group;
      __builtin_memcpy(&group, a + r * g.a_row + p * 4, 4);
      const Ints left = Repeat(group);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[r][v] = AddProducts(sums[r][v], left, right[v]);
    }
  };
  int64_t p = 0;
  for (; fetch_lines > 0 && p + kFetchEvery <= groups; p += kFetchEvery, --fetch_lines) {
    __builtin_prefetch(fetch, 0, 2);
    fetch += 64;
#pragma GCC unroll 4
    for (int i = 0; i < kFetchEvery; ++i) step(p + i);
  }
#pragma GCC unroll 4
  for (; p < groups; ++p) step(p);
  IntVector results[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) results[r][v] = reinterpret_cast<IntVector>(sums[r][v]);
  }
  Finish<R, V>(g, t, results, row);
}

template <int R>
inline void Rows(const Int8GemmArgs& g, const Panel& t, int64_t rows, const char* a, int64_t row,
                 const char* fetch, int64_t fetch_lines) {
  if constexpr (R > 0) {
    if (rows != R) return Rows<R - 1>(g, t, rows, a, row, fetch, fetch_lines);
    if (t.width <= kLanes) return Tile<R, 1>(g, t, a, row, fetch, fetch_lines);
    if (t.width <= 2 * kLanes) return Tile<R, 2>(g, t, a, row, fetch, fetch_lines);
    if (kVectors > 3 && t.width <= 3 * kLanes) return Tile<R, 3>(g, t, a, row, fetch, fetch_lines);
    Tile<R, kVectors>(g, t, a, row, fetch, fetch_lines);
  }
}

#if defined(__AMX_INT8__)
constexpr int kTableRows = kTileSide;
#else
constexpr int kTableRows = kRows;
#endif

void Gemm(const Int8GemmArgs& g) {
  const int64_t panel_bytes = kColumns * PaddedB(g.k) * kBBytes,
                row_tiles = (g.row_end - g.row_begin + kRows - 1) / kRows;
  // While a panel is multiplied its tiles fetch the next one; a few rows stream B anyway.
  const int64_t lines = row_tiles < 4 ? 0 : (panel_bytes / 64 + row_tiles - 1) / row_tiles;
#if defined(__AMX_INT8__)
  const bool in_tiles = g.row_end - g.row_begin >= kLeastTileRows;
#endif
  Panel t;
  const UnaryKind bounds = IsRectifier(g.activation) ? g.activation : UnaryKind::kIdentity;
  t.to_bytes = ToBytesOf(g.form, bounds);
#if defined(__AVX512F__)
  t.pack = PackFormOf(g.form, bounds);
#endif
  for (int64_t j = g.column_begin; j < g.column_end; j += kColumns) {
    t.b = static_cast<const char*>(g.packed_b) + j / kColumns * panel_bytes;
    t.column = j;
    t.width = g.n - j < kColumns ? g.n - j : kColumns;
    t.interleaved = g.interleaved && t.width == kColumns;
    float largest = 0;
    for (int64_t c = 0; c < kColumns; ++c) {
      const int64_t from = j + (t.interleaved ? Interleaved(c) : c);
      t.begin[c] = g.row_step == 0 ? -g.zeros[0] * g.sums[j + c] : 0;
      t.scale[c] = g.scale != nullptr && c < t.width ? g.scale[from] : 0;
      if (g.row_step == 0 && g.row_scales != nullptr) t.scale[c] *= g.row_scales[0];
      t.bias[c] = g.bias != nullptr && c < t.width ? g.bias[from] : 0;
      const float most = __builtin_fabsf(t.scale[c]) * kMostSum + __builtin_fabsf(t.bias[c]);
      largest = most > largest ? most : largest;
    }
    t.small = largest * t.to_bytes.inverse < kMostSum;
    const char* fetch = t.b + panel_bytes;
#if defined(__AMX_INT8__)
    if (in_tiles) {
      MultiplyInTiles(g, t, j + kColumns < g.column_end ? fetch : nullptr);
      continue;
    }
#endif
    const int64_t fetched = j + kColumns < g.column_end ? lines : 0;
    for (int64_t i = g.row_begin; i < g.row_end; i += kRows) {
      const int64_t rows = g.row_end - i < kRows ? g.row_end - i : kRows;
      Rows<kRows>(g, t, rows, static_cast<const char*>(g.a) + i * g.a_row, i, fetch, fetched);
      fetch += fetched * 64;
    }
  }
#if defined(__AMX_INT8__)
  if (in_tiles) _tile_release();
#endif
}

#define MIRIN_TEXT_(x) #x
#define MIRIN_TEXT(x) MIRIN_TEXT_(x)

constexpr Int8Kernels kKernels = {MIRIN_TEXT(MIRIN_SIMD),
                                  kBytes,
                                  kColumns,
                                  kTableRows,
                                  kGroup,
                                  kDepthStep,
                                  kABytes,
                                  kBBytes,
                                  PackB,
                                  Range,
                                  FormOfRange,
                                  QuantizeRow,
                                  PrepareRow,
                                  Gemm,
                                  FloatsToBytes<true>,
                                  FloatsToBytes<false>,
                                  Dequantize,
                                  Add,
                                  Interleave};

}  // namespace

const Int8Kernels& Int8Table() { return kKernels; }

}  // namespace mirin::cpu::MIRIN_SIMD
