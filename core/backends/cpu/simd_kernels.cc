// Compiled once per instruction set with -DMIRIN_SIMD=<namespace> (see //bazel:simd.bzl). No inline functions of shared headers
// in here: the linker might keep the copy with the widest instructions for everybody.
#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kRows = 8;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kRows = 4;
#else
constexpr int kLanes = 4;
constexpr int kRows = 4;
#endif
constexpr int kVectors = 3;
constexpr int64_t kColumns = kLanes * kVectors;
constexpr int64_t kDepth = 768;  // of a block of B that stays in the second-level cache

typedef float Vector __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

float FromBits(int32_t bits) {
  float f;
  __builtin_memcpy(&f, &bits, sizeof f);
  return f;
}
int32_t Bits(float f) {
  int32_t bits;
  __builtin_memcpy(&bits, &f, sizeof bits);
  return bits;
}

// exp by 2^n * polynomial; 1 ulp or so over the range of finite results.
inline float Exp(float x) {
  x = x < -87.3365f ? -87.3365f : x;
  x = x > 88.3762f ? 88.3762f : x;
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * FromBits(static_cast<int32_t>(static_cast<uint32_t>(Bits(shifted) - 0x4B400000 + 127)
                                           << 23));
}

inline float Sigmoid(float x) { return 1.0f / (1.0f + Exp(-x)); }

inline float Tanh(float x) {
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = x + x * z * p;
  const float magnitude = x < 0 ? -x : x;
  const float big = 1.0f - 2.0f / (Exp(magnitude + magnitude) + 1.0f);
  return magnitude < 0.625f ? small : (x < 0 ? -big : big);
}

inline float Erf(float x) {  // Abramowitz and Stegun 7.1.26 with a series near 0
  const float magnitude = x < 0 ? -x : x;
  const float t = 1.0f / (1.0f + 0.3275911f * magnitude);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float big = 1.0f - p * t * Exp(-magnitude * magnitude);
  const float z = x * x;
  float s = -1.0f / 1320.0f;
  s = s * z + 1.0f / 216.0f;
  s = s * z - 1.0f / 42.0f;
  s = s * z + 0.1f;
  s = s * z - 1.0f / 3.0f;
  const float small = 1.128379167f * (x + x * z * s);
  return magnitude < 0.5f ? small : (x < 0 ? -big : big);
}

inline float Clamp06(float x) {
  x = x < 0 ? 0 : x;
  return x > 6 ? 6 : x;
}

// Whole vectors, then the rest in a padded one: short rows cost as much as one vector.
template <typename Fn>
inline void Map(const float* x, float* y, int64_t n, Fn fn) {
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; ++i) y[i] = fn(x[i]);
  if (whole == n) return;
  float line[kLanes] = {};
  const unsigned long rest = static_cast<unsigned long>(n - whole) * 4;
  __builtin_memcpy(line, x + whole, rest);
  for (int l = 0; l < kLanes; ++l) line[l] = fn(line[l]);
  __builtin_memcpy(y + whole, line, rest);
}

void Unary(UnaryKind kind, const float* x, float* y, int64_t n, float parameter) {
  switch (kind) {
    case UnaryKind::kIdentity:
      return Map(x, y, n, [](float v) { return v; });
    case UnaryKind::kRelu:
      return Map(x, y, n, [](float v) { return v < 0 ? 0 : v; });
    case UnaryKind::kRelu6:
      return Map(x, y, n, [](float v) { return Clamp06(v); });
    case UnaryKind::kSigmoid:
      return Map(x, y, n, [](float v) { return Sigmoid(v); });
    case UnaryKind::kTanh:
      return Map(x, y, n, [](float v) { return Tanh(v); });
    case UnaryKind::kHSwish:
      return Map(x, y, n, [](float v) { return v * (Clamp06(v + 3.0f) * (1.0f / 6.0f)); });
    case UnaryKind::kHSigmoid:
      return Map(x, y, n, [](float v) { return Clamp06(v + 3.0f) * (1.0f / 6.0f); });
    // Sigmoid() is not 0 far below zero: the factor must not grow there.
    case UnaryKind::kSilu:
      return Map(x, y, n, [](float v) { return (v < -100.0f ? -100.0f : v) * Sigmoid(v); });
    case UnaryKind::kGelu:
      return Map(x, y, n, [](float v) {
        return 0.5f * v * (1.0f + Tanh(0.79788456f * (v + 0.044715f * v * v * v)));
      });
    case UnaryKind::kGeluErf:
      return Map(x, y, n, [](float v) { return 0.5f * v * (1.0f + Erf(v * 0.70710678f)); });
    case UnaryKind::kExp:
      return Map(x, y, n, [](float v) {
        return v > 88.72f ? __builtin_inff() : v < -103.9f ? 0.0f : v != v ? v : Exp(v);
      });
    case UnaryKind::kSqrt:
      return Map(x, y, n, [](float v) { return __builtin_sqrtf(v); });
    case UnaryKind::kRsqrt:
      return Map(x, y, n, [](float v) { return 1.0f / __builtin_sqrtf(v); });
    case UnaryKind::kNeg:
      return Map(x, y, n, [](float v) { return -v; });
    case UnaryKind::kAbs:
      return Map(x, y, n, [](float v) { return __builtin_fabsf(v); });
    case UnaryKind::kSquare:
      return Map(x, y, n, [](float v) { return v * v; });
    case UnaryKind::kReciprocal:
      return Map(x, y, n, [](float v) { return 1.0f / v; });
    case UnaryKind::kLeakyRelu:
      return Map(x, y, n, [=](float v) { return v > 0 ? v : parameter * v; });
    case UnaryKind::kErf:
      return Map(x, y, n, [](float v) { return Erf(v); });
  }
}

template <typename Fn>
inline void Zip(const float* a, const float* b, float* y, int64_t n, Fn fn) {
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; ++i) y[i] = fn(a[i], b[i]);
  if (whole == n) return;
  float left[kLanes] = {}, right[kLanes] = {};
  const unsigned long rest = static_cast<unsigned long>(n - whole) * 4;
  __builtin_memcpy(left, a + whole, rest);
  __builtin_memcpy(right, b + whole, rest);
  for (int l = 0; l < kLanes; ++l) left[l] = fn(left[l], right[l]);
  __builtin_memcpy(y + whole, left, rest);
}

inline float Max(float a, float b) { return a != a ? a : a > b || b != b ? (b != b ? b : a) : b; }
inline float Min(float a, float b) { return a != a ? a : a < b || b != b ? (b != b ? b : a) : b; }

void Binary(BinaryKind kind, const float* a, const float* b, float* y, int64_t n) {
  switch (kind) {
    case BinaryKind::kAdd:
      return Zip(a, b, y, n, [](float p, float q) { return p + q; });
    case BinaryKind::kSub:
      return Zip(a, b, y, n, [](float p, float q) { return p - q; });
    case BinaryKind::kMul:
      return Zip(a, b, y, n, [](float p, float q) { return p * q; });
    case BinaryKind::kDiv:
      return Zip(a, b, y, n, [](float p, float q) { return p / q; });
    case BinaryKind::kMax:
      return Zip(a, b, y, n, [](float p, float q) { return Max(p, q); });
    case BinaryKind::kMin:
      return Zip(a, b, y, n, [](float p, float q) { return Min(p, q); });
  }
}

void BinaryScalar(BinaryKind kind, const float* a, float b, float* y, int64_t n, bool swapped) {
  switch (kind) {
    case BinaryKind::kAdd:
      return Map(a, y, n, [=](float p) { return p + b; });
    case BinaryKind::kSub:
      return swapped ? Map(a, y, n, [=](float p) { return b - p; })
                     : Map(a, y, n, [=](float p) { return p - b; });
    case BinaryKind::kMul:
      return Map(a, y, n, [=](float p) { return p * b; });
    case BinaryKind::kDiv:
      return swapped ? Map(a, y, n, [=](float p) { return b / p; })
                     : Map(a, y, n, [=](float p) { return p / b; });
    case BinaryKind::kMax:
      return Map(a, y, n, [=](float p) { return Max(p, b); });
    case BinaryKind::kMin:
      return Map(a, y, n, [=](float p) { return Min(p, b); });
  }
}

void Affine(const float* x, float* y, int64_t n, float scale, float shift) {
  Map(x, y, n, [=](float v) { return v * scale + shift; });
}

// Eight partial sums: vectorises without reordering that the compiler may not do by itself.
float Sum(const float* x, int64_t n) {
  Vector acc = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) acc += *reinterpret_cast<const Vector*>(x + i);
  float total = 0;
  for (int l = 0; l < kLanes; ++l) total += acc[l];
  for (; i < n; ++i) total += x[i];
  return total;
}

typedef int32_t Mask __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

inline Vector Larger(Vector a, Vector b) {
  const Mask m = a > b;
  return reinterpret_cast<Vector>((reinterpret_cast<Mask>(a) & m) |
                                  (reinterpret_cast<Mask>(b) & ~m));
}

float Maximum(const float* x, int64_t n) {
  float best = x[0];
  int64_t i = 0;
  if (n >= kLanes) {
    Vector high = *reinterpret_cast<const Vector*>(x);
    for (i = kLanes; i + kLanes <= n; i += kLanes)
      high = Larger(*reinterpret_cast<const Vector*>(x + i), high);
    for (int l = 0; l < kLanes; ++l) best = high[l] > best ? high[l] : best;
  }
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

float SquaredDistance(const float* x, int64_t n, float mean) {
  Vector acc = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vector d = *reinterpret_cast<const Vector*>(x + i) - mean;
    acc += d * d;
  }
  float total = 0;
  for (int l = 0; l < kLanes; ++l) total += acc[l];
  for (; i < n; ++i) total += (x[i] - mean) * (x[i] - mean);
  return total;
}

// exp(x - high) in place of x; exactly 0 for what is far below. Returns the sum.
float ExpBelow(const float* x, float* y, int64_t n, float high) {
  Map(x, y, n, [=](float v) {
    const float d = v - high;
    return d < -87.0f ? 0.0f : Exp(d);
  });
  return Sum(y, n);
}

void Softmax(const float* x, float* y, int64_t n, bool logarithm) {
  const float high = Maximum(x, n);
  if (logarithm) {
    float part[4 * kLanes], sum = 0;
    for (int64_t i = 0; i < n; i += 4 * kLanes)
      sum += ExpBelow(x + i, part, n - i < 4 * kLanes ? n - i : 4 * kLanes, high);
    const float shift = high + __builtin_logf(sum);
    return Map(x, y, n, [=](float v) { return v - shift; });
  }
  const float scale = 1.0f / ExpBelow(x, y, n, high);
  Map(y, y, n, [=](float v) { return v * scale; });
}

void MaskedSoftmax(float* x, int64_t n, float scale, const float* mask, int64_t mask_step) {
  if (mask == nullptr || mask_step == 0) {
    const float shift = mask == nullptr ? 0 : *mask;
    Map(x, x, n, [=](float v) { return v * scale + shift; });
  } else {
    Zip(x, mask, x, n, [=](float v, float m) { return v * scale + m; });
  }
  Softmax(x, x, n, false);
}

void LayerNorm(const float* x, const float* gamma, const float* beta, float* y, int64_t n,
               float epsilon, float* mean, float* variance) {
  const float m = Sum(x, n) / static_cast<float>(n);
  const float v = SquaredDistance(x, n, m) / static_cast<float>(n);
  const float scale = 1.0f / __builtin_sqrtf(v + epsilon);
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * scale * gamma[i] + beta[i];
  *mean = m;
  *variance = v;
}

void PackB(const float* b, int64_t k, int64_t n, int64_t row, int64_t column, float* packed) {
  for (int64_t j = 0; j < n; j += kColumns) {
    const int64_t width = n - j < kColumns ? n - j : kColumns;
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t c = 0; c < width; ++c) {
        __builtin_memcpy(packed + c,
                         reinterpret_cast<const char*>(b) + (p * row + (j + c) * column) * 4, 4);
      }
      for (int64_t c = width; c < kColumns; ++c) packed[c] = 0;
      packed += kColumns;
    }
  }
}

// Rows [0, R) of one tile: the sum over k of a column of A times a row of the panel.
template <int R, int V>
inline void Tile(const GemmArgs& g, const float* a, const float* panel, int64_t depth, float* c,
                 int64_t width, bool first, bool last, const float* bias) {
  Vector acc[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) acc[r][v] = Vector{};
  }
  for (int64_t p = 0; p < depth; ++p) {
    Vector b[V];
    for (int v = 0; v < V; ++v)
      b[v] = *reinterpret_cast<const Vector*>(panel + p * kColumns + v * kLanes);
    for (int r = 0; r < R; ++r) {
      const float left = a[r * g.a_row + p * g.a_column];
      for (int v = 0; v < V; ++v) acc[r][v] += left * b[v];
    }
  }
  for (int r = 0; r < R; ++r) {
    float line[V * kLanes];
    for (int v = 0; v < V; ++v) *reinterpret_cast<Vector*>(line + v * kLanes) = acc[r][v];
    float* to = c + r * g.c_row;
    if (!first) {
      for (int64_t j = 0; j < width; ++j) line[j] += to[j];
    }
    if (last && bias != nullptr) {
      for (int64_t j = 0; j < width; ++j) line[j] += bias[j];
    }
    if (last && g.activation != UnaryKind::kIdentity) {
      Unary(g.activation, line, to, width, 0);
    } else {
      __builtin_memcpy(to, line, static_cast<unsigned long>(width) * 4);
    }
  }
}

template <int R>
inline void Rows(const GemmArgs& g, int64_t rows, const float* a, const float* panel, int64_t depth,
                 float* c, int64_t width, bool first, bool last, const float* bias) {
  if constexpr (R > 0) {
    if (rows == R) {
      if (width <= kLanes) {
        Tile<R, 1>(g, a, panel, depth, c, width, first, last, bias);
      } else if (width <= 2 * kLanes) {
        Tile<R, 2>(g, a, panel, depth, c, width, first, last, bias);
      } else {
        Tile<R, kVectors>(g, a, panel, depth, c, width, first, last, bias);
      }
    } else {
      Rows<R - 1>(g, rows, a, panel, depth, c, width, first, last, bias);
    }
  }
}

void Gemm(const GemmArgs& g) {
  for (int64_t p = 0; p == 0 || p < g.k; p += kDepth) {
    const int64_t depth = g.k - p < kDepth ? g.k - p : kDepth;
    const bool first = p == 0, last = p + depth >= g.k;
    for (int64_t j = g.column_begin; j < g.column_end; j += kColumns) {
      const int64_t width = g.n - j < kColumns ? g.n - j : kColumns;
      const float* panel = g.packed_b + j * g.k + p * kColumns;
      const float* bias = g.bias == nullptr ? nullptr : g.bias + j;
      for (int64_t i = g.row_begin; i < g.row_end; i += kRows) {
        const int64_t rows = g.row_end - i < kRows ? g.row_end - i : kRows;
        Rows<kRows>(g, rows, g.a + i * g.a_row + p * g.a_column, panel, depth,
                    g.c + i * g.c_row + j, width, first, last, bias);
      }
    }
  }
}

#define MIRIN_TEXT_(x) #x
#define MIRIN_TEXT(x) MIRIN_TEXT_(x)

constexpr SimdKernels kKernels = {
    MIRIN_TEXT(MIRIN_SIMD), kColumns,  kRows,  Unary, Binary,  BinaryScalar, Softmax,
    MaskedSoftmax,          LayerNorm, Affine, Sum,   Maximum, PackB,        Gemm};

}  // namespace

const SimdKernels& Kernels() { return kKernels; }

}  // namespace mirin::cpu::MIRIN_SIMD
