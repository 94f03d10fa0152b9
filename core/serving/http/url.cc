#include "core/serving/http/url.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mirin::serving {
namespace {

bool Decode(absl::string_view text, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3 || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2]))
      return false;
    out->append(absl::HexStringToBytes(text.substr(i + 1, 2)));
    i += 2;
  }
  return true;
}

// Without scheme, host and query.
absl::string_view Path(absl::string_view target) {
  if (absl::ConsumePrefix(&target, "http://") || absl::ConsumePrefix(&target, "https://")) {
    const size_t slash = target.find('/');
    target = slash == target.npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find_first_of("?#"));
}

}  // namespace

Url ParseUrl(absl::string_view target) {
  Url url;
  absl::string_view path = Path(target);
  if (!absl::ConsumePrefix(&path, "/")) return url;
  url.valid = true;
  while (!path.empty() || !url.segments.empty()) {
    const size_t slash = path.find('/');
    url.segments.emplace_back();
    url.valid &= Decode(path.substr(0, slash), &url.segments.back());
    if (slash == path.npos) break;
    path.remove_prefix(slash + 1);
  }
  return url;
}

ModelPath ParseModelPath(absl::string_view target) {
  ModelPath out;
  const auto fail = [&](absl::string_view a, absl::string_view b = "") {
    out.error = absl::StrCat("please check url, ", a, b);
    return out;
  };
  constexpr absl::string_view kNoModel = "the keyword:[model] must contain.";
  constexpr absl::string_view kNoMethod = "the keyword:[service method] must contain.";
  absl::string_view path = Path(target);
  if (!absl::ConsumePrefix(&path, "/model/")) return fail(kNoModel);
  const size_t colon = path.find(':');
  const absl::string_view method = colon == path.npos ? "" : path.substr(colon + 1);
  path = path.substr(0, colon);
  const size_t slash = path.find('/');
  if (!Decode(path.substr(0, slash), &out.name) || out.name.empty()) return fail(kNoModel);
  if (!Decode(method, &out.method) || out.method.empty()) return fail(kNoMethod);
  if (slash == path.npos) return out;
  absl::string_view version = path.substr(slash + 1);
  if (!absl::ConsumePrefix(&version, "version")) return fail(kNoModel);
  if (!version.empty() && !absl::ConsumePrefix(&version, "/")) return fail(kNoModel);
  const absl::string_view digits = absl::StripPrefix(version, "-");
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) {
    return fail("the keyword:[version] value invalid, request version number ",
                version.substr(0, 64));
  }
  if (!absl::SimpleAtoi(version, &out.version) ||
      out.version >= std::numeric_limits<uint32_t>::max()) {
    return fail("version number range failed, request version number ", version.substr(0, 64));
  }
  return out;
}

}  // namespace mirin::serving
