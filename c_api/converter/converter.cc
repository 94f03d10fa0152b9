#include "mirin/converter.h"

#include <map>
#include <string>
#include <utility>

#include "c_api/src/guard.h"
#include "core/converter/convert.h"
#include "core/converter/options.h"

struct mirin_converter {
  mirin::converter::Options options;
  mirin::converter::Progress progress;
  mirin::converter::Report report;
  std::string report_text;  // lent to the caller
  std::string output_file;
  std::string model;
  bool ran = false;
};

namespace {

// Starts anew and resolves the options; what is wrong with them is in the report, too.
absl::StatusOr<mirin::converter::ConvertOptions> Start(mirin_converter* converter) {
  converter->report = mirin::converter::Report();
  converter->report.set_progress(&converter->progress);
  converter->output_file.clear();
  converter->model.clear();
  converter->ran = true;
  auto options = converter->options.Resolve();
  if (!options.ok()) converter->report.AddModelError(options.status());
  return options;
}

// The message of a refusal ends in what to do instead.
mirin_status* ToC(const absl::Status& status) {
  const std::string hint = mirin::converter::HintOf(status);
  if (hint.empty()) return mirin::c_api::ToC(status);
  return mirin::c_api::ToC(absl::Status(status.code(), absl::StrCat(status.message(), "; ", hint)));
}

// However a run ends, nothing is in progress after it.
struct InProgress {
  explicit InProgress(mirin::converter::Progress* of) : progress(of) {}
  InProgress(const InProgress&) = delete;
  InProgress& operator=(const InProgress&) = delete;
  ~InProgress() { progress->End(); }
  mirin::converter::Progress* progress;
};

}  // namespace

mirin_status* mirin_converter_create(mirin_converter** out_converter) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(out_converter);
  *out_converter = new mirin_converter();
  return nullptr;
  MIRIN_C_END
}

void mirin_converter_destroy(mirin_converter* converter) { delete converter; }

mirin_status* mirin_converter_set(mirin_converter* converter, const char* name, const char* value) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(converter);
  MIRIN_C_REQUIRE(name);
  MIRIN_C_REQUIRE(value);
  return ToC(converter->options.Set(name, value));
  MIRIN_C_END
}

mirin_status* mirin_converter_run(mirin_converter* converter) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(converter);
  const InProgress in_progress(&converter->progress);
  const auto options = Start(converter);
  if (!options.ok()) return ToC(options.status());
  auto conversion = mirin::converter::Convert(*options, &converter->report);
  if (!conversion.ok()) return ToC(conversion.status());
  converter->output_file = std::move(conversion->output_file);
  converter->model = std::move(conversion->bytes);
  return nullptr;
  MIRIN_C_END
}

mirin_status* mirin_converter_check(mirin_converter* converter) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(converter);
  const InProgress in_progress(&converter->progress);
  const auto options = Start(converter);
  if (!options.ok()) return ToC(options.status());
  return ToC(mirin::converter::Check(*options, &converter->report));
  MIRIN_C_END
}

const char* mirin_converter_report(mirin_converter* converter, mirin_report_format format) {
  if (converter == nullptr) return nullptr;
  if (!converter->ran) return "";
  try {
    switch (format) {
      case MIRIN_REPORT_JSON:
        converter->report_text = converter->report.ToJson();
        break;
      case MIRIN_REPORT_HTML:
        converter->report_text = converter->report.ToHtml();
        break;
      case MIRIN_REPORT_TEXT:
        converter->report_text = converter->report.ToText();
        break;
      default:
        return "";
    }
    return converter->report_text.c_str();
  } catch (...) {  // no memory for the text
    return "";
  }
}

const char* mirin_converter_output_file(const mirin_converter* converter) {
  return converter == nullptr ? nullptr : converter->output_file.c_str();
}

const void* mirin_converter_model(const mirin_converter* converter, size_t* out_size) {
  const bool have = converter != nullptr && !converter->model.empty();
  if (out_size != nullptr) *out_size = have ? converter->model.size() : 0;
  return have ? converter->model.data() : nullptr;
}

const char* mirin_converter_progress(const mirin_converter* converter, int64_t* out_done,
                                     int64_t* out_total) {
  if (converter == nullptr) return nullptr;
  if (out_done != nullptr) *out_done = converter->progress.done();
  if (out_total != nullptr) *out_total = converter->progress.total();
  return converter->progress.stage();
}

const char* mirin_converter_options(void) {
  try {
    static const auto* const kText = new std::string(mirin::converter::OptionsHelp());
    return kText->c_str();
  } catch (...) {  // no memory for the text
    return "";
  }
}
