// Texts as JSON writes them.
#ifndef CORE_BASE_JSON_H_
#define CORE_BASE_JSON_H_

#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace mirin {

// Bytes of the UTF-8 letter that a text begins with; 0 when there is none.
inline size_t Utf8Letter(absl::string_view text) {
  const auto at = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto tail = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  if (at(0) < 0x80) return text.empty() ? 0 : 1;
  if (at(0) >= 0xc2 && at(0) < 0xe0) return tail(1) ? 2 : 0;
  if (at(0) >= 0xe0 && at(0) < 0xf0) {
    const bool overlong = at(0) == 0xe0 && at(1) < 0xa0, surrogate = at(0) == 0xed && at(1) >= 0xa0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (at(0) >= 0xf0 && at(0) < 0xf5) {
    const bool overlong = at(0) == 0xf0 && at(1) < 0x90, too_large = at(0) == 0xf4 && at(1) >= 0x90;
    return tail(1) && tail(2) && tail(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

// With its quotes. Names of models may be any bytes: what is no UTF-8 becomes U+FFFD.
inline std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t letter = Utf8Letter(text.substr(i));
    if (letter == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    } else {
      out.append(text.data() + i, letter);
    }
    i += std::max<size_t>(letter, 1);
  }
  return out + "\"";
}

}  // namespace mirin

#endif  // CORE_BASE_JSON_H_
