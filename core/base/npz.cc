#include "core/base/npz.h"

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/dtype.h"
#include "core/base/file.h"
#include "core/base/shape.h"
#include "core/base/status.h"

namespace mirin {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 36;

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("no .npz archive, or a damaged one: ", what));
}

// A number at an offset that may lie anywhere.
template <typename T>
absl::StatusOr<size_t> Load(absl::string_view s, size_t at) {
  T v;
  if (at > s.size() || s.size() - at < sizeof v) return Damaged("it ends too soon");
  std::memcpy(&v, s.data() + at, sizeof v);
  return static_cast<size_t>(v);
}

absl::StatusOr<absl::string_view> Slice(absl::string_view s, size_t at, size_t size) {
  if (at > s.size() || s.size() - at < size) return Damaged("it ends too soon");
  return s.substr(at, size);
}

// What stands between two marks of a .npy header.
absl::StatusOr<absl::string_view> Between(absl::string_view s, absl::string_view from,
                                          absl::string_view to) {
  const size_t a = s.find(from);
  const size_t b = a == absl::string_view::npos ? a : s.find(to, a + from.size());
  if (b == absl::string_view::npos) return Damaged(absl::StrCat("no ", from, " in a header"));
  return s.substr(a + from.size(), b - a - from.size());
}

// "<f4": bytes of one element.
absl::StatusOr<size_t> ElementBytes(absl::string_view descr) {
  size_t size = 0;
  if (descr.size() < 3 || !absl::SimpleAtoi(descr.substr(2), &size) || size > 1 << 20)
    return absl::UnimplementedError(absl::StrCat("arrays of dtype '", descr, "'"));
  if (descr[0] == '>') return absl::UnimplementedError("big-endian arrays");
  return descr[1] == 'U' ? size * 4 : size;
}

std::string FromFortran(absl::string_view bytes, const std::vector<int64_t>& dims, size_t size) {
  std::string out(bytes.size(), '\0');
  std::vector<int64_t> index(dims.size(), 0);
  for (size_t to = 0; to + size <= out.size(); to += size) {
    int64_t from = 0, stride = 1;
    for (size_t d = 0; d < dims.size(); ++d) {
      from += index[d] * stride;
      stride *= dims[d];
    }
    std::memcpy(&out[to], bytes.data() + static_cast<size_t>(from) * size, size);
    for (size_t d = dims.size(); d-- > 0 && ++index[d] == dims[d];) index[d] = 0;
  }
  return out;
}

absl::StatusOr<NpzArray> ParseNpy(absl::string_view npy) {
  if (!absl::StartsWith(npy, "\x93NUMPY") || npy.size() < 12) return Damaged("a member is no .npy");
  const bool v1 = npy[6] == 1;
  MIRIN_ASSIGN_OR_RETURN(const size_t header_bytes,
                         v1 ? Load<uint16_t>(npy, 8) : Load<uint32_t>(npy, 8));
  const size_t begin = v1 ? 10 : 12;
  MIRIN_ASSIGN_OR_RETURN(const absl::string_view header, Slice(npy, begin, header_bytes));
  NpzArray a;
  MIRIN_ASSIGN_OR_RETURN(const absl::string_view descr, Between(header, "'descr': '", "'"));
  a.descr = std::string(descr);
  MIRIN_ASSIGN_OR_RETURN(const absl::string_view fortran,
                         Between(header, "'fortran_order': ", ","));
  MIRIN_ASSIGN_OR_RETURN(const absl::string_view shape, Between(header, "'shape': (", ")"));
  MIRIN_ASSIGN_OR_RETURN(const size_t size, ElementBytes(a.descr));
  size_t bytes = size;
  for (absl::string_view text : absl::StrSplit(shape, ',', absl::SkipWhitespace())) {
    int64_t d = 0;
    if (!absl::SimpleAtoi(text, &d) || d < 0) return Damaged(absl::StrCat("the size '", text, "'"));
    a.dims.push_back(d);
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(d), &bytes))
      return Damaged("a size that overflows");
  }
  MIRIN_ASSIGN_OR_RETURN(const absl::string_view data, Slice(npy, begin + header_bytes, bytes));
  a.bytes =
      fortran == "True" && a.dims.size() > 1 ? FromFortran(data, a.dims, size) : std::string(data);
  return a;
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static constexpr unsigned char kLead[] = {0, 0xc0, 0xe0, 0xf0};
  *out += static_cast<char>(kLead[more] | (c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) *out += static_cast<char>(0x80 | ((c >> (6 * i)) & 63));
}

}  // namespace

int64_t NpzArray::elements() const { return NumElements(dims); }

int NpzArray::dtype() const {
  static const std::map<std::string, DType, std::less<>> kTypes = {
      {"f4", DType::kFloat32}, {"f8", DType::kFloat64}, {"f2", DType::kFloat16},
      {"i1", DType::kInt8},    {"i2", DType::kInt16},   {"i4", DType::kInt32},
      {"i8", DType::kInt64},   {"u1", DType::kUInt8},   {"u2", DType::kUInt16},
      {"u4", DType::kUInt32},  {"u8", DType::kUInt64},  {"b1", DType::kBool}};
  const auto it = descr.empty() ? kTypes.end() : kTypes.find(absl::string_view(descr).substr(1));
  return it == kTypes.end() ? 0 : static_cast<int>(it->second);
}

std::string NpzArray::Text(int64_t i) const {
  std::string out;
  const auto size = ElementBytes(descr);
  if (!is_text() || !size.ok() || i < 0 || i >= elements()) return out;
  const char* text = bytes.data() + static_cast<size_t>(i) * *size;
  if (descr[1] == 'S') return std::string(text, strnlen(text, *size));
  for (size_t at = 0; at + 4 <= *size; at += 4) {
    uint32_t c;
    std::memcpy(&c, text + at, sizeof c);
    if (c == 0) break;
    AppendUtf8(c, &out);
  }
  return out;
}

double NumberAt(int dtype, const void* data, int64_t i) {
  return VisitDType(
      static_cast<DType>(dtype),
      [&](auto tag) {
        typename decltype(tag)::type v;
        std::memcpy(&v, static_cast<const char*>(data) + static_cast<size_t>(i) * sizeof v,
                    sizeof v);
        return static_cast<double>(v);
      },
      0.0);
}

absl::StatusOr<std::map<std::string, NpzArray>> ParseNpz(absl::string_view zip) {
  const size_t end = zip.rfind("PK\x05\x06");
  if (end == absl::string_view::npos) return Damaged("it is no zip");
  MIRIN_ASSIGN_OR_RETURN(const size_t count, Load<uint16_t>(zip, end + 10));
  MIRIN_ASSIGN_OR_RETURN(size_t at, Load<uint32_t>(zip, end + 16));
  std::map<std::string, NpzArray> arrays;
  for (size_t i = 0; i < count; ++i) {  // the central directory
    MIRIN_ASSIGN_OR_RETURN(const size_t method, Load<uint16_t>(zip, at + 10));
    MIRIN_ASSIGN_OR_RETURN(const size_t size, Load<uint32_t>(zip, at + 24));
    MIRIN_ASSIGN_OR_RETURN(const size_t name_bytes, Load<uint16_t>(zip, at + 28));
    MIRIN_ASSIGN_OR_RETURN(const size_t extra_bytes, Load<uint16_t>(zip, at + 30));
    MIRIN_ASSIGN_OR_RETURN(const size_t comment_bytes, Load<uint16_t>(zip, at + 32));
    MIRIN_ASSIGN_OR_RETURN(const size_t local, Load<uint32_t>(zip, at + 42));
    MIRIN_ASSIGN_OR_RETURN(absl::string_view name, Slice(zip, at + 46, name_bytes));
    at += 46 + name_bytes + extra_bytes + comment_bytes;
    if (method != 0)
      return absl::UnimplementedError(
          absl::StrCat("'", name, "' is compressed; write the archive with numpy.savez"));
    if (size == UINT32_MAX || local == UINT32_MAX)
      return absl::UnimplementedError(absl::StrCat("'", name, "' has 4 GiB or more"));
    MIRIN_ASSIGN_OR_RETURN(const size_t local_name, Load<uint16_t>(zip, local + 26));
    MIRIN_ASSIGN_OR_RETURN(const size_t local_extra, Load<uint16_t>(zip, local + 28));
    MIRIN_ASSIGN_OR_RETURN(const absl::string_view data,
                           Slice(zip, local + 30 + local_name + local_extra, size));
    absl::StatusOr<NpzArray> array = ParseNpy(data);
    if (!array.ok()) return Annotate(array.status(), absl::StrCat("'", name, "'"));
    absl::ConsumeSuffix(&name, ".npy");
    arrays[std::string(name)] = *std::move(array);
  }
  return arrays;
}

absl::StatusOr<std::map<std::string, NpzArray>> ReadNpz(const std::string& path) {
  MIRIN_ASSIGN_OR_RETURN(const FileBytes file, MapFile(path, kMaxFileBytes));
  auto arrays = ParseNpz(file.bytes);
  if (!arrays.ok()) return Annotate(arrays.status(), path);
  return arrays;
}

}  // namespace mirin
