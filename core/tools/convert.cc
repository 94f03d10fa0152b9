#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/tools/commands.h"
#include "core/tools/conversion.h"
#include "core/tools/handles.h"
#include "core/tools/progress_line.h"

namespace mirin::tools {
namespace {

std::string Usage() {
  return absl::StrCat(
      "usage: converter_lite --fmk=ONNX --modelFile=net.onnx --outputFile=net\n"
      "Makes a MindIR of another framework's model, or another MindIR of one.\n\n",
      mirin_converter_options(),
      "\nThe last line is CONVERT RESULT SUCCESS:0 and the status 0, or the reason and the number "
      "of its mirin_code.\n");
}

int Failed(const absl::Status& status) {
  std::fprintf(stderr, "CONVERT RESULT FAILED:%d\nConvert failed. Ret: %s\n",
               static_cast<int>(status.code()), std::string(status.message()).c_str());
  return static_cast<int>(status.code());
}

}  // namespace

int Convert(const std::vector<std::string>& args) {
  if (args.empty()) {
    std::fputs(Usage().c_str(), stderr);
    return MIRIN_INVALID_ARGUMENT;
  }
  std::map<std::string, std::string> options;
  for (const std::string& arg : args) {
    if (arg == "--help" || arg == "-h") {
      std::fputs(Usage().c_str(), stdout);
      return 0;
    }
    absl::string_view name = arg;
    const size_t equals = arg.find('=');
    if (!absl::ConsumePrefix(&name, "--") || equals == std::string::npos) {
      const bool key = absl::StrContains(absl::AsciiStrToLower(arg), "key");
      return Failed(absl::InvalidArgumentError(
          absl::StrCat("INPUT ILLEGAL: ", key ? "an argument" : absl::StrCat("'", arg, "'"),
                       " is not --name=value")));
    }
    name = name.substr(0, equals - 2);
    if (!options.emplace(name, arg.substr(equals + 1)).second)
      return Failed(
          absl::InvalidArgumentError(absl::StrCat("INPUT ILLEGAL: --", name, " is given twice")));
  }
  absl::StatusOr<ConverterPtr> converter = NewConverter(options);
  if (!converter.ok())
    return Failed(absl::Status(converter.status().code(),
                               absl::StrCat("INPUT ILLEGAL: ", converter.status().message())));
  if (options["outputFile"].empty())
    return Failed(absl::InvalidArgumentError("INPUT ILLEGAL: outputFile is not set"));
  const absl::Status status = Watched(converter->get(), options["modelFile"], mirin_converter_run);
  const bool print = !options["report"].empty() && options["reportFile"].empty();
  if (print) {
    std::fputs(ReportOf(converter->get(), options["report"]).c_str(), stdout);
  } else {
    std::fputs(ReportOf(converter->get(), "text").c_str(), stderr);
  }
  if (!status.ok()) return Failed(status);
  std::fprintf(print ? stderr : stdout, "CONVERT RESULT SUCCESS:0\n");
  return 0;
}

}  // namespace mirin::tools
