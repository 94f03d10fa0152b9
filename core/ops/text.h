// What ops on texts do with single texts, for their inference and their kernels. Texts are UTF-8; bytes that are not pass unchanged.
#ifndef CORE_OPS_TEXT_H_
#define CORE_OPS_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

// Every character that has another single character as its upper or lower case becomes that.
std::string ChangeCase(absl::string_view text, bool upper);

// The parts between delimiters, at most max_splits of which count (< 0: all). An empty delimiter stands for runs of white space,
// which are dropped at both ends. The parts point into `text`.
std::vector<absl::string_view> SplitText(absl::string_view text, absl::string_view delimiter,
                                         int64_t max_splits);

// Positions of the texts that StringNormalizer keeps: those that are no stop words.
std::vector<size_t> KeptTexts(absl::Span<const absl::string_view> texts,
                              const ir::Attributes& attrs);

// The n-grams of a TfIdfVectorizer.
struct Gram {
  size_t begin = 0, size = 0;  // in the pool
  int64_t column = 0;
  double weight = 1;
};
// InvalidArgument for attributes that contradict each other. The number of columns comes back too.
absl::StatusOr<std::vector<Gram>> GramsOf(const ir::Attributes& attrs, int64_t* columns);

}  // namespace mirin::ops

#endif  // CORE_OPS_TEXT_H_
