#include "core/serving/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/json.h"

namespace mirin::serving {
namespace {

struct OipType {
  absl::string_view name;
  mirin_dtype dtype;
};
constexpr OipType kOipTypes[] = {
    {"FP32", MIRIN_DTYPE_F32},     {"INT64", MIRIN_DTYPE_I64},  {"INT32", MIRIN_DTYPE_I32},
    {"BYTES", MIRIN_DTYPE_STRING}, {"UINT8", MIRIN_DTYPE_U8},   {"BOOL", MIRIN_DTYPE_BOOL},
    {"FP16", MIRIN_DTYPE_F16},     {"FP64", MIRIN_DTYPE_F64},   {"BF16", MIRIN_DTYPE_BF16},
    {"INT8", MIRIN_DTYPE_I8},      {"INT16", MIRIN_DTYPE_I16},  {"UINT16", MIRIN_DTYPE_U16},
    {"UINT32", MIRIN_DTYPE_U32},   {"UINT64", MIRIN_DTYPE_U64},
};

}  // namespace

Buffer Buffer::Copy(absl::string_view bytes) {
  uint8_t* data;
  Buffer buffer = Allocate(bytes.size(), &data);
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  return buffer;
}

Buffer Buffer::Allocate(size_t size, uint8_t** out) {
  constexpr size_t kAlignment = 64;
  const size_t room = (std::max<size_t>(size, 1) + kAlignment - 1) / kAlignment * kAlignment;
  void* data = std::aligned_alloc(kAlignment, room);
  if (data == nullptr) throw std::bad_alloc();
  *out = static_cast<uint8_t*>(data);
  return Buffer(data, size, std::shared_ptr<const void>(data, [](void* p) { std::free(p); }));
}

Buffer Buffer::FromString(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  return Buffer(owner->data(), owner->size(), owner);
}

absl::StatusOr<int64_t> Elements(absl::Span<const int64_t> dims) {
  int64_t elements = 1;
  for (int64_t d : dims) {
    if (d < 0) return absl::InvalidArgumentError(absl::StrCat("negative size in ", DimsText(dims)));
    if (__builtin_mul_overflow(elements, d, &elements)) {
      return absl::InvalidArgumentError(absl::StrCat("shape ", DimsText(dims), " is too large"));
    }
  }
  return elements;
}

absl::Status CheckSize(const Tensor& tensor) {
  const absl::StatusOr<int64_t> elements = Elements(tensor.dims);
  if (!elements.ok()) return elements.status();
  if (tensor.dtype == MIRIN_DTYPE_STRING) {
    if (tensor.texts.size() == static_cast<uint64_t>(*elements)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("shape ", DimsText(tensor.dims), " needs ",
                                                   *elements, " texts, not ", tensor.texts.size()));
  }
  const uint64_t item = mirin_dtype_size(tensor.dtype);
  uint64_t bytes;
  if (item == 0) return absl::InvalidArgumentError("unknown dtype");
  if (__builtin_mul_overflow(static_cast<uint64_t>(*elements), item, &bytes) ||
      bytes != tensor.data.size()) {
    return absl::InvalidArgumentError(absl::StrCat("shape ", DimsText(tensor.dims), " of ",
                                                   mirin_dtype_name(tensor.dtype), " does not fit ",
                                                   tensor.data.size(), " bytes"));
  }
  return absl::OkStatus();
}

std::string DimsText(absl::Span<const int64_t> dims) {
  return absl::StrCat("[", absl::StrJoin(dims, ", "), "]");
}

bool IsValidUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t letter = Utf8Letter(text);
    if (letter == 0) return false;
    text.remove_prefix(letter);
  }
  return true;
}

void DecideText(Tensor* tensor) {
  tensor->is_bytes = !std::all_of(tensor->texts.begin(), tensor->texts.end(),
                                  [](const std::string& text) { return IsValidUtf8(text); });
}

absl::string_view OipName(mirin_dtype dtype) {
  for (const OipType& type : kOipTypes) {
    if (type.dtype == dtype) return type.name;
  }
  return "";
}

mirin_dtype DtypeFromOip(absl::string_view name) {
  for (const OipType& type : kOipTypes) {
    if (type.name == name) return type.dtype;
  }
  return MIRIN_DTYPE_UNKNOWN;
}

}  // namespace mirin::serving
