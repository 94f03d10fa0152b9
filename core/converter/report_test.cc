#include "core/converter/report.h"

#include "core/base/status.h"
#include "gtest/gtest.h"

namespace mirin::converter {
namespace {

Report Sample() {
  Report report;
  report.set_model("net.onnx");
  for (int i = 0; i < 3; ++i) report.CountNode();
  report.AddNote("a \"note\"");
  Finding f;
  f.node = "stem/conv <1>";
  f.op = "Conv";
  f.version = 13;
  f.reason = "kernels of rank 4 & more";
  f.hint = "split\nit";
  report.Add(f);
  return report;
}

TEST(Report, Text) {
  EXPECT_EQ(Sample().ToText(),
            "note: a \"note\"\nerror: Conv 'stem/conv <1>' (opset 13): kernels of rank 4 & more\n  "
            "split\nit\nnet.onnx: 3 nodes, 1 error\n");
}

TEST(Report, Json) {
  EXPECT_EQ(Sample().ToJson(), R"({
  "model": "net.onnx",
  "output": null,
  "nodes": 3,
  "errors": 1,
  "findings": [
    {"severity": "note", "node": "", "op": "", "domain": "", "version": 0, "code": "OK", "reason": "a \"note\"", "hint": ""},
    {"severity": "error", "node": "stem/conv <1>", "op": "Conv", "domain": "", "version": 13, "code": "UNIMPLEMENTED", "reason": "kernels of rank 4 & more", "hint": "split\u000ait"}
  ]
}
)");
  EXPECT_NE(Report().ToJson().find("\"findings\": []"), std::string::npos);
}

TEST(Report, HtmlEscapes) {
  const std::string html = Sample().ToHtml();
  EXPECT_NE(html.find("<td>stem/conv &lt;1&gt;</td>"), std::string::npos) << html;
  EXPECT_NE(html.find("rank 4 &amp; more"), std::string::npos);
  EXPECT_EQ(html.find("<1>"), std::string::npos);
  EXPECT_EQ(html, Sample().ToString(ReportForm::kHtml));
}

TEST(Report, StatusIsTheFirstErrorAndTheNumberOfOthers) {
  Report report = Sample();
  EXPECT_EQ(report.status().message(),
            "Conv 'stem/conv <1>' (opset 13): kernels of rank 4 & more; split\nit");
  report.AddModelError(absl::DataLossError("second"));
  EXPECT_EQ(report.errors(), 2);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(report.status().message().find("(and 1 more)"), absl::string_view::npos);
  EXPECT_TRUE(Report().status().ok());
}

TEST(Report, HintsSurviveAnnotation) {
  const absl::Status status = Annotate(Refuse("reason", "hint"), "where");
  EXPECT_EQ(status.message(), "where: reason");
  EXPECT_EQ(HintOf(status), "hint");
  EXPECT_EQ(HintOf(absl::InternalError("x")), "");
}

TEST(Report, CountsIntoProgress) {
  Progress progress;
  Report report;
  report.set_progress(&progress);
  report.Begin("importing nodes", 5);
  report.CountNode();
  report.CountNode();
  EXPECT_STREQ(progress.stage(), "importing nodes");
  EXPECT_EQ(progress.done(), 2);
  EXPECT_EQ(progress.total(), 5);
  progress.End();
  EXPECT_STREQ(progress.stage(), "");
  EXPECT_EQ(progress.done(), 0);
}

}  // namespace
}  // namespace mirin::converter
