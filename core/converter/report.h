// What a conversion or a check found: every node that cannot run, in one pass, for people and for programs.
#ifndef CORE_CONVERTER_REPORT_H_
#define CORE_CONVERTER_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/converter/progress.h"

namespace mirin::converter {

enum class ReportForm { kText, kJson, kHtml };

enum class Severity { kError, kNote };

// One thing about one node (or about the whole model, then `node` is empty).
struct Finding {
  Severity severity = Severity::kError;
  std::string node;     // its name in the source, or "<op> #<position>" where it has none
  std::string op;       // "Conv"
  std::string domain;   // "" is the framework's own
  int64_t version = 0;  // of the domain; 0: does not apply
  absl::StatusCode code = absl::StatusCode::kUnimplemented;
  std::string reason;  // what fails: the operator, dtype, shape or attribute
  std::string hint;    // the nearest supported form and what to do; may be empty
};

// "Conv 'stem/conv' (opset 13): ...; hint".
std::string ToString(const Finding& finding);

class Report {
 public:
  void Add(Finding finding) { findings_.push_back(std::move(finding)); }
  // A finding about the whole model.
  void AddModelError(const absl::Status& status);
  void AddNote(absl::string_view reason);
  const std::vector<Finding>& findings() const { return findings_; }
  int errors() const;
  // Nodes looked at, those of sub-graphs and functions included.
  void CountNode() {
    ++nodes_;
    Step();
  }
  int64_t nodes() const { return nodes_; }
  // Where stages and counted nodes are shown as they come; may be null, must outlive the report's use.
  void set_progress(Progress* progress) { progress_ = progress; }
  void Begin(const char* stage, int64_t total = 0) {
    if (progress_ != nullptr) progress_->Begin(stage, total);
  }
  void Step() {
    if (progress_ != nullptr) progress_->Step();
  }
  void set_model(absl::string_view path) { model_ = std::string(path); }
  void set_output(absl::string_view path) { output_ = std::string(path); }

  // Ok, or the first error with the number of further ones.
  absl::Status status() const;
  std::string ToText() const;
  std::string ToJson() const;
  std::string ToHtml() const;
  std::string ToString(ReportForm form) const;

 private:
  Progress* progress_ = nullptr;
  std::string model_;
  std::string output_;
  std::vector<Finding> findings_;
  int64_t nodes_ = 0;
};

// Unimplemented with a hint that Finding keeps apart from the reason.
absl::Status Refuse(absl::string_view reason, absl::string_view hint = "");
// The hint of a status from Refuse, else "".
std::string HintOf(const absl::Status& status);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_REPORT_H_
