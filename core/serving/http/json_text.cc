#include "core/serving/http/json_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "absl/strings/escaping.h"
#include "core/base/half.h"
#include "core/base/json.h"

namespace mirin::serving {
namespace {

// Most characters of one number.
constexpr size_t kNumberSize = 32;

char* Write(bool value, char* p) {
  const absl::string_view text = value ? "true" : "false";
  return std::copy(text.begin(), text.end(), p);
}

template <typename T>
char* WriteInteger(T value, char* p) {
  return std::to_chars(p, p + kNumberSize, value).ptr;
}

// The shortest digits in the form of the original's printer: plain from 1e-4 to 1e15, always with a point or an exponent.
template <typename T>
char* WriteFloat(T value, char* p) {
  if (!std::isfinite(value)) return std::copy_n("null", 4, p);
  if (std::signbit(value)) {
    *p++ = '-';
    value = -value;
  }
  if (value == 0) return std::copy_n("0.0", 3, p);
  char text[kNumberSize];  // d.ddde-XX
  const char* const end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const char* const e = std::find(static_cast<const char*>(text) + 1,
                                  static_cast<const char*>(text) + sizeof text, 'e');
  int exponent = 0;
  std::from_chars(e + (e[1] == '+' ? 2 : 1), end, exponent);
  char digits[kNumberSize];
  int count = 1;
  digits[0] = text[0];
  if (text[1] == '.') {
    count += static_cast<int>(e - text) - 2;
    std::copy(static_cast<const char*>(text) + 2, e, digits + 1);
  }
  const int point = exponent + 1;  // digits in front of it
  if (count <= point && point <= 15) {
    p = std::copy_n(digits, count, p);
    p = std::fill_n(p, point - count, '0');
    return std::copy_n(".0", 2, p);
  }
  if (0 < point && point <= 15) {
    p = std::copy_n(digits, point, p);
    *p++ = '.';
    return std::copy_n(digits + point, count - point, p);
  }
  if (-4 < point && point <= 0) {
    p = std::copy_n("0.", 2, p);
    p = std::fill_n(p, -point, '0');
    return std::copy_n(digits, count, p);
  }
  *p++ = digits[0];
  if (count > 1) {
    *p++ = '.';
    p = std::copy_n(digits + 1, count - 1, p);
  }
  return std::copy(e, end, p);  // its exponent has two digits or more
}

template <typename T, typename WriteOne>
void AppendRows(const uint8_t* data, absl::Span<const int64_t> dims, const WriteOne& write,
                std::string* out) {
  const auto load = [&](int64_t i) {
    T value;
    std::memcpy(&value, data + i * sizeof(T), sizeof(T));
    return value;
  };
  char number[kNumberSize];
  if (dims.empty()) {
    out->append(number, write(load(0), number));
    return;
  }
  // A row at a time: what a number needs at most is there before it is written.
  const int64_t row = dims.back();
  int64_t at = 0;
  AppendNested(
      dims.first(dims.size() - 1), &at,
      [&](int64_t r) {
        constexpr int64_t kBlock = 64;
        char block[kBlock * (kNumberSize + 1)];
        out->push_back('[');
        for (int64_t i = 0; i < row; i += kBlock) {
          char* p = block;
          for (int64_t k = i; k < std::min(row, i + kBlock); ++k) {
            if (k != 0) *p++ = ',';
            p = write(load(r * row + k), p);
          }
          out->append(block, p);
        }
        out->push_back(']');
      },
      out);
}

template <typename Narrow>
void AppendHalves(const uint8_t* data, absl::Span<const int64_t> dims, FloatStyle style,
                  std::string* out) {
  AppendRows<uint16_t>(
      data, dims,
      [&](uint16_t bits, char* p) {
        const float value = Narrow::FromBits(bits);
        return style == FloatStyle::kDouble ? WriteFloat(static_cast<double>(value), p)
                                            : WriteFloat(value, p);
      },
      out);
}

template <typename T>
void AppendIntegers(const uint8_t* data, absl::Span<const int64_t> dims, std::string* out) {
  AppendRows<T>(data, dims, WriteInteger<T>, out);
}

}  // namespace

absl::Span<const int64_t> PrintableDims(absl::Span<const int64_t> dims) {
  static constexpr int64_t kNothing[] = {0};
  int64_t rows = 1;
  for (int64_t d : dims) {
    if (d == 0) return rows > kMaxEmptyRows ? absl::MakeConstSpan(kNothing) : dims;
    if (__builtin_mul_overflow(rows, d, &rows)) rows = kMaxEmptyRows + 1;
  }
  return dims;
}

void AppendTensor(const Tensor& tensor, absl::Span<const int64_t> all_dims, FloatStyle style,
                  std::string* out) {
  const absl::Span<const int64_t> dims = PrintableDims(all_dims);
  const uint8_t* data = tensor.data.data();
  switch (tensor.dtype) {
    case MIRIN_DTYPE_BOOL:
      return AppendRows<uint8_t>(
          data, dims, [](uint8_t v, char* p) { return Write(v != 0, p); }, out);
    case MIRIN_DTYPE_I8:
      return AppendIntegers<int8_t>(data, dims, out);
    case MIRIN_DTYPE_I16:
      return AppendIntegers<int16_t>(data, dims, out);
    case MIRIN_DTYPE_I32:
      return AppendIntegers<int32_t>(data, dims, out);
    case MIRIN_DTYPE_I64:
      return AppendIntegers<int64_t>(data, dims, out);
    case MIRIN_DTYPE_U8:
      return AppendIntegers<uint8_t>(data, dims, out);
    case MIRIN_DTYPE_U16:
      return AppendIntegers<uint16_t>(data, dims, out);
    case MIRIN_DTYPE_U32:
      return AppendIntegers<uint32_t>(data, dims, out);
    case MIRIN_DTYPE_U64:
      return AppendIntegers<uint64_t>(data, dims, out);
    case MIRIN_DTYPE_F16:
      return AppendHalves<Half>(data, dims, style, out);
    case MIRIN_DTYPE_BF16:
      return AppendHalves<BFloat16>(data, dims, style, out);
    case MIRIN_DTYPE_F32:
      if (style == FloatStyle::kShortest)
        return AppendRows<float>(data, dims, WriteFloat<float>, out);
      return AppendRows<float>(
          data, dims, [](float v, char* p) { return WriteFloat(static_cast<double>(v), p); }, out);
    case MIRIN_DTYPE_F64:
      return AppendRows<double>(data, dims, WriteFloat<double>, out);
    default:
      out->append("null");
  }
}

void AppendJsonText(absl::string_view text, std::string* out) {
  out->push_back('"');
  size_t from = 0;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    const size_t letter = c >= 0x80 ? Utf8Letter(text.substr(i)) : 0;
    if (letter != 0) {
      i += letter;
      continue;
    }
    out->append(text.data() + from, i - from);
    const char* const kShort = "\"\\\b\f\n\r\t";
    const char* const at = c == 0 ? nullptr : std::strchr(kShort, c);
    if (at != nullptr) {
      out->push_back('\\');
      out->push_back("\"\\bfnrt"[at - kShort]);
    } else if (c >= 0x80) {
      out->append("\xef\xbf\xbd");
    } else {
      out->append("\\u00");
      out->push_back("0123456789abcdef"[c >> 4]);
      out->push_back("0123456789abcdef"[c & 15]);
    }
    from = ++i;
  }
  out->append(text.data() + from, text.size() - from);
  out->push_back('"');
}

bool DecodeBase64(absl::string_view text, std::string* out) {
  if (text.size() % 4 != 0) return false;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  for (char c : text.substr(0, text.size() - padding)) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '+' && c != '/') return false;
  }
  return absl::Base64Unescape(text, out);
}

}  // namespace mirin::serving
