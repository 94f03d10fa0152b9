#include <cstring>

#include "c_api/src/boundary.h"

namespace {

using mirin::DType;
using mirin::Tensor;

// A checked type: a valid dtype that is not string, a rank and sizes in range.
absl::StatusOr<size_t> CheckType(mirin_dtype dtype, const int64_t* dims, size_t rank) {
  const DType d = static_cast<DType>(dtype);
  if (!mirin::IsValid(d))
    return absl::InvalidArgumentError(
        absl::StrCat("dtype has the unknown value ", static_cast<int>(dtype)));
  if (rank > MIRIN_MAX_RANK)
    return absl::InvalidArgumentError(
        absl::StrCat("rank ", rank, " is more than ", MIRIN_MAX_RANK));
  if (rank > 0 && dims == nullptr) return mirin::c_api::NullArgument("dims");
  return mirin::CheckedBytes(d, absl::MakeConstSpan(dims, rank));
}

absl::StatusOr<size_t> CheckNumeric(mirin_dtype dtype, const int64_t* dims, size_t rank) {
  if (dtype == MIRIN_DTYPE_STRING)
    return absl::InvalidArgumentError("make string tensors with mirin_tensor_create_strings");
  return CheckType(dtype, dims, rank);
}

}  // namespace

mirin_status* mirin_tensor_create(mirin_dtype dtype, const int64_t* dims, size_t rank,
                                  mirin_tensor** out_tensor) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(out_tensor);
  MIRIN_C_RETURN_IF_ERROR(CheckNumeric(dtype, dims, rank).status());
  auto tensor = Tensor::Allocate(static_cast<DType>(dtype), absl::MakeConstSpan(dims, rank));
  MIRIN_C_RETURN_IF_ERROR(tensor.status());
  *out_tensor = new mirin_tensor{*std::move(tensor), true};
  return nullptr;
  MIRIN_C_END
}

mirin_status* mirin_tensor_create_borrowed(mirin_dtype dtype, const int64_t* dims, size_t rank,
                                           void* data, size_t size, mirin_tensor** out_tensor) {
  return mirin_tensor_create_adopted(dtype, dims, rank, data, size, nullptr, nullptr, out_tensor);
}

mirin_status* mirin_tensor_create_adopted(mirin_dtype dtype, const int64_t* dims, size_t rank,
                                          void* data, size_t size, mirin_deleter deleter,
                                          void* context, mirin_tensor** out_tensor) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(out_tensor);
  const auto bytes = CheckNumeric(dtype, dims, rank);
  MIRIN_C_RETURN_IF_ERROR(bytes.status());
  if (*bytes > 0) MIRIN_C_REQUIRE(data);
  if (size < *bytes) {
    return mirin::c_api::ToC(absl::InvalidArgumentError(
        absl::StrCat("data has ", size, " bytes, the shape needs ", *bytes)));
  }
  auto handle = std::make_unique<mirin_tensor>();
  std::shared_ptr<const void> owner;
  if (deleter != nullptr) {
    // Allocated with the deleter switched off, so that a failure here does not free the caller's memory.
    struct Adopted {
      void* data;
      void* context;
      mirin_deleter deleter;
      ~Adopted() {
        if (deleter != nullptr) deleter(data, context);
      }
    };
    auto adopted = std::make_shared<Adopted>();
    adopted->deleter = nullptr;
    handle->tensor =
        Tensor::Borrow(static_cast<DType>(dtype), absl::MakeConstSpan(dims, rank), data, adopted);
    adopted->data = data;
    adopted->context = context;
    adopted->deleter = deleter;
  } else {
    handle->tensor =
        Tensor::Borrow(static_cast<DType>(dtype), absl::MakeConstSpan(dims, rank), data, nullptr);
  }
  *out_tensor = handle.release();
  return nullptr;
  MIRIN_C_END
}

mirin_status* mirin_tensor_create_strings(const int64_t* dims, size_t rank,
                                          const char* const* texts, const size_t* sizes,
                                          mirin_tensor** out_tensor) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(out_tensor);
  MIRIN_C_RETURN_IF_ERROR(CheckType(MIRIN_DTYPE_STRING, dims, rank).status());
  const int64_t count = mirin::NumElements(absl::MakeConstSpan(dims, rank));
  if (count > 0) {
    MIRIN_C_REQUIRE(texts);
    MIRIN_C_REQUIRE(sizes);
  }
  std::vector<std::string> strings;
  for (int64_t i = 0; i < count; ++i) {
    if (texts[i] == nullptr && sizes[i] > 0)
      return mirin::c_api::ToC(mirin::c_api::NullArgument("texts"));
    strings.emplace_back(texts[i] == nullptr ? "" : texts[i], sizes[i]);
  }
  *out_tensor = new mirin_tensor{
      Tensor::FromStrings(absl::MakeConstSpan(dims, rank), std::move(strings)), false};
  return nullptr;
  MIRIN_C_END
}

mirin_status* mirin_tensor_copy(const mirin_tensor* tensor, mirin_tensor** out_tensor) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(tensor);
  MIRIN_C_REQUIRE(out_tensor);
  const Tensor& from = tensor->tensor;
  if (from.dtype() == DType::kString) {
    const auto texts = from.strings();
    *out_tensor = new mirin_tensor{
        Tensor::FromStrings(from.dims(), std::vector<std::string>(texts.begin(), texts.end())),
        false};
    return nullptr;
  }
  auto copy = Tensor::Allocate(from.dtype(), from.dims());
  MIRIN_C_RETURN_IF_ERROR(copy.status());
  if (from.bytes() > 0) std::memcpy(copy->mutable_data(), from.data(), from.bytes());
  *out_tensor = new mirin_tensor{*std::move(copy), true};
  return nullptr;
  MIRIN_C_END
}

void mirin_tensor_destroy(mirin_tensor* tensor) { delete tensor; }

mirin_dtype mirin_tensor_dtype(const mirin_tensor* tensor) {
  return tensor == nullptr ? MIRIN_DTYPE_UNKNOWN : static_cast<mirin_dtype>(tensor->tensor.dtype());
}

size_t mirin_tensor_rank(const mirin_tensor* tensor) {
  return tensor == nullptr ? 0 : tensor->tensor.dims().size();
}

const int64_t* mirin_tensor_dims(const mirin_tensor* tensor) {
  return tensor == nullptr ? nullptr : tensor->tensor.dims().data();
}

int64_t mirin_tensor_elements(const mirin_tensor* tensor) {
  return tensor == nullptr ? 0 : tensor->tensor.elements();
}

size_t mirin_tensor_size(const mirin_tensor* tensor) {
  return tensor == nullptr || tensor->tensor.dtype() == DType::kString ? 0 : tensor->tensor.bytes();
}

const void* mirin_tensor_data(const mirin_tensor* tensor) {
  return tensor == nullptr || tensor->tensor.dtype() == DType::kString ? nullptr
                                                                       : tensor->tensor.data();
}

void* mirin_tensor_mutable_data(mirin_tensor* tensor) {
  return tensor == nullptr || !tensor->writable || tensor->tensor.dtype() == DType::kString
             ? nullptr
             : tensor->tensor.mutable_data();
}

const char* mirin_tensor_string(const mirin_tensor* tensor, int64_t i, size_t* out_size) {
  if (tensor == nullptr || tensor->tensor.dtype() != DType::kString || i < 0 ||
      i >= tensor->tensor.elements())
    return nullptr;
  const absl::string_view text = tensor->tensor.strings()[static_cast<size_t>(i)];
  if (out_size != nullptr) *out_size = text.size();
  return text.data() == nullptr ? "" : text.data();
}

namespace {

template <typename Short>
void Narrow(const float* from, uint16_t* to, size_t n) {
  if (from == nullptr || to == nullptr) return;
  for (size_t i = 0; i < n; ++i) to[i] = Short(from[i]).bits;
}

template <typename Short>
void Widen(const uint16_t* from, float* to, size_t n) {
  if (from == nullptr || to == nullptr) return;
  for (size_t i = 0; i < n; ++i) to[i] = static_cast<float>(Short::FromBits(from[i]));
}

}  // namespace

void mirin_f32_to_f16(const float* from, uint16_t* to, size_t n) {
  Narrow<mirin::Half>(from, to, n);
}
void mirin_f16_to_f32(const uint16_t* from, float* to, size_t n) {
  Widen<mirin::Half>(from, to, n);
}
void mirin_f32_to_bf16(const float* from, uint16_t* to, size_t n) {
  Narrow<mirin::BFloat16>(from, to, n);
}
void mirin_bf16_to_f32(const uint16_t* from, float* to, size_t n) {
  Widen<mirin::BFloat16>(from, to, n);
}
