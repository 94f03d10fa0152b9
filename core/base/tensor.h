// A dense host tensor: dtype, concrete dims and shared, immutable-by-convention bytes.
//
// Use it for constants, weights, inputs and outputs. Kernels see TensorView (core/backend/kernel.h) instead.
// Copying a Tensor shares the bytes. Bytes are C order, little endian, aligned to 64 when allocated here.
#ifndef CORE_BASE_TENSOR_H_
#define CORE_BASE_TENSOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/base/dtype.h"
#include "core/base/shape.h"

namespace mirin {

class Tensor {
 public:
  // An invalid tensor: dtype kUnknown.
  Tensor() = default;

  // Zero-initialised memory. ResourceExhausted when it cannot be had.
  static absl::StatusOr<Tensor> Allocate(DType dtype, absl::Span<const int64_t> dims);
  // Refers to bytes kept alive by `owner` (which may be null when they outlive the tensor).
  static Tensor Borrow(DType dtype, absl::Span<const int64_t> dims, const void* data,
                       std::shared_ptr<const void> owner);
  // A string tensor with its own copies.
  static Tensor FromStrings(absl::Span<const int64_t> dims, std::vector<std::string> strings);
  // Small constants: dims must match the number of values.
  template <typename T>
  static Tensor FromValues(absl::Span<const int64_t> dims, absl::Span<const T> values);
  template <typename T>
  static Tensor Scalar(T value) {
    return FromValues<T>({}, absl::MakeConstSpan(&value, 1));
  }
  static Tensor Int64s(absl::Span<const int64_t> values) {
    return FromValues<int64_t>({static_cast<int64_t>(values.size())}, values);
  }

  bool valid() const { return dtype_ != DType::kUnknown; }
  DType dtype() const { return dtype_; }
  const Dims& dims() const { return dims_; }
  Shape shape() const { return Shape(dims_); }
  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t elements() const { return NumElements(dims_); }
  size_t bytes() const { return static_cast<size_t>(elements()) * SizeOf(dtype_); }

  const void* data() const { return data_; }
  // Only for tensors from Allocate whose bytes are not shared yet.
  void* mutable_data() { return const_cast<void*>(data_); }
  template <typename T>
  const T* data_as() const {
    return static_cast<const T*>(data_);
  }
  template <typename T>
  T* mutable_data_as() {
    return static_cast<T*>(mutable_data());
  }
  absl::Span<const absl::string_view> strings() const {
    return absl::MakeConstSpan(data_as<absl::string_view>(), static_cast<size_t>(elements()));
  }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  // Elements lie on their boundary; a constant of a model file may lie anywhere.
  bool is_aligned() const;
  // This tensor, or a copy whose elements lie on their boundary.
  absl::StatusOr<Tensor> Aligned() const;

  // The same bytes under other dims of equal element count.
  Tensor Reshaped(absl::Span<const int64_t> dims) const;

  // Values of an integer or bool tensor as int64; InvalidArgument for other dtypes.
  absl::StatusOr<std::vector<int64_t>> ToInt64s() const;

 private:
  DType dtype_ = DType::kUnknown;
  Dims dims_;
  const void* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

// 64-byte aligned memory, null when it cannot be had; zero bytes give a valid pointer.
std::shared_ptr<void> AllocateAligned(size_t bytes);

// "float32[2,3]"
std::string TypeString(const Tensor& tensor);

template <typename T>
Tensor Tensor::FromValues(absl::Span<const int64_t> dims, absl::Span<const T> values) {
  auto copy = std::make_shared<std::vector<uint8_t>>(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    const T v = values[i];
    __builtin_memcpy(copy->data() + i * sizeof(T), &v, sizeof(T));
  }
  const void* data = copy->data();
  return Borrow(DTypeOf<T>::value, dims, data, std::move(copy));
}

}  // namespace mirin

#endif  // CORE_BASE_TENSOR_H_
