#include "core/base/dtype.h"

namespace mirin {
namespace {

struct Row {
  DType dtype;
  size_t size;
  absl::string_view name;
};

constexpr Row kRows[] = {
    {DType::kString, sizeof(absl::string_view), "string"},
    {DType::kBool, 1, "bool"},
    {DType::kInt8, 1, "int8"},
    {DType::kInt16, 2, "int16"},
    {DType::kInt32, 4, "int32"},
    {DType::kInt64, 8, "int64"},
    {DType::kUInt8, 1, "uint8"},
    {DType::kUInt16, 2, "uint16"},
    {DType::kUInt32, 4, "uint32"},
    {DType::kUInt64, 8, "uint64"},
    {DType::kFloat16, 2, "float16"},
    {DType::kFloat32, 4, "float32"},
    {DType::kFloat64, 8, "float64"},
    {DType::kBFloat16, 2, "bfloat16"},
};

}  // namespace

size_t SizeOf(DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return row.size;
  }
  return 0;
}

absl::string_view Name(DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return row.name;
  }
  return "unknown";
}

DType DTypeFromName(absl::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return DType::kUnknown;
}

bool IsValid(DType dtype) { return SizeOf(dtype) != 0; }

}  // namespace mirin
