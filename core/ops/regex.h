// Regular expressions in RE2's syntax: matching takes time linear in the text and bounded memory.
#ifndef CORE_OPS_REGEX_H_
#define CORE_OPS_REGEX_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin::ops {

class Regex {
 public:
  // InvalidArgument, with RE2's reason, for a pattern that it does not take.
  static absl::StatusOr<Regex> Create(absl::string_view pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  bool MatchesWhole(absl::string_view text) const;

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mirin::ops

#endif  // CORE_OPS_REGEX_H_
