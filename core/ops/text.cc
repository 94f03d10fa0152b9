#include "core/ops/text.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/regex.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

// Characters first, first + step .. last, whose other case is `difference` away.
struct CaseRun {
  int32_t first, last, step, difference;
};
#include "core/ops/unicode_case.inc"

int32_t OtherCase(int32_t c, absl::Span<const CaseRun> runs) {
  const auto run =
      std::partition_point(runs.begin(), runs.end(), [c](const CaseRun& r) { return r.last < c; });
  const bool found = run != runs.end() && run->first <= c && (c - run->first) % run->step == 0;
  return found ? c + run->difference : c;
}

// The character at the front and how many bytes it takes; -1 for a byte that begins none.
int32_t Decode(absl::string_view text, size_t* bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  *bytes = 1;
  const int32_t lead = byte(0);
  if (lead < 0x80) return lead;
  const size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || n > text.size()) return -1;
  int32_t c = lead & (0x7f >> n);
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return -1;
    c = c << 6 | (byte(i) & 0x3f);
  }
  if (c < (n == 4 ? 0x10000 : n == 3 ? 0x800 : 0x80) || c > 0x10ffff) return -1;
  *bytes = n;
  return c;
}

void Encode(int32_t c, std::string* to) {
  if (c < 0x80) {
    to->push_back(static_cast<char>(c));
    return;
  }
  const int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static constexpr int kLeads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  to->push_back(static_cast<char>(kLeads[n] | c >> (6 * (n - 1))));
  for (int i = n - 2; i >= 0; --i) to->push_back(static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3f)));
}

bool IsSpace(int32_t c) {
  static constexpr int32_t kOthers[] = {0x20,   0x85,   0xa0,   0x1680, 0x2028,
                                        0x2029, 0x202f, 0x205f, 0x3000};
  return (c >= 0x9 && c <= 0xd) || (c >= 0x1c && c <= 0x1f) || (c >= 0x2000 && c <= 0x200a) ||
         std::binary_search(std::begin(kOthers), std::end(kOthers), c);
}

// Where the first run of white space begins, and where it ends; npos when there is none.
size_t FindSpace(absl::string_view text, size_t* end) {
  size_t begin = absl::string_view::npos;
  for (size_t at = 0, bytes = 0; at < text.size(); at += bytes) {
    const bool space = IsSpace(Decode(text.substr(at), &bytes));
    if (space && begin == absl::string_view::npos) begin = at;
    if (!space && begin != absl::string_view::npos) {
      *end = at;
      return begin;
    }
  }
  *end = text.size();
  return begin;
}

absl::string_view WithoutSpaceAtEnd(absl::string_view text) {
  size_t end = 0;
  for (size_t at = 0, bytes = 0; at < text.size(); at += bytes) {
    if (!IsSpace(Decode(text.substr(at), &bytes))) end = at + bytes;
  }
  return text.substr(0, end);
}

absl::Status RequireText(const InferContext& c, int i) {
  if (c.dtype(i) == DType::kString) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("operand ", i, " is ", Name(c.dtype(i)), ", expected string"));
}

absl::Status InferStringConcat(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireText(c, 0));
  MIRIN_RETURN_IF_ERROR(RequireText(c, 1));
  MIRIN_ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(c.shape(0), c.shape(1)));
  c.SetOutput(0, DType::kString, std::move(shape));
  return absl::OkStatus();
}

absl::Status InferStringNormalizer(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireText(c, 0));
  const std::string change = c.attrs().String("case_change_action");
  if (change != "NONE" && change != "LOWER" && change != "UPPER")
    return absl::InvalidArgumentError(absl::StrCat("unknown case_change_action '", change, "'"));
  const Shape& x = c.shape(0);
  if (x.rank_known() && x.rank() != 1 && (x.rank() != 2 || (x.dim(0) >= 0 && x.dim(0) != 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("the texts have shape ", ToString(x), ", expected [n] or [1,n]"));
  }
  int64_t count = -1;
  if (const Tensor* value = c.value(0))
    count =
        std::max<int64_t>(1, static_cast<int64_t>(KeptTexts(value->strings(), c.attrs()).size()));
  c.SetOutput(0, DType::kString,
              !x.rank_known() ? Shape::Unknown()
              : x.rank() == 1 ? Shape({count})
                              : Shape({1, count}));
  return absl::OkStatus();
}

absl::Status InferStringSplit(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireText(c, 0));
  const Shape& x = c.shape(0);
  c.SetOutput(0, DType::kString, Shape::Unknown());
  c.SetOutput(1, DType::kInt64, x);
  if (!x.rank_known()) return absl::OkStatus();
  if (x.rank() + 1 > kMaxRank) return absl::InvalidArgumentError("the result has too many axes");
  int64_t most = -1;
  if (const Tensor* value = c.value(0)) {
    most = 0;
    const std::string delimiter = c.attrs().String("delimiter");
    for (const absl::string_view text : value->strings())
      most = std::max<int64_t>(
          most, static_cast<int64_t>(SplitText(text, delimiter, c.attrs().Int("maxsplit")).size()));
  }
  Dims dims = x.dims();
  dims.push_back(most);
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(DType::kString, dims).status());
  c.SetOutput(0, DType::kString, Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferRegexFullMatch(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireText(c, 0));
  MIRIN_RETURN_IF_ERROR(Regex::Create(c.attrs().String("pattern")).status());
  c.SetOutput(0, DType::kBool, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferTfIdf(InferContext& c) {
  const bool texts = c.dtype(0) == DType::kString;
  if (!texts && c.dtype(0) != DType::kInt32 && c.dtype(0) != DType::kInt64)
    return absl::InvalidArgumentError(
        absl::StrCat("the terms are ", Name(c.dtype(0)), ", expected string, int32 or int64"));
  if (texts != !c.attrs().Strings("pool_strings").empty())
    return absl::InvalidArgumentError(
        absl::StrCat("the terms are ", Name(c.dtype(0)), ", the pool is not"));
  int64_t columns = 0;
  MIRIN_RETURN_IF_ERROR(GramsOf(c.attrs(), &columns).status());
  const Shape& x = c.shape(0);
  if (x.rank_known() && x.rank() > 2)
    return absl::InvalidArgumentError(
        absl::StrCat("the terms have shape ", ToString(x), ", expected rank 1 or 2"));
  Shape y = !x.rank_known() ? Shape::Unknown()
            : x.rank() < 2  ? Shape({columns})
                            : Shape({x.dim(0), columns});
  if (y.concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(DType::kFloat32, y.dims()).status());
  c.SetOutput(0, DType::kFloat32, std::move(y));
  return absl::OkStatus();
}

}  // namespace

std::string ChangeCase(absl::string_view text, bool upper) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0, bytes = 0; at < text.size(); at += bytes) {
    const int32_t c = Decode(text.substr(at), &bytes);
    if (c < 0) {
      out.push_back(text[at]);
    } else if (c < 0x80) {
      const bool letter = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
      out.push_back(static_cast<char>(letter ? c ^ 0x20 : c));
    } else {
      Encode(upper ? OtherCase(c, kUpper) : OtherCase(c, kLower), &out);
    }
  }
  return out;
}

std::vector<absl::string_view> SplitText(absl::string_view text, absl::string_view delimiter,
                                         int64_t max_splits) {
  std::vector<absl::string_view> parts;
  if (!delimiter.empty()) {
    while (max_splits < 0 || static_cast<int64_t>(parts.size()) < max_splits) {
      const size_t at = text.find(delimiter);
      if (at == absl::string_view::npos) break;
      parts.push_back(text.substr(0, at));
      text.remove_prefix(at + delimiter.size());
    }
    parts.push_back(text);
    return parts;
  }
  size_t end = 0;
  if (FindSpace(text, &end) == 0) text.remove_prefix(end);
  text = WithoutSpaceAtEnd(text);
  if (text.empty()) return parts;
  while (max_splits < 0 || static_cast<int64_t>(parts.size()) < max_splits) {
    const size_t at = FindSpace(text, &end);
    if (at == absl::string_view::npos) break;
    parts.push_back(text.substr(0, at));
    text.remove_prefix(end);
  }
  parts.push_back(text);
  return parts;
}

std::vector<size_t> KeptTexts(absl::Span<const absl::string_view> texts,
                              const ir::Attributes& attrs) {
  const bool exact = attrs.Bool("is_case_sensitive");
  const auto key = [&](absl::string_view text) {
    return exact ? std::string(text) : ChangeCase(text, false);
  };
  std::set<std::string> stop_words;
  for (const std::string& word : attrs.Strings("stopwords")) stop_words.insert(key(word));
  std::vector<size_t> kept;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (stop_words.empty() || stop_words.count(key(texts[i])) == 0) kept.push_back(i);
  }
  return kept;
}

absl::StatusOr<std::vector<Gram>> GramsOf(const ir::Attributes& attrs, int64_t* columns) {
  const size_t pool =
      std::max(attrs.Ints("pool_int64s").size(), attrs.Strings("pool_strings").size());
  const std::vector<int64_t> counts = attrs.Ints("ngram_counts"),
                             indexes = attrs.Ints("ngram_indexes");
  const std::vector<double> weights = attrs.Floats("weights");
  const int64_t least = attrs.Int("min_gram_length"), most = attrs.Int("max_gram_length");
  const std::string mode = attrs.String("mode");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return absl::InvalidArgumentError(absl::StrCat("unknown mode '", mode, "'"));
  if (!attrs.Ints("pool_int64s").empty() && !attrs.Strings("pool_strings").empty())
    return absl::InvalidArgumentError("it has two pools");
  if (least < 1 || most < least || attrs.Int("max_skip_count") < 0)
    return absl::InvalidArgumentError("the lengths of the n-grams or the skips are out of range");
  if (static_cast<size_t>(most) > counts.size())
    return absl::InvalidArgumentError(
        absl::StrCat("n-grams of up to ", most, " terms, ngram_counts has ", counts.size()));
  if (indexes.empty()) return absl::InvalidArgumentError("ngram_indexes is empty");
  if (!weights.empty() && weights.size() != indexes.size())
    return absl::InvalidArgumentError(
        absl::StrCat(weights.size(), " weights for ", indexes.size(), " n-grams"));
  for (const int64_t column : indexes) {
    if (column < 0 || column >= (int64_t{1} << 31))
      return absl::InvalidArgumentError(absl::StrCat("ngram_indexes has ", column));
  }
  *columns = *std::max_element(indexes.begin(), indexes.end()) + 1;
  std::vector<Gram> grams;
  size_t id = 0;
  for (size_t k = 0; k < counts.size(); ++k) {
    const int64_t begin = counts[k],
                  end = k + 1 < counts.size() ? counts[k + 1] : static_cast<int64_t>(pool);
    if (begin < 0 || end < begin || end > static_cast<int64_t>(pool))
      return absl::InvalidArgumentError("ngram_counts does not rise within the pool");
    const size_t size = k + 1;
    if (static_cast<size_t>(end - begin) % size != 0)
      return absl::InvalidArgumentError(
          absl::StrCat("the pool of ", size, "-grams has ", end - begin, " terms"));
    for (size_t at = static_cast<size_t>(begin); at < static_cast<size_t>(end); at += size, ++id) {
      if (id >= indexes.size())
        return absl::InvalidArgumentError("the pool has more n-grams than ngram_indexes");
      if (static_cast<int64_t>(size) < least || static_cast<int64_t>(size) > most) continue;
      grams.push_back({at, size, indexes[id], weights.empty() ? 1 : weights[id]});
    }
  }
  return grams;
}

namespace schemas {

OpSchema StringConcat() {
  return OpSchema("StringConcat", "Texts joined in pairs; broadcasts. (internal)")
      .Input("x")
      .Input("y")
      .Output("z")
      .Infer(InferStringConcat);
}
OpSchema StringNormalizer() {
  return OpSchema("StringNormalizer",
                  "Texts without stop words, in upper or lower case; one empty text when none is "
                  "left. (internal)")
      .Input("x")
      .Attr("case_change_action", std::string("NONE"))
      .Attr("is_case_sensitive", false)
      .Attr("stopwords", std::vector<std::string>{})
      .Output("y")
      .Infer(InferStringNormalizer)
      .ShapeFromValue("x");
}
OpSchema StringSplit() {
  return OpSchema("StringSplit",
                  "Parts of texts along a new last axis, filled up with empty ones, and how many "
                  "there are. (internal)")
      .Input("x")
      .Attr("delimiter", std::string())
      .Attr("maxsplit", int64_t{-1})
      .Output("parts")
      .Output("counts")
      .Infer(InferStringSplit)
      .ShapeFromValue("x");
}
OpSchema RegexFullMatch() {
  return OpSchema("RegexFullMatch", "Whether whole texts match an RE2 pattern. (internal)")
      .Input("x")
      .RequiredAttr("pattern")
      .Output("y")
      .Infer(InferRegexFullMatch);
}
OpSchema TfIdfVectorizer() {
  return OpSchema("TfIdfVectorizer",
                  "How often n-grams of a pool occur in sequences of terms, weighted. (internal)")
      .Input("x")
      .RequiredAttr("max_gram_length")
      .RequiredAttr("max_skip_count")
      .RequiredAttr("min_gram_length")
      .RequiredAttr("mode")
      .RequiredAttr("ngram_counts")
      .RequiredAttr("ngram_indexes")
      .Attr("pool_int64s", std::vector<int64_t>{})
      .Attr("pool_strings", std::vector<std::string>{})
      .Attr("weights", std::vector<double>{})
      .Output("y")
      .Infer(InferTfIdf);
}

}  // namespace schemas
}  // namespace mirin::ops
