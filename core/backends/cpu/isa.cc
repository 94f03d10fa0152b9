#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "core/backends/cpu/bf16x3_kernels.h"
#include "core/backends/cpu/blocked_kernels.h"
#include "core/backends/cpu/depthwise_kernels.h"
#include "core/backends/cpu/direct_kernels.h"
#include "core/backends/cpu/int8_depthwise_kernels.h"
#include "core/backends/cpu/int8_kernels.h"
#include "core/backends/cpu/row_winograd_kernels.h"
#include "core/backends/cpu/simd_kernels.h"
#include "core/backends/cpu/winograd_kernels.h"

namespace mirin::cpu {
namespace {

// MIRIN_ISA, "" when it does not say.
const char* Wanted() {
  const char* wanted = std::getenv("MIRIN_ISA");
  return wanted == nullptr ? "" : wanted;
}

// Linux gives a process the registers of tiles when it asks for them.
bool MayUseTiles() {
  const char* wanted = Wanted();
  if (*wanted != '\0' && std::strcmp(wanted, "avx512amx") != 0) return false;
#if defined(__linux__)
  constexpr int kRequestFeature = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return ::syscall(SYS_arch_prctl, kRequestFeature, kTileData) == 0;
#else
  return false;
#endif
}

}  // namespace

const SimdKernels& Simd() {
  static const SimdKernels& kChosen = []() -> const SimdKernels& {
    const char* wanted = Wanted();
    const bool any = *wanted == '\0' || std::strncmp(wanted, "avx512", 6) == 0;
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("f16c");
    if (any && avx512) return avx512::Kernels();
    if (avx2 && (any || std::strcmp(wanted, "avx2") == 0)) return avx2::Kernels();
    return portable::Kernels();
  }();
  return kChosen;
}

const Int8Kernels& Int8() {
  static const Int8Kernels& kChosen = []() -> const Int8Kernels& {
    const char* simd = Simd().name;
    if (std::strcmp(simd, "avx512") == 0) {
      const bool vnni =
          std::strcmp(Wanted(), "avx512") != 0 && __builtin_cpu_supports("avx512vnni");
      if (!vnni) return avx512::Int8Table();
      return __builtin_cpu_supports("amx-int8") && MayUseTiles() ? avx512amx::Int8Table()
                                                                 : avx512vnni::Int8Table();
    }
    return std::strcmp(simd, "avx2") == 0 ? avx2::Int8Table() : portable::Int8Table();
  }();
  return kChosen;
}

const Bf16x3Kernels* Bf16x3() {
  static const Bf16x3Kernels* const kChosen =
      std::strcmp(Simd().name, "avx512") == 0 && __builtin_cpu_supports("amx-bf16") &&
              __builtin_cpu_supports("avx512bf16") && MayUseTiles()
          ? &avx512amx::Bf16x3Table()
          : nullptr;
  return kChosen;
}

const Int8DepthwiseKernels* Int8Depthwise() {
  return Int8().vnni ? &avx512vnni::Int8DepthwiseTable() : nullptr;
}

namespace {

// Of the instruction sets that have a blocked layout.
template <typename Table>
const Table* Chosen(const Table& (*avx512)(), const Table& (*avx2)()) {
  const char* simd = Simd().name;
  if (std::strcmp(simd, "avx512") == 0) return &avx512();
  return std::strcmp(simd, "avx2") == 0 ? &avx2() : nullptr;
}

}  // namespace

const RowWinogradKernels* RowWinograd() {
  return Chosen(avx512::RowWinogradTable, avx2::RowWinogradTable);
}

const WinogradKernels* Winograd() { return Chosen(avx512::WinogradTable, avx2::WinogradTable); }

const DirectKernels* Direct() { return Chosen(avx512::DirectTable, avx2::DirectTable); }

const BlockedKernels* Blocked() { return Chosen(avx512::BlockedTable, avx2::BlockedTable); }

const DepthwiseKernels* Depthwise() { return Chosen(avx512::DepthwiseTable, avx2::DepthwiseTable); }

const char* IsaName() { return Simd().name; }

const CoreTraits& Core() {
  // Wide: two products of 64 bytes a cycle, in the units that add, before a cache and a memory that are as far as others' (Intel's servers).
  static constexpr CoreTraits kCores[] = {{"narrow", true, 10}, {"wide", false, 24}};
  static const CoreTraits& kChosen = []() -> const CoreTraits& {
    const char* wanted = std::getenv("MIRIN_TUNE");
    for (const CoreTraits& core : kCores) {
      if (wanted != nullptr && std::strcmp(wanted, core.name) == 0) return core;
    }
    return kCores[__builtin_cpu_is("intel") && std::strcmp(Simd().name, "avx512") == 0];
  }();
  return kChosen;
}

}  // namespace mirin::cpu
