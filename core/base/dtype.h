// Element types of tensors.
#ifndef CORE_BASE_DTYPE_H_
#define CORE_BASE_DTYPE_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "core/base/half.h"

namespace mirin {

// The numbers are MindSpore's TypeId numbers; the C API publishes them, so they never change.
enum class DType : int32_t {
  kUnknown = 0,
  kString = 12,
  kBool = 30,
  kInt8 = 32,
  kInt16 = 33,
  kInt32 = 34,
  kInt64 = 35,
  kUInt8 = 37,
  kUInt16 = 38,
  kUInt32 = 39,
  kUInt64 = 40,
  kFloat16 = 42,
  kFloat32 = 43,
  kFloat64 = 44,
  kBFloat16 = 45,
};

// Bytes of one element. A string element is an absl::string_view (16 bytes) into memory that the tensor owns; 0 for kUnknown.
size_t SizeOf(DType dtype);
// "float32", "bool", "string" ...; "unknown" for anything else.
absl::string_view Name(DType dtype);
// The inverse of Name; kUnknown when there is no such type.
DType DTypeFromName(absl::string_view name);
// True for the values above except kUnknown, whatever integer was cast.
bool IsValid(DType dtype);

inline bool IsFloat(DType d) {
  return d == DType::kFloat16 || d == DType::kFloat32 || d == DType::kFloat64 ||
         d == DType::kBFloat16;
}
inline bool IsSignedInt(DType d) {
  return d == DType::kInt8 || d == DType::kInt16 || d == DType::kInt32 || d == DType::kInt64;
}
inline bool IsUnsignedInt(DType d) {
  return d == DType::kUInt8 || d == DType::kUInt16 || d == DType::kUInt32 || d == DType::kUInt64;
}
inline bool IsInt(DType d) { return IsSignedInt(d) || IsUnsignedInt(d); }

// DTypeOf<float>::value == DType::kFloat32 ...
template <typename T>
struct DTypeOf;
#define MIRIN_DTYPE_OF_(T, k)                \
  template <>                                \
  struct DTypeOf<T> {                        \
    static constexpr DType value = DType::k; \
  };
MIRIN_DTYPE_OF_(bool, kBool)
MIRIN_DTYPE_OF_(int8_t, kInt8)
MIRIN_DTYPE_OF_(int16_t, kInt16)
MIRIN_DTYPE_OF_(int32_t, kInt32)
MIRIN_DTYPE_OF_(int64_t, kInt64)
MIRIN_DTYPE_OF_(uint8_t, kUInt8)
MIRIN_DTYPE_OF_(uint16_t, kUInt16)
MIRIN_DTYPE_OF_(uint32_t, kUInt32)
MIRIN_DTYPE_OF_(uint64_t, kUInt64)
MIRIN_DTYPE_OF_(Half, kFloat16)
MIRIN_DTYPE_OF_(BFloat16, kBFloat16)
MIRIN_DTYPE_OF_(float, kFloat32)
MIRIN_DTYPE_OF_(double, kFloat64)
#undef MIRIN_DTYPE_OF_

template <typename T>
struct TypeTag {
  using type = T;
};

// Calls fn(TypeTag<T>()) with the C++ type of a numeric or bool dtype and returns its result; `otherwise` is returned
// for kString and kUnknown. Example:
//   return VisitDType(d, [&](auto tag) { using T = typename decltype(tag)::type; ...; return absl::OkStatus(); }, error);
template <typename Fn, typename R>
R VisitDType(DType dtype, Fn&& fn, R otherwise) {
  switch (dtype) {
    case DType::kBool:
      return fn(TypeTag<bool>());
    case DType::kInt8:
      return fn(TypeTag<int8_t>());
    case DType::kInt16:
      return fn(TypeTag<int16_t>());
    case DType::kInt32:
      return fn(TypeTag<int32_t>());
    case DType::kInt64:
      return fn(TypeTag<int64_t>());
    case DType::kUInt8:
      return fn(TypeTag<uint8_t>());
    case DType::kUInt16:
      return fn(TypeTag<uint16_t>());
    case DType::kUInt32:
      return fn(TypeTag<uint32_t>());
    case DType::kUInt64:
      return fn(TypeTag<uint64_t>());
    case DType::kFloat16:
      return fn(TypeTag<Half>());
    case DType::kBFloat16:
      return fn(TypeTag<BFloat16>());
    case DType::kFloat32:
      return fn(TypeTag<float>());
    case DType::kFloat64:
      return fn(TypeTag<double>());
    case DType::kString:
    case DType::kUnknown:
      break;
  }
  return otherwise;
}

}  // namespace mirin

#endif  // CORE_BASE_DTYPE_H_
