#include "core/ops/regex.h"

#include "absl/strings/str_cat.h"
#include "re2/re2.h"

namespace mirin::ops {

struct Regex::Impl {
  Impl(absl::string_view pattern, const RE2::Options& options)
      : re(re2::StringPiece(pattern.data(), pattern.size()), options) {}
  RE2 re;
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

absl::StatusOr<Regex> Regex::Create(absl::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  auto impl = std::make_unique<Impl>(pattern, options);
  if (!impl->re.ok())
    return absl::InvalidArgumentError(
        absl::StrCat("the pattern is no regular expression: ", impl->re.error()));
  return Regex(std::move(impl));
}

bool Regex::MatchesWhole(absl::string_view text) const {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), impl_->re);
}

}  // namespace mirin::ops
