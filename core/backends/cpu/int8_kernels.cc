// Compiled once per instruction set with -DMIRIN_SIMD=<namespace> (see //bazel:simd.bzl). No inline functions of shared headers
// in here: the linker might keep the copy with the widest instructions for everybody.
#include "core/backends/cpu/int8_kernels.h"

#include <immintrin.h>

namespace mirin::cpu::MIRIN_SIMD {
namespace {

// One vector of int32 sums, and what adds the products of kGroup neighbours in depth to each of them. With VNNI these are bytes,
// A unsigned and B signed; without, 16-bit numbers, because byte products of older instructions saturate.
#if defined(__AVX512VNNI__)
constexpr bool kBytes = true;
using AElement = uint8_t;
#else
constexpr bool kBytes = false;
using AElement = int16_t;
#endif
#if defined(__AVX512F__)
constexpr int kLanes = 16, kRows = 8, kVectors = 3;
using Ints = __m512i;
inline Ints Load(const void* from) { return _mm512_loadu_si512(from); }
inline void Store(void* to, Ints v) { _mm512_storeu_si512(to, v); }
inline Ints Repeat(int32_t v) { return _mm512_set1_epi32(v); }
#if defined(__AVX512VNNI__)
// As text: of the intrinsic, gcc 12 makes copies of the sums in every step.
inline Ints AddProducts(Ints sum, Ints a, Ints b) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
#else
inline Ints AddProducts(Ints sum, Ints a, Ints b) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
}
#endif
#elif defined(__AVX2__)
constexpr int kLanes = 8, kRows = 4, kVectors = 2;
using Ints = __m256i;
inline Ints Load(const void* from) { return _mm256_loadu_si256(static_cast<const Ints*>(from)); }
inline void Store(void* to, Ints v) { _mm256_storeu_si256(static_cast<Ints*>(to), v); }
inline Ints Repeat(int32_t v) { return _mm256_set1_epi32(v); }
inline Ints AddProducts(Ints sum, Ints a, Ints b) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
#else
constexpr int kLanes = 4, kRows = 4, kVectors = 2;
using Ints = __m128i;
inline Ints Load(const void* from) { return _mm_loadu_si128(static_cast<const Ints*>(from)); }
inline void Store(void* to, Ints v) { _mm_storeu_si128(static_cast<Ints*>(to), v); }
inline Ints Repeat(int32_t v) { return _mm_set1_epi32(v); }
inline Ints AddProducts(Ints sum, Ints a, Ints b) {
  return _mm_add_epi32(sum, _mm_madd_epi16(a, b));
}
#endif
typedef float Vector __attribute__((vector_size(kLanes * 4), may_alias));
typedef int32_t IntVector __attribute__((vector_size(kLanes * 4)));
constexpr int64_t kColumns = kLanes * kVectors;
constexpr int64_t kFetchEvery = 4;
constexpr int64_t kGroup = kBytes ? 4 : 2;
constexpr int kSpread = 4 * kLanes;  // partial results of a reduction
constexpr int64_t kABytes = kBytes ? 1 : 2;
constexpr int64_t kBBytes = kABytes;
constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer

// Nearest integer, ties to even, for |v| below 2^22.
inline float Rint(float v) { return (v + kMagic) - kMagic; }

inline float Clamp(float v, float low, float high) {
  v = v > low ? v : low;  // not a number becomes low
  return v < high ? v : high;
}

inline int32_t LowOf(bool is_signed) { return is_signed ? -128 : 0; }

// A number of steps from the zero point, rounded and saturated.
inline uint8_t Saturated(float steps, Int8Form f) {
  const float low = static_cast<float>(LowOf(f.is_signed) - f.zero);
  return static_cast<uint8_t>(static_cast<int32_t>(Rint(Clamp(steps, low, low + 255))) + f.zero);
}

void Quantize(const float* x, uint8_t* y, int64_t n, Int8Form form) {
  for (int64_t i = 0; i < n; ++i) y[i] = Saturated(x[i] / form.scale, form);
}

template <typename T>
inline void DequantizeFrom(const T* x, float* y, int64_t n, Int8Form f) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i] - f.zero) * f.scale;
}

void Dequantize(const uint8_t* x, float* y, int64_t n, Int8Form form) {
  form.is_signed ? DequantizeFrom(reinterpret_cast<const int8_t*>(x), y, n, form)
                 : DequantizeFrom(x, y, n, form);
}

template <typename A, typename B>
void AddOf(const uint8_t* a, Int8Form a_form, const uint8_t* b, Int8Form b_form, uint8_t* y,
           Int8Form y_form, int64_t n, float least) {
  const A* left = reinterpret_cast<const A*>(a);
  const B* right = reinterpret_cast<const B*>(b);
  for (int64_t i = 0; i < n; ++i) {
    const float v = static_cast<float>(left[i] - a_form.zero) * a_form.scale +
                    static_cast<float>(right[i] - b_form.zero) * b_form.scale;
    y[i] = Saturated(v > least ? v : least, y_form);
  }
}

void Add(const uint8_t* a, Int8Form a_form, const uint8_t* b, Int8Form b_form, uint8_t* y,
         Int8Form y_form, int64_t n, bool relu) {
  a_form.scale /= y_form.scale;
  b_form.scale /= y_form.scale;
  const float least = relu ? 0.0f : -__builtin_inff();
  const auto add = a_form.is_signed
                       ? b_form.is_signed ? AddOf<int8_t, int8_t> : AddOf<int8_t, uint8_t>
                   : b_form.is_signed ? AddOf<uint8_t, int8_t>
                                      : AddOf<uint8_t, uint8_t>;
  add(a, a_form, b, b_form, y, y_form, n, least);
}

int64_t Padded(int64_t k) { return (k + kGroup - 1) / kGroup * kGroup; }

void PackB(const int8_t* b, int64_t k, int64_t n, int64_t row, int64_t column, void* packed,
           int32_t* sums) {
  AElement* to = static_cast<AElement*>(packed);  // of B's width, too
  const int64_t padded = Padded(k);
  for (int64_t j = 0; j < n; j += kColumns) {
    for (int64_t c = 0; c < kColumns; ++c) sums[j + c] = 0;
    for (int64_t p = 0; p < padded; p += kGroup) {
      for (int64_t c = 0; c < kColumns; ++c) {
        for (int64_t g = 0; g < kGroup; ++g) {
          const int8_t v = p + g < k && j + c < n ? b[(p + g) * row + (j + c) * column] : int8_t{0};
          sums[j + c] += v;
          *to++ = static_cast<AElement>(v);
        }
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

// What a tile of sums in a panel of columns becomes.
struct Panel {
  const char* b;
  int64_t column, width;
  float scale[kColumns], bias[kColumns];
};

inline void FinishRow(const Int8GemmArgs& g, const Panel& t, const IntVector* sums, int vectors,
                      int64_t row, Vector* line) {
  const int32_t zero = g.zeros[row * g.row_step];
  const Vector row_scale = Vector{} + g.row_scales[row * g.row_step];
  for (int v = 0; v < vectors; ++v) {
    const IntVector centred =
        sums[v] - zero * reinterpret_cast<IntVector>(Load(g.sums + t.column + v * kLanes));
    const Vector scale = row_scale * reinterpret_cast<Vector>(Load(t.scale + v * kLanes));
    line[v] = __builtin_convertvector(centred, Vector) * scale +
              reinterpret_cast<Vector>(Load(t.bias + v * kLanes));
  }
}

template <int R, int V>
inline void Finish(const Int8GemmArgs& g, const Panel& t, const IntVector (&sums)[R][V],
                   int64_t row) {
  constexpr int64_t kTile = V * kLanes;
  const int64_t width = t.width < kTile ? t.width : kTile;
  const auto bytes = static_cast<unsigned long>(width) * 4;
  if (g.integers != nullptr) {
    for (int r = 0; r < R; ++r) {
      IntVector line[V];
      for (int v = 0; v < V; ++v)
        line[v] = sums[r][v] -
                  g.zeros[0] * reinterpret_cast<IntVector>(Load(g.sums + t.column + v * kLanes));
      __builtin_memcpy(g.integers + (row + r) * g.c_row + t.column, line, bytes);
    }
    return;
  }
  Vector tile[R][V];
  for (int r = 0; r < R; ++r) FinishRow(g, t, sums[r], V, row + r, tile[r]);
  if (g.activation == UnaryKind::kRelu) {
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) tile[r][v] = tile[r][v] < 0.0f ? Vector{} : tile[r][v];
    }
  } else if (g.activation != UnaryKind::kIdentity) {
    g.activate(g.activation, reinterpret_cast<float*>(tile), reinterpret_cast<float*>(tile),
               R * kTile, 0);
  }
  for (int r = 0; r < R; ++r) {
    const int64_t to = (row + r) * g.c_row + t.column;
    if (g.c == nullptr) {
      const float* line = reinterpret_cast<const float*>(tile[r]);
      const float inverse = 1.0f / g.form.scale;
      uint8_t narrow[kTile];
      for (int64_t j = 0; j < kTile; ++j) narrow[j] = Saturated(line[j] * inverse, g.form);
      __builtin_memcpy(g.quantised + to, narrow, static_cast<unsigned long>(width));
    } else if (width == kTile) {
      __builtin_memcpy(g.c + to, tile[r], kTile * 4);
    } else {
      __builtin_memcpy(g.c + to, tile[r], bytes);
    }
  }
}

// R rows by V vectors of columns: sums over all of k, then what becomes of them.
template <int R, int V>
inline void Tile(const Int8GemmArgs& g, const Panel& t, const char* a, int64_t row,
                 const char* fetch, int64_t fetch_lines) {
  Ints sums[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) sums[r][v] = Repeat(0);
  }
  const int64_t groups = Padded(g.k) * kABytes / 4;
  const char* b = t.b;
  const auto step = [&](int64_t p) {
    Ints right[V];
    for (int v = 0; v < V; ++v) right[v] = Load(b + p * kColumns * 4 + v * kLanes * 4);
    for (int r = 0; r < R; ++r) {
      int32_t group;
      __builtin_memcpy(&group, a + r * g.a_row + p * 4, 4);
      const Ints left = Repeat(group);
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
    Tile<R, kVectors>(g, t, a, row, fetch, fetch_lines);
  }
}

void Gemm(const Int8GemmArgs& g) {
  const int64_t panel_bytes = kColumns * Padded(g.k) * kBBytes,
                row_tiles = (g.row_end - g.row_begin + kRows - 1) / kRows;
  // While a panel is multiplied its tiles fetch the next one; a few rows stream B anyway.
  const int64_t lines = row_tiles < 4 ? 0 : (panel_bytes / 64 + row_tiles - 1) / row_tiles;
  Panel t;
  for (int64_t j = g.column_begin; j < g.column_end; j += kColumns) {
    t.b = static_cast<const char*>(g.packed_b) + j / kColumns * panel_bytes;
    t.column = j;
    t.width = g.n - j < kColumns ? g.n - j : kColumns;
    for (int64_t c = 0; c < kColumns; ++c) {
      t.scale[c] = g.scale != nullptr && c < t.width ? g.scale[j + c] : 0;
      t.bias[c] = g.bias != nullptr && c < t.width ? g.bias[j + c] : 0;
    }
    const char* fetch = t.b + panel_bytes;
    const int64_t fetched = j + kColumns < g.column_end ? lines : 0;
    for (int64_t i = g.row_begin; i < g.row_end; i += kRows) {
      const int64_t rows = g.row_end - i < kRows ? g.row_end - i : kRows;
      Rows<kRows>(g, t, rows, static_cast<const char*>(g.a) + i * g.a_row, i, fetch, fetched);
      fetch += fetched * 64;
    }
  }
}

#define MIRIN_TEXT_(x) #x
#define MIRIN_TEXT(x) MIRIN_TEXT_(x)

constexpr Int8Kernels kKernels = {MIRIN_TEXT(MIRIN_SIMD),
                                  kBytes,
                                  kColumns,
                                  kRows,
                                  kGroup,
                                  kABytes,
                                  kBBytes,
                                  PackB,
                                  Range,
                                  FormOfRange,
                                  QuantizeRow,
                                  PrepareRow,
                                  Gemm,
                                  Quantize,
                                  Dequantize,
                                  Add};

}  // namespace

const Int8Kernels& Int8Table() { return kKernels; }

}  // namespace mirin::cpu::MIRIN_SIMD
