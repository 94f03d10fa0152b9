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
constexpr int64_t kColumns = kLanes * kVectors;
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

// y[i] = round(x[i] / scale) + zero, saturated.
inline void QuantizeTo(const float* x, uint8_t* y, int64_t n, Int8Form f) {
  const float low = static_cast<float>(LowOf(f.is_signed) - f.zero), high = low + 255;
  for (int64_t i = 0; i < n; ++i)
    y[i] =
        static_cast<uint8_t>(static_cast<int32_t>(Rint(Clamp(x[i] / f.scale, low, high))) + f.zero);
}

void Quantize(const float* x, uint8_t* y, int64_t n, Int8Form form) { QuantizeTo(x, y, n, form); }

template <typename T>
inline void DequantizeFrom(const T* x, float* y, int64_t n, Int8Form f) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i] - f.zero) * f.scale;
}

void Dequantize(const uint8_t* x, float* y, int64_t n, Int8Form form) {
  form.is_signed ? DequantizeFrom(reinterpret_cast<const int8_t*>(x), y, n, form)
                 : DequantizeFrom(x, y, n, form);
}

// In parts that stay in the first-level cache.
void Add(const uint8_t* a, Int8Form a_form, const uint8_t* b, Int8Form b_form, uint8_t* y,
         Int8Form y_form, int64_t n, bool relu) {
  constexpr int64_t kPart = 512;
  float left[kPart], right[kPart];
  for (int64_t i = 0; i < n; i += kPart) {
    const int64_t count = n - i < kPart ? n - i : kPart;
    Dequantize(a + i, left, count, a_form);
    Dequantize(b + i, right, count, b_form);
    if (relu) {
      for (int64_t k = 0; k < count; ++k) left[k] = left[k] + right[k] > 0 ? left[k] + right[k] : 0;
    } else {
      for (int64_t k = 0; k < count; ++k) left[k] += right[k];
    }
    QuantizeTo(left, y + i, count, y_form);
  }
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

void QuantizeRow(const float* x, int64_t k, void* row, float* scale, int32_t* zero) {
  float lows[kSpread] = {}, highs[kSpread] = {}, poisons[kSpread] = {};
  int64_t done = 0;
  for (; done + kSpread <= k; done += kSpread) {
    for (int l = 0; l < kSpread; ++l) poisons[l] += x[done + l] * 0.0f;
    for (int l = 0; l < kSpread; ++l) lows[l] = x[done + l] < lows[l] ? x[done + l] : lows[l];
    for (int l = 0; l < kSpread; ++l) highs[l] = x[done + l] > highs[l] ? x[done + l] : highs[l];
  }
  float low = 0, high = 0,
        poison = 0;  // not a number, or infinite: so is the row's scale, and its results
  for (int l = 0; l < kSpread; ++l) poison += poisons[l];
  for (int l = 0; l < kSpread; ++l) low = lows[l] < low ? lows[l] : low;
  for (int l = 0; l < kSpread; ++l) high = highs[l] > high ? highs[l] : high;
  for (; done < k; ++done) {
    low = x[done] < low ? x[done] : low;
    high = x[done] > high ? x[done] : high;
    poison += x[done] * 0.0f;
  }
  const float range = high - low, step = range > 0 ? range / 255.0f : 1.0f, inverse = 1.0f / step;
  *scale = step + poison;
  const float z = Rint(Clamp(-low * inverse, 0, 255));
  const int32_t offset = kBytes ? static_cast<int32_t>(z) : 0;
  *zero = offset;
  AElement* to = static_cast<AElement*>(row);
  for (int64_t i = 0; i < k; ++i)
    to[i] = static_cast<AElement>(static_cast<int32_t>(Rint(Clamp(x[i] * inverse, -z, 255 - z))) +
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

// What becomes of a row of sums.
inline void Finish(const Int8GemmArgs& g, const int32_t* sums, int64_t row, int64_t column,
                   int64_t width) {
  const int32_t zero = g.zeros[row * g.row_step];
  const float row_scale = g.row_scales[row * g.row_step];
  const float* scale = g.scale + column;
  float line[kColumns];
  if (zero != 0) {
    for (int64_t j = 0; j < width; ++j)
      line[j] = static_cast<float>(sums[j] - zero * g.sums[column + j]) * (row_scale * scale[j]);
  } else {
    for (int64_t j = 0; j < width; ++j)
      line[j] = static_cast<float>(sums[j]) * (row_scale * scale[j]);
  }
  if (g.bias != nullptr) {
    for (int64_t j = 0; j < width; ++j) line[j] += g.bias[column + j];
  }
  if (g.activation == UnaryKind::kRelu) {
    for (int64_t j = 0; j < width; ++j) line[j] = line[j] < 0 ? 0 : line[j];
  } else if (g.activation != UnaryKind::kIdentity) {
    g.activate(g.activation, line, line, width, 0);
  }
  if (g.c != nullptr) {
    __builtin_memcpy(g.c + row * g.c_row + column, line, static_cast<unsigned long>(width) * 4);
  } else {
    QuantizeTo(line, g.quantised + row * g.c_row + column, width, g.form);
  }
}

// R rows by V vectors of columns: sums over all of k, then what becomes of them.
template <int R, int V>
inline void Tile(const Int8GemmArgs& g, const char* a, const char* panel, int64_t row,
                 int64_t column, int64_t width) {
  Ints sums[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) sums[r][v] = Repeat(0);
  }
  const int64_t bytes = Padded(g.k) * kABytes;
  for (int64_t p = 0; p < bytes; p += 4) {
    Ints b[V];
    for (int v = 0; v < V; ++v) b[v] = Load(panel + (p * kColumns + v * kLanes * 4));
    for (int r = 0; r < R; ++r) {
      int32_t group;
      __builtin_memcpy(&group, a + r * g.a_row + p, 4);
      const Ints left = Repeat(group);
      for (int v = 0; v < V; ++v) sums[r][v] = AddProducts(sums[r][v], left, b[v]);
    }
  }
  for (int r = 0; r < R; ++r) {
    int32_t line[V * kLanes];
    for (int v = 0; v < V; ++v) Store(line + v * kLanes, sums[r][v]);
    Finish(g, line, row + r, column, width);
  }
}

template <int R>
inline void Rows(const Int8GemmArgs& g, int64_t rows, const char* a, const char* panel, int64_t row,
                 int64_t column, int64_t width) {
  if constexpr (R > 0) {
    if (rows != R) return Rows<R - 1>(g, rows, a, panel, row, column, width);
    if (width <= kLanes) return Tile<R, 1>(g, a, panel, row, column, width);
    Tile<R, kVectors>(g, a, panel, row, column, width);
  }
}

void Gemm(const Int8GemmArgs& g) {
  const int64_t panel_bytes = kColumns * Padded(g.k) * kBBytes;
  for (int64_t j = g.column_begin; j < g.column_end; j += kColumns) {
    const int64_t width = g.n - j < kColumns ? g.n - j : kColumns;
    const char* panel = static_cast<const char*>(g.packed_b) + j / kColumns * panel_bytes;
    for (int64_t i = g.row_begin; i < g.row_end; i += kRows) {
      const int64_t rows = g.row_end - i < kRows ? g.row_end - i : kRows;
      Rows<kRows>(g, rows, static_cast<const char*>(g.a) + i * g.a_row, panel, i, j, width);
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
                                  QuantizeRow,
                                  PrepareRow,
                                  Gemm,
                                  Quantize,
                                  Dequantize,
                                  Add};

}  // namespace

const Int8Kernels& Int8Table() { return kKernels; }

}  // namespace mirin::cpu::MIRIN_SIMD
