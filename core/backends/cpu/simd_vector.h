// What the sources of the vector kernels share: included once per instruction set, with MIRIN_SIMD as simd_kernels.cc says.
#ifndef CORE_BACKENDS_CPU_SIMD_VECTOR_H_
#define CORE_BACKENDS_CPU_SIMD_VECTOR_H_

#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu::MIRIN_SIMD {

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
constexpr int64_t kColumns = kLanes * kVectors;  // of a panel

typedef float Vector __attribute__((vector_size(kLanes * 4)));
typedef int32_t Mask __attribute__((vector_size(kLanes * 4)));
typedef uint32_t Bits __attribute__((vector_size(kLanes * 4)));

// Memory is read and written by these alone: a Vector is aligned, numbers in memory need not be.
inline Vector Load(const float* x) {
  Vector value;
  __builtin_memcpy(&value, x, sizeof value);
  return value;
}
inline void Store(float* y, Vector x) { __builtin_memcpy(y, &x, sizeof x); }

// Entries of SimdKernels, which says what they do.
void Unary(UnaryKind kind, const float* x, float* y, int64_t n, float parameter);
void PackB(const float* b, int64_t k, int64_t n, int64_t row, int64_t column, float* packed);
void Gemm(const GemmArgs& args);
void AttendPack(const AttendArgs& args);
void Attend(const AttendArgs& args);
bool StrassenEven(const float* pair, int64_t k);
bool StrassenScale(const float* x, int64_t n, float* scale, float* inverse);
bool StrassenScaleRows(const StrassenArgs& args, int64_t begin, int64_t end);
void StrassenLeavePlain(const StrassenArgs& args, int64_t begin, int64_t end);
void StrassenPackA(const StrassenArgs& args, int64_t begin, int64_t end);
void StrassenPair(const StrassenArgs& args, int64_t column);
void StrassenPut(const StrassenArgs& args);
#if defined(__F16C__)
bool Narrow(const float* x, uint16_t* y, int64_t n);
void GemmHalf(const GemmArgs& args);
#else
constexpr bool (*Narrow)(const float*, uint16_t*, int64_t) = nullptr;
constexpr void (*GemmHalf)(const GemmArgs&) = nullptr;
#endif

}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_SIMD_VECTOR_H_
