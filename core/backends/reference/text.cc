#include "core/ops/text.h"

#include <map>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/regex.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

absl::Span<const absl::string_view> TextsOf(const TensorView& view) {
  return absl::MakeConstSpan(view.as<absl::string_view>(), static_cast<size_t>(view.elements()));
}

template <typename T>
using Known = std::map<std::vector<T>, size_t>;  // n-gram: where it stands among the grams

// Counts the n-grams of one row: terms 1, 2 .. max_skip_count + 1 places apart; single terms once.
template <typename T>
void CountGrams(absl::Span<const T> terms, const Known<T>& known, const ir::Attributes& attrs,
                std::vector<int64_t>* counts) {
  const int64_t n = static_cast<int64_t>(terms.size()), most = attrs.Int("max_gram_length"),
                skips = attrs.Int("max_skip_count");
  int64_t least = attrs.Int("min_gram_length");
  for (int64_t apart = 1; apart - 1 <= skips && least <= most && (least == 1 || apart <= n);
       ++apart) {
    for (int64_t begin = 0; begin < n; ++begin) {
      std::vector<T> gram;
      for (int64_t size = 1; size <= most && begin + (size - 1) * apart < n; ++size) {
        gram.push_back(terms[static_cast<size_t>(begin + (size - 1) * apart)]);
        const auto it = size < least ? known.end() : known.find(gram);
        if (it != known.end()) ++(*counts)[it->second];
      }
    }
    least = std::max<int64_t>(least, 2);
  }
}

template <typename T>
absl::Status Vectorize(const KernelContext& c, const ir::Attributes& attrs,
                       absl::Span<const T> pool, absl::Span<const T> terms) {
  const TensorView &x = c.input(0), &y = c.output(0);
  int64_t columns = 0;
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::Gram> grams, ops::GramsOf(attrs, &columns));
  Known<T> known;
  for (size_t g = 0; g < grams.size(); ++g) {
    const absl::Span<const T> gram = pool.subspan(grams[g].begin, grams[g].size);
    known[std::vector<T>(gram.begin(), gram.end())] = g;
  }
  const int64_t rows = x.rank() < 2 ? 1 : x.dims[0],
                width = rows == 0 ? 0 : static_cast<int64_t>(terms.size()) / rows;
  const std::string mode = attrs.String("mode");
  std::vector<double> out(static_cast<size_t>(y.elements()), 0);
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<int64_t> counts(grams.size(), 0);
    CountGrams(terms.subspan(static_cast<size_t>(r * width), static_cast<size_t>(width)), known,
               attrs, &counts);
    for (size_t g = 0; g < grams.size(); ++g) {
      const double count =
          static_cast<double>(mode == "IDF" ? std::min<int64_t>(counts[g], 1) : counts[g]);
      out[static_cast<size_t>(r * columns + grams[g].column)] +=
          mode == "TF" ? count : count * grams[g].weight;
    }
  }
  WriteAll(y, out);
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(StringConcat) {
  const TensorView &x = c.input(0), &y = c.input(1), &z = c.output(0);
  std::vector<int64_t> from_x, from_y;
  ForEachOffset(z.dims, BroadcastStrides(x.dims, z.dims), [&](int64_t o) { from_x.push_back(o); });
  ForEachOffset(z.dims, BroadcastStrides(y.dims, z.dims), [&](int64_t o) { from_y.push_back(o); });
  for (size_t k = 0; k < from_x.size(); ++k) {
    const std::string joined =
        absl::StrCat(x.as<absl::string_view>()[from_x[k]], y.as<absl::string_view>()[from_y[k]]);
    MIRIN_ASSIGN_OR_RETURN(z.as<absl::string_view>()[k], c.texts().Keep(joined));
  }
  return absl::OkStatus();
}

MIRIN_KERNEL(StringNormalizer) {
  const auto texts = TextsOf(c.input(0));
  const std::string change = node.attrs().String("case_change_action");
  const std::vector<size_t> kept = ops::KeptTexts(texts, node.attrs());
  absl::string_view* to = c.output(0).as<absl::string_view>();
  if (kept.empty()) *to = absl::string_view();
  for (const size_t i : kept) {
    if (change == "NONE") {
      *to++ = texts[i];
    } else {
      MIRIN_ASSIGN_OR_RETURN(*to++, c.texts().Keep(ops::ChangeCase(texts[i], change == "UPPER")));
    }
  }
  return absl::OkStatus();
}

MIRIN_KERNEL(StringSplit) {
  const auto texts = TextsOf(c.input(0));
  const std::string delimiter = node.attrs().String("delimiter");
  const TensorView& parts = c.output(0);
  const size_t most = static_cast<size_t>(parts.dims.back());
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::vector<absl::string_view> split =
        ops::SplitText(texts[i], delimiter, node.attrs().Int("maxsplit"));
    for (size_t k = 0; k < most; ++k)
      parts.as<absl::string_view>()[i * most + k] =
          k < split.size() ? split[k] : absl::string_view();
    c.output(1).as<int64_t>()[i] = static_cast<int64_t>(split.size());
  }
  return absl::OkStatus();
}

MIRIN_KERNEL(RegexFullMatch) {
  MIRIN_ASSIGN_OR_RETURN(const ops::Regex regex,
                         ops::Regex::Create(node.attrs().String("pattern")));
  bool* to = c.output(0).as<bool>();
  for (const absl::string_view text : TextsOf(c.input(0))) *to++ = regex.MatchesWhole(text);
  return absl::OkStatus();
}

MIRIN_KERNEL(TfIdfVectorizer) {
  if (c.input(0).dtype == DType::kString) {
    const std::vector<std::string> pool = node.attrs().Strings("pool_strings");
    const std::vector<absl::string_view> views(pool.begin(), pool.end());
    return Vectorize<absl::string_view>(c, node.attrs(), views, TextsOf(c.input(0)));
  }
  const std::vector<int64_t> pool = node.attrs().Ints("pool_int64s"),
                             terms = ReadAll<int64_t>(c.input(0));
  return Vectorize<int64_t>(c, node.attrs(), pool, terms);
}

}  // namespace mirin::reference::kernels
