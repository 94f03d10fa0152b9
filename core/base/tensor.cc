#include "core/base/tensor.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin {

// Large blocks lie on pages of 2 MiB where the system has them: weights then stream at nearly twice the speed.
std::shared_ptr<void> AllocateAligned(size_t bytes) {
  constexpr size_t kAlign = 64, kHugePage = size_t{2} << 20;
  if (bytes > SIZE_MAX - kHugePage) return nullptr;
  const bool large = bytes >= kHugePage;
  const size_t align = large ? kHugePage : kAlign;
  const size_t rounded = (bytes + kAlign) / kAlign * kAlign;
  void* p = nullptr;
  if (posix_memalign(&p, align, rounded) != 0) return nullptr;
  // Whole pages only: what follows the last one is not ours. A refusal costs speed alone.
  if (large) madvise(p, rounded / kHugePage * kHugePage, MADV_HUGEPAGE);
  return std::shared_ptr<void>(p, std::free);
}

absl::StatusOr<Tensor> Tensor::Allocate(DType dtype, absl::Span<const int64_t> dims) {
  if (!IsValid(dtype))
    return absl::InvalidArgumentError("cannot allocate a tensor of unknown dtype");
  MIRIN_ASSIGN_OR_RETURN(const size_t bytes, CheckedBytes(dtype, dims));
  std::shared_ptr<void> memory = AllocateAligned(bytes);
  if (memory == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for ", Name(dtype), ToString(dims), " (", bytes, " bytes)"));
  }
  std::memset(memory.get(), 0, bytes);
  const void* data = memory.get();
  return Borrow(dtype, dims, data, std::move(memory));
}

Tensor Tensor::Borrow(DType dtype, absl::Span<const int64_t> dims, const void* data,
                      std::shared_ptr<const void> owner) {
  Tensor t;
  t.dtype_ = dtype;
  t.dims_.assign(dims.begin(), dims.end());
  t.data_ = data;
  t.owner_ = std::move(owner);
  return t;
}

Tensor Tensor::FromStrings(absl::Span<const int64_t> dims, std::vector<std::string> strings) {
  struct Storage {
    std::vector<std::string> strings;
    std::vector<absl::string_view> views;
  };
  auto storage = std::make_shared<Storage>();
  storage->strings = std::move(strings);
  storage->views.assign(storage->strings.begin(), storage->strings.end());
  const void* data = storage->views.data();
  return Borrow(DType::kString, dims, data, std::move(storage));
}

bool Tensor::is_aligned() const {
  const size_t element = SizeOf(dtype_);
  return dtype_ == DType::kString || element <= 1 ||
         reinterpret_cast<uintptr_t>(data_) % element == 0;
}

absl::StatusOr<Tensor> Tensor::Aligned() const {
  if (is_aligned()) return *this;
  MIRIN_ASSIGN_OR_RETURN(Tensor copy, Allocate(dtype_, dims_));
  if (bytes() > 0) __builtin_memcpy(copy.mutable_data(), data_, bytes());
  return copy;
}

Tensor Tensor::Reshaped(absl::Span<const int64_t> dims) const {
  return Borrow(dtype_, dims, data_, owner_);
}

absl::StatusOr<std::vector<int64_t>> Tensor::ToInt64s() const {
  if (!IsInt(dtype_) && dtype_ != DType::kBool) {
    return absl::InvalidArgumentError(absl::StrCat("expected integers, got ", TypeString(*this)));
  }
  std::vector<int64_t> out(static_cast<size_t>(elements()));
  VisitDType(
      dtype_,
      [&](auto tag) {
        using T = typename decltype(tag)::type;
        for (size_t i = 0; i < out.size(); ++i) {
          T value;
          std::memcpy(&value, static_cast<const char*>(data_) + i * sizeof(T), sizeof(T));
          out[i] = static_cast<int64_t>(value);
        }
        return true;
      },
      false);
  return out;
}

std::string TypeString(const Tensor& tensor) {
  return absl::StrCat(Name(tensor.dtype()), ToString(absl::MakeConstSpan(tensor.dims())));
}

}  // namespace mirin
