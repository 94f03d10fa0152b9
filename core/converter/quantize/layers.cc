#include "core/converter/quantize/layers.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace mirin::converter {
namespace {

constexpr size_t kWorst = 3;
// An error of the weights above this is worth a word: 8 bits stay below 0.01.
constexpr double kWorthTelling = 0.02;

}  // namespace

int Layers::quantised() const {
  return static_cast<int>(
      std::count_if(layers_.begin(), layers_.end(), [](const Layer& l) { return l.bits > 0; }));
}

void Layers::AddNotes(Report* report) const {
  double before = 0, after = 0;
  std::vector<const Layer*> worst;
  std::map<std::string, int> reasons;
  for (const Layer& l : layers_) {
    if (l.bits == 0) {
      ++reasons[l.reason];
      continue;
    }
    before += static_cast<double>(l.elements) * 4;
    after += static_cast<double>(l.elements) * (l.bits > 8 ? 2 : 1);
    if (l.error > kWorthTelling) worst.push_back(&l);
  }
  report->AddNote(
      absl::StrFormat("quantised the weights of %d of %d layers: %.3f MB became %.3f MB",
                      quantised(), layers_.size(), before / 1e6, after / 1e6));
  for (const auto& [reason, count] : reasons)
    report->AddNote(absl::StrCat(count, count == 1 ? " layer was" : " layers were",
                                 " left as floating point: ", reason));
  std::sort(worst.begin(), worst.end(),
            [](const Layer* a, const Layer* b) { return a->error > b->error; });
  if (worst.size() > kWorst) worst.resize(kWorst);
  if (worst.empty()) return;
  report->AddNote(absl::StrCat("largest relative errors of weights: ",
                               absl::StrJoin(worst, ", ", [](std::string* out, const Layer* l) {
                                 absl::StrAppendFormat(out, "%s '%s' %.3f", l->op, l->node,
                                                       l->error);
                               })));
}

std::string Layers::ToCsv() const {
  std::string out = "node,op,elements,bits,relative_error,left_because\n";
  for (const Layer& l : layers_) {
    absl::StrAppendFormat(&out, "\"%s\",%s,%d,%d,%.6g,\"%s\"\n",
                          absl::StrReplaceAll(l.node, {{"\"", "\"\""}}), l.op, l.elements, l.bits,
                          l.error, l.reason);
  }
  return out;
}

}  // namespace mirin::converter
