#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/tools/commands.h"
#include "core/tools/conversion.h"
#include "core/tools/flags.h"

namespace mirin::tools {
namespace {

enum { kRuns = 0, kDoesNotRun = 1, kUsage = 2 };

constexpr Flag kFlags[] = {
    {"fmk", "ONNX|MINDIR|TF|TFLITE|CAFFE|PYTORCH", "",
     "framework of the model; by its suffix when left out"},
    {"inputShape", "NAME:D,D..;NAME:..", "", "shapes of inputs; -1 leaves a dim open"},
    {"infer", "true|false", "false", "runs the model once on zeros"},
    {"decryptKey", "HEX", "", "key of an encrypted MindIR"},
    {"decryptMode", "AES-GCM|AES-CBC|SM4-CBC", "", "its cipher (AES-GCM)"},
    {"report", "text|json|html", "", "form of the report (text)"},
    {"reportFile", "PATH", "", "where it goes; stdout when left out"},
    {"help", "true|false", "false", "this text"},
};

std::string Usage() {
  return absl::StrCat(
      "usage: mirin check MODEL [flags]\n"
      "Lists every node of an .onnx or .mindir model that cannot run here, why, and what to do.\n"
      "Exit status: 0 it runs, 1 it does not, 2 wrong usage or no such file.\n\n",
      HelpText(kFlags));
}

int Wrong(absl::string_view what) {
  std::fprintf(stderr, "mirin check: %s\n", std::string(what).c_str());
  return kUsage;
}

}  // namespace

int Check(const std::vector<std::string>& args) {
  absl::StatusOr<Flags> flags = Flags::Parse(kFlags, args);
  if (!flags.ok()) return Wrong(flags.status().message());
  if (flags->Bool("help")) {
    std::fputs(Usage().c_str(), stdout);
    return kRuns;
  }
  if (flags->operands().size() != 1) {
    std::fputs(Usage().c_str(), stderr);
    return kUsage;
  }
  const std::string model = flags->operands()[0];
  const std::string fmk = flags->Has("fmk") ? flags->Get("fmk") : FrameworkOf(model);
  if (fmk.empty())
    return Wrong(absl::StrCat("'", model, "' ends neither in .onnx nor in .mindir: give --fmk"));
  if (access(model.c_str(), R_OK) != 0)
    return Wrong(absl::StrCat("'", model, "': ", std::strerror(errno)));
  std::map<std::string, std::string> options = {{"fmk", fmk}, {"modelFile", model}};
  for (const char* name :
       {"inputShape", "infer", "decryptKey", "decryptMode", "report", "reportFile"})
    options[name] = flags->Get(name);
  absl::StatusOr<ConverterPtr> converter = NewConverter(options);
  if (!converter.ok()) return Wrong(converter.status().message());
  const absl::Status status = Watched(converter->get(), model, mirin_converter_check);
  if (!flags->Has("reportFile"))
    std::fputs(ReportOf(converter->get(), flags->Get("report")).c_str(), stdout);
  if (status.ok()) return kRuns;
  const bool key =
      fmk == "MINDIR" && (absl::IsFailedPrecondition(status) || absl::IsPermissionDenied(status));
  return key ? Wrong(status.message()) : kDoesNotRun;
}

}  // namespace mirin::tools
