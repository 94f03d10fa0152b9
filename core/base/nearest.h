// "Did you mean": the name of a list that is spelled most like a given one.
#ifndef CORE_BASE_NEAREST_H_
#define CORE_BASE_NEAREST_H_

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace mirin {

// Insertions, deletions and replacements of letters that make one of the other; case does not count.
inline size_t SpellingDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const bool same = absl::ascii_tolower(static_cast<unsigned char>(a[i])) ==
                        absl::ascii_tolower(static_cast<unsigned char>(b[j]));
      const size_t next = std::min({row[j] + 1, row[j + 1] + 1, diagonal + (same ? 0 : 1)});
      diagonal = row[j + 1];
      row[j + 1] = next;
    }
  }
  return row.back();
}

// "" when none is near. Names longer than 64 letters are near nothing.
inline std::string Nearest(absl::string_view name, const std::vector<std::string>& known) {
  std::string best;
  if (name.size() > 64) return best;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& k : known) {
    const size_t distance = SpellingDistance(name, k);
    if (distance >= least) continue;
    least = distance;
    best = k;
  }
  return best;
}

// "; did you mean 'x'?", or "".
inline std::string DidYouMean(absl::string_view name, const std::vector<std::string>& known) {
  const std::string nearest = Nearest(name, known);
  return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

}  // namespace mirin

#endif  // CORE_BASE_NEAREST_H_
