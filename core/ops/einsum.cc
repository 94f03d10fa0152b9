#include "core/ops/einsum.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

constexpr absl::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// "ab...c" as letters and where the ellipsis stands (-1: none).
struct Term {
  std::string letters;
  int ellipsis = -1;
};

absl::StatusOr<Term> ParseTerm(absl::string_view text) {
  Term term;
  for (size_t i = 0; i < text.size(); ++i) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(text[i]))) {
      term.letters += text[i];
    } else if (text.substr(i, 3) == "..." && term.ellipsis < 0) {
      term.ellipsis = static_cast<int>(term.letters.size());
      i += 2;
    } else {
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no term of an equation"));
    }
  }
  if (term.letters.size() > kMaxRank)
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' has too many axes"));
  return term;
}

// The labels of one term whose ellipsis stands for the last `covered` of `most` axes, whose labels are 0 .. most - 1.
std::vector<int> LabelsOf(const Term& term, int covered, int most,
                          const std::map<char, int>& label_of) {
  std::vector<int> labels;
  for (size_t i = 0; i <= term.letters.size(); ++i) {
    for (int k = 0; static_cast<int>(i) == term.ellipsis && k < covered; ++k)
      labels.push_back(most - covered + k);
    if (i < term.letters.size()) labels.push_back(label_of.at(term.letters[i]));
  }
  return labels;
}

// Without "->": the letters that occur once.
std::string ImplicitResult(absl::Span<const Term> terms) {
  std::map<char, int> count;
  for (const Term& t : terms) {
    for (const char letter : t.letters) ++count[letter];
  }
  std::string once;
  for (const auto& [letter, n] : count) {
    if (n == 1) once += letter;
  }
  return once;
}

absl::Status InferEinsum(InferContext& c) {
  if (c.num_inputs() == 0) return absl::InvalidArgumentError("needs one operand or more");
  std::vector<int> ranks;
  std::vector<Shape> shapes;
  for (int i = 0; i < c.num_inputs(); ++i) {
    MIRIN_RETURN_IF_ERROR(c.RequireNumber(i));
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
    if (!c.shape(i).rank_known()) {
      c.SetOutput(0, c.dtype(0), Shape::Unknown());
      return absl::OkStatus();
    }
    ranks.push_back(c.shape(i).rank());
    shapes.push_back(c.shape(i));
  }
  MIRIN_ASSIGN_OR_RETURN(const EinsumPlan plan, PlanEinsum(c.attrs().String("equation"), ranks));
  MIRIN_ASSIGN_OR_RETURN(const Dims sizes, EinsumSizes(plan, shapes));
  Dims dims;
  for (const int label : plan.output) dims.push_back(sizes[static_cast<size_t>(label)]);
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EinsumPlan> PlanEinsum(absl::string_view equation, absl::Span<const int> ranks) {
  std::string text(equation);
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const std::vector<std::string> sides = absl::StrSplit(text, "->");
  if (sides.size() > 2)
    return absl::InvalidArgumentError(absl::StrCat("'", equation, "' is no equation"));
  std::vector<Term> terms;
  for (const absl::string_view part : absl::StrSplit(sides[0], ',')) {
    MIRIN_ASSIGN_OR_RETURN(Term term, ParseTerm(part));
    terms.push_back(std::move(term));
  }
  if (terms.size() != ranks.size())
    return absl::InvalidArgumentError(absl::StrCat("'", equation, "' has ", terms.size(),
                                                   " terms for ", ranks.size(), " operands"));
  std::vector<int> covered(terms.size(), 0);  // axes behind the ellipsis
  int most = 0;
  std::map<char, int> label_of;
  for (size_t i = 0; i < terms.size(); ++i) {
    const int letters = static_cast<int>(terms[i].letters.size());
    for (const char letter : terms[i].letters) label_of[letter] = 0;
    if (terms[i].ellipsis >= 0) covered[i] = ranks[i] - letters;
    if (covered[i] < 0 || (terms[i].ellipsis < 0 && ranks[i] >= 0 && ranks[i] != letters)) {
      return absl::InvalidArgumentError(absl::StrCat("operand ", i, " has rank ", ranks[i],
                                                     ", which does not fit '", equation, "'"));
    }
    most = std::max(most, covered[i]);
  }
  EinsumPlan plan;
  plan.labels = most;
  for (auto& [letter, label] : label_of) label = plan.labels++;
  if (plan.labels > static_cast<int>(kLetters.size()))
    return absl::InvalidArgumentError(absl::StrCat("'", equation, "' has too many axes"));
  for (size_t i = 0; i < terms.size(); ++i)
    plan.terms.push_back(LabelsOf(terms[i], covered[i], most, label_of));
  Term result;
  if (sides.size() == 2) {
    MIRIN_ASSIGN_OR_RETURN(result, ParseTerm(sides[1]));
  } else {
    result.letters = ImplicitResult(terms);
    result.ellipsis = 0;
  }
  std::string sorted = result.letters;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (label_of.count(sorted[i]) == 0 || (i > 0 && sorted[i] == sorted[i - 1])) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", sorted.substr(i, 1),
                       "' of the result is in no operand, or repeats, in '", equation, "'"));
    }
  }
  plan.output = LabelsOf(result, most, most, label_of);
  if (plan.output.size() > kMaxRank)
    return absl::InvalidArgumentError("the result has too many axes");
  return plan;
}

std::string EquationOf(const EinsumPlan& plan) {
  std::string text;
  const auto append = [&](const std::vector<int>& labels) {
    for (const int label : labels) text += kLetters[static_cast<size_t>(label)];
  };
  for (size_t i = 0; i < plan.terms.size(); ++i) {
    if (i > 0) text += ',';
    append(plan.terms[i]);
  }
  text += "->";
  append(plan.output);
  return text;
}

absl::StatusOr<Dims> EinsumSizes(const EinsumPlan& plan, absl::Span<const Shape> shapes) {
  Dims sizes(static_cast<size_t>(plan.labels), 1);
  for (size_t i = 0; i < plan.terms.size(); ++i) {
    for (size_t axis = 0; axis < plan.terms[i].size(); ++axis) {
      int64_t& size = sizes[static_cast<size_t>(plan.terms[i][axis])];
      const int64_t dim = shapes[i].rank_known() ? shapes[i].dim(static_cast<int>(axis)) : -1;
      if (dim > 1 || dim == 0) {
        if (size >= 0 && size != 1 && size != dim)
          return absl::InvalidArgumentError(
              absl::StrCat("axes of ", size, " and ", dim, " elements have one name"));
        size = dim;
      } else if (dim < 0 && size == 1) {
        size = -1;
      }
    }
  }
  return sizes;
}

namespace schemas {

OpSchema Einsum() {
  return OpSchema(
             "Einsum",
             "Products of the operands' elements, summed over the axes that the result has not.")
      .VariadicInput("x")
      .RequiredAttr("equation")
      .Output("y")
      .Infer(InferEinsum);
}

}  // namespace schemas
}  // namespace mirin::ops
