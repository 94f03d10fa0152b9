// Compiled once per instruction set with -DMIRIN_SIMD=<namespace> (see //bazel:simd.bzl). No inline functions of shared headers
// in here: the linker might keep the copy with the widest instructions for everybody.
#include "core/backends/cpu/simd_kernels.h"

#include "core/backends/cpu/simd_math.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

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

// A quotient of polynomials up to 4, where erf is 1 in float; 3e-7 of 1 at most.
inline float Erf(float x) {
  x = x < -4.0f ? -4.0f : x;
  x = x > 4.0f ? 4.0f : x;
  const float z = x * x;
  float p = -2.72614225801306e-10f;
  p = p * z + 2.77068142495902e-08f;
  p = p * z - 2.10102402082508e-06f;
  p = p * z - 5.69250639462346e-05f;
  p = p * z - 7.34990630326855e-04f;
  p = p * z - 2.95459980854025e-03f;
  p = p * z - 1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * z - 2.13374055278905e-04f;
  q = q * z - 1.68282697438203e-03f;
  q = q * z - 7.37332916720468e-03f;
  q = q * z - 1.42647390514189e-02f;
  return x * p / q;
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

// The same for a function of vectors.
template <typename Fn>
inline void MapVectors(const float* x, float* y, int64_t n, Fn fn) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Store(y + i, fn(Load(x + i)));
  if (i == n) return;
  Vector line = {};
  const unsigned long rest = static_cast<unsigned long>(n - i) * 4;
  __builtin_memcpy(&line, x + i, rest);
  line = fn(line);
  __builtin_memcpy(y + i, &line, rest);
}

#if defined(__AVX512F__)
void MapGeluErf(const float* x, float* y, int64_t n) {
  MapVectors(x, y, n, [](Vector v) { return GeluErf(v); });
}
#else
void MapGeluErf(const float* x, float* y, int64_t n) {
  // The sum need not be 0 far below zero: the factor must not grow there.
  Map(x, y, n,
      [](float v) { return 0.5f * (v < -100.0f ? -100.0f : v) * (1.0f + Erf(v * 0.70710678f)); });
}
#endif

}  // namespace

void Unary(UnaryKind kind, const float* x, float* y, int64_t n, float parameter) {
  switch (kind) {
    case UnaryKind::kIdentity:
      return Map(x, y, n, [](float v) { return v; });
    case UnaryKind::kRelu:
      return Map(x, y, n, [](float v) { return v < 0 ? 0 : v; });
    case UnaryKind::kRelu6:
      return Map(x, y, n, [](float v) { return Clamp06(v); });
    case UnaryKind::kSigmoid:
      return MapVectors(x, y, n, [](Vector v) { return Sigmoid(v); });
    case UnaryKind::kTanh:
      return Map(x, y, n, [](float v) { return Tanh(v); });
    case UnaryKind::kHSwish:
      return Map(x, y, n, [](float v) { return v * (Clamp06(v + 3.0f) * (1.0f / 6.0f)); });
    case UnaryKind::kHSigmoid:
      return Map(x, y, n, [](float v) { return Clamp06(v + 3.0f) * (1.0f / 6.0f); });
    case UnaryKind::kSilu:
      return MapVectors(x, y, n, [](Vector v) { return Silu(v); });
    case UnaryKind::kGelu:
      return Map(x, y, n, [](float v) {
        return 0.5f * v * (1.0f + Tanh(0.79788456f * (v + 0.044715f * v * v * v)));
      });
    case UnaryKind::kGeluErf:
      return MapGeluErf(x, y, n);
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

namespace {

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

// Four sums at a time: one would wait for its last addition.
template <typename Fn>
inline float SumOf(int64_t n, Fn at) {
  Vector acc[4] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int u = 0; u < 4; ++u) acc[u] += at(i + u * kLanes);
  }
  for (; i + kLanes <= n; i += kLanes) acc[0] += at(i);
  return SumOfLanes((acc[0] + acc[1]) + (acc[2] + acc[3]));
}

float Sum(const float* x, int64_t n) {
  float total = SumOf(n, [=](int64_t i) { return Load(x + i); });
  for (int64_t i = n / kLanes * kLanes; i < n; ++i) total += x[i];
  return total;
}

float Maximum(const float* x, int64_t n) {
  float best = x[0];
  int64_t i = 0;
  if (n >= kLanes) {
    Vector high = Load(x);
    for (i = kLanes; i + kLanes <= n; i += kLanes) high = Larger(Load(x + i), high);
    for (int l = 0; l < kLanes; ++l) best = high[l] > best ? high[l] : best;
  }
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

float SquaredDistance(const float* x, int64_t n, float mean) {
  float total = SumOf(n, [=](int64_t i) {
    const Vector d = Load(x + i) - mean;
    return d * d;
  });
  for (int64_t i = n / kLanes * kLanes; i < n; ++i) total += (x[i] - mean) * (x[i] - mean);
  return total;
}

// exp(x - high); exactly 0 for what is far below. Returns the sum.
float ExpBelow(const float* x, float* y, int64_t n, float high) {
  Vector acc = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vector e = ExpOfNegative(Load(x + i) - high);
    Store(y + i, e);
    acc += e;
  }
  float total = 0;
  for (int l = 0; l < kLanes; ++l) total += acc[l];
  if (i < n) {
    Vector line = {};
    __builtin_memcpy(&line, x + i, static_cast<unsigned long>(n - i) * 4);
    line = ExpOfNegative(line - high);
    __builtin_memcpy(y + i, &line, static_cast<unsigned long>(n - i) * 4);
  }
  for (; i < n; ++i) total += y[i];
  return total;
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

void LayerNorm(const float* x, const float* gamma, const float* beta, float* y, int64_t n,
               float epsilon, float* mean, float* variance) {
  const float m = Sum(x, n) / static_cast<float>(n);
  const float v = SquaredDistance(x, n, m) / static_cast<float>(n);
  const float scale = 1.0f / __builtin_sqrtf(v + epsilon);
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * scale * gamma[i] + beta[i];
  *mean = m;
  *variance = v;
}

#define MIRIN_TEXT_(x) #x
#define MIRIN_TEXT(x) MIRIN_TEXT_(x)

constexpr SimdKernels kKernels = {MIRIN_TEXT(MIRIN_SIMD),
                                  kLanes,
                                  kColumns,
                                  kRows,
                                  Unary,
                                  Binary,
                                  BinaryScalar,
                                  Softmax,
                                  LayerNorm,
                                  Affine,
                                  Sum,
                                  Maximum,
                                  PackB,
                                  Gemm,
                                  AttendPack,
                                  Attend,
                                  StrassenEven,
                                  StrassenScale,
                                  StrassenScaleRows,
                                  StrassenLeavePlain,
                                  StrassenPackA,
                                  StrassenPair,
                                  StrassenPut,
                                  Narrow,
                                  GemmHalf};

}  // namespace

const SimdKernels& Kernels() { return kKernels; }

}  // namespace mirin::cpu::MIRIN_SIMD
