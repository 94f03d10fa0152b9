#include "core/converter/report.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "core/base/json.h"

namespace mirin::converter {
namespace {

constexpr absl::string_view kHint = "mirin/hint";

std::string Html(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

absl::string_view Name(Severity severity) {
  return severity == Severity::kError ? "error" : "note";
}

std::string Version(const Finding& f) {
  if (f.version == 0) return "";
  return absl::StrCat(f.domain.empty() ? "opset " : absl::StrCat(f.domain, " "), f.version);
}

}  // namespace

absl::Status Refuse(absl::string_view reason, absl::string_view hint) {
  absl::Status status = absl::UnimplementedError(reason);
  if (!hint.empty()) status.SetPayload(kHint, absl::Cord(hint));
  return status;
}

std::string HintOf(const absl::Status& status) {
  const auto hint = status.GetPayload(kHint);
  return hint.has_value() ? std::string(*hint) : std::string();
}

std::string ToString(const Finding& f) {
  std::string out;
  if (!f.op.empty()) absl::StrAppend(&out, f.op, " ");
  if (!f.node.empty()) absl::StrAppend(&out, "'", f.node, "' ");
  const std::string version = Version(f);
  if (!version.empty()) absl::StrAppend(&out, "(", version, ") ");
  if (!out.empty()) {
    out.pop_back();
    out += ": ";
  }
  absl::StrAppend(&out, f.reason);
  if (!f.hint.empty()) absl::StrAppend(&out, "; ", f.hint);
  return out;
}

void Report::AddModelError(const absl::Status& status) {
  Finding f;
  f.code = status.code();
  f.reason = std::string(status.message());
  f.hint = HintOf(status);
  Add(std::move(f));
}

void Report::AddNote(absl::string_view reason) {
  Finding f;
  f.severity = Severity::kNote;
  f.code = absl::StatusCode::kOk;
  f.reason = std::string(reason);
  Add(std::move(f));
}

int Report::errors() const {
  return static_cast<int>(std::count_if(findings_.begin(), findings_.end(), [](const Finding& f) {
    return f.severity == Severity::kError;
  }));
}

absl::Status Report::status() const {
  const int count = errors();
  for (const Finding& f : findings_) {
    if (f.severity != Severity::kError) continue;
    std::string text = converter::ToString(f);
    if (count > 1) absl::StrAppend(&text, " (and ", count - 1, " more)");
    return absl::Status(f.code, text);
  }
  return absl::OkStatus();
}

std::string Report::ToString(ReportForm form) const {
  switch (form) {
    case ReportForm::kText:
      return ToText();
    case ReportForm::kJson:
      return ToJson();
    case ReportForm::kHtml:
      return ToHtml();
  }
  return "";
}

std::string Report::ToText() const {
  std::string out;
  for (const Finding& f : findings_) {
    absl::StrAppend(&out, Name(f.severity), ": ",
                    converter::ToString(Finding{f.severity, f.node, f.op, f.domain, f.version,
                                                f.code, f.reason, ""}),
                    "\n");
    if (!f.hint.empty()) absl::StrAppend(&out, "  ", f.hint, "\n");
  }
  const int count = errors();
  absl::StrAppend(&out, model_, ": ", nodes_, " nodes, ", count, count == 1 ? " error" : " errors",
                  "\n");
  return out;
}

std::string Report::ToJson() const {
  std::string out = absl::StrCat(
      "{\n  \"model\": ", JsonString(model_),
      ",\n  \"output\": ", output_.empty() ? "null" : JsonString(output_),
      ",\n  \"nodes\": ", nodes_, ",\n  \"errors\": ", errors(), ",\n  \"findings\": [");
  for (size_t i = 0; i < findings_.size(); ++i) {
    const Finding& f = findings_[i];
    absl::StrAppend(
        &out, i == 0 ? "\n" : ",\n", "    {\"severity\": ", JsonString(Name(f.severity)),
        ", \"node\": ", JsonString(f.node), ", \"op\": ", JsonString(f.op),
        ", \"domain\": ", JsonString(f.domain), ", \"version\": ", f.version,
        ", \"code\": ", JsonString(absl::StatusCodeToString(f.code)),
        ", \"reason\": ", JsonString(f.reason), ", \"hint\": ", JsonString(f.hint), "}");
  }
  absl::StrAppend(&out, findings_.empty() ? "]" : "\n  ]", "\n}\n");
  return out;
}

std::string Report::ToHtml() const {
  std::string out = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Mirin: ",
      Html(model_),
      "</"
      "title>\n<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}td,th{"
      "border:1px solid #bbb;padding:.3em "
      ".6em;text-align:left;vertical-align:top}tr.error "
      "td:first-child{color:#b00}</style></head><body>\n<h1>",
      Html(model_), "</h1>\n<p>", nodes_, " nodes, ", errors(), " errors</p>\n");
  if (!findings_.empty())
    absl::StrAppend(&out,
                    "<table><tr><th></th><th>node</th><th>operator</th><th>reason</th><th>what to "
                    "do</th></tr>\n");
  for (const Finding& f : findings_) {
    absl::StrAppend(&out, "<tr class=\"", Name(f.severity), "\"><td>", Name(f.severity),
                    "</td><td>", Html(f.node), "</td><td>", Html(f.op), " ", Html(Version(f)),
                    "</td><td>", Html(f.reason), "</td><td>", Html(f.hint), "</td></tr>\n");
  }
  if (!findings_.empty()) out += "</table>\n";
  return out + "</body></html>\n";
}

}  // namespace mirin::converter
