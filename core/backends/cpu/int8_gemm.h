// The 8-bit GEMM of int8_kernels over a session's threads, and the forms of bytes in attributes.
#ifndef CORE_BACKENDS_CPU_INT8_GEMM_H_
#define CORE_BACKENDS_CPU_INT8_GEMM_H_

#include <memory>
#include <string>

#include "core/backends/cpu/int8_kernels.h"
#include "core/backends/cpu/kernel.h"

namespace mirin::cpu {

// Deeper sums could pass the range of int32.
constexpr int64_t kMaxInt8Depth = 65536;

// A packed right-hand side.
struct PackedInt8 {
  std::shared_ptr<const void> panels;
  bool interleaved = false;  // as Int8GemmArgs
  int64_t sums_at = 0;
  const int32_t* sums() const {
    return reinterpret_cast<const int32_t*>(static_cast<const char*>(panels.get()) + sums_at);
  }
};
// B[k, n] by strides from the constant input i, shared by the model's sessions.
absl::StatusOr<PackedInt8> PackInt8(const KernelRequest& r, size_t i, int64_t k, int64_t n,
                                    int64_t row, int64_t column, bool interleaved);

// Bytes of a prepared row of k elements.
int64_t PreparedBytes(int64_t k);

// The whole product that `all` describes (its row and column ranges are ignored).
void ParallelInt8Gemm(const ThreadShare& threads, const Int8GemmArgs& all);

// 255 steps between the least and the largest of n numbers and 0, as Int8Kernels::form_of_range.
Int8Form RangeForm(const ThreadShare& threads, const float* x, int64_t n);

// The form that attributes "<prefix>_scale" and "<prefix>_zero" give to bytes of a dtype.
Int8Form FormOf(const ir::Node& node, const std::string& prefix, DType dtype);

inline bool IsByte(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUInt8; }

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_INT8_GEMM_H_
