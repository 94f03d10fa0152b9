#include "core/converter/options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/nearest.h"
#include "core/base/secret.h"
#include "core/base/status.h"

namespace mirin::converter {
namespace {

constexpr absl::string_view kDataTypes = "DEFAULT|FLOAT|FLOAT32|FLOAT16|INT8|UINT8|INT32|INT64";

constexpr OptionInfo kOptions[] = {
    {"fmk", "ONNX|MINDIR|TF|TFLITE|CAFFE|PYTORCH", "", "framework of the model; required"},
    {"modelFile", "PATH", "", "the model; required"},
    {"outputFile", "PATH", "",
     "where the result goes, without its suffix .mindir; required by the program"},
    {"weightFile", "PATH", "", "weights beside the model, CAFFE only"},
    {"configFile", "PATH", "", "settings in sections, see docs/converter.md"},
    {"inputShape", "NAME:D,D..;NAME:..", "",
     "shapes of inputs, as the source model lays them out; -1 leaves a dim open"},
    {"saveType", "MINDIR|MINDIR_LITE", "MINDIR", "form of the result"},
    {"optimize", "none|general|gpu_oriented|ascend_oriented", "general",
     "none: the graph as it was; general: constants folded, scales put into weights"},
    {"device", "Ascend|Ascend310|Ascend310P|GPU", "", "a device that the result is made for"},
    {"inputDataFormat", "NHWC|NCHW", "", "NHWC: inputs of 4 axes become channels-last"},
    {"outputDataFormat", "NHWC|NCHW", "", "NHWC: outputs of 4 axes become channels-last"},
    {"inputDataType", kDataTypes, "DEFAULT", "data type that every input gets"},
    {"outputDataType", kDataTypes, "DEFAULT", "data type that every output gets"},
    {"fp16", "on|off", "off", "on: weights are stored as float16; arithmetic stays float32"},
    {"decryptKey", "HEX", "", "key of an encrypted MINDIR model"},
    {"decryptMode", "AES-GCM|AES-CBC|SM4-CBC", "AES-GCM", "cipher of that model"},
    {"encryption", "true|false", "",
     "whether the output is encrypted; as encryptKey says when left out"},
    {"encryptKey", "HEX", "", "key for the output, 16, 24 or 32 bytes in hex digits"},
    {"encryptMode", "AES-GCM|AES-CBC|SM4-CBC", "AES-GCM", "cipher of the output"},
    {"infer", "true|false", "false", "runs the result once before it is written"},
    {"optimizeTransformer", "true|false", "false", "fusions for transformers on GPUs"},
    {"trainModel", "true|false", "false", "a model for training"},
    {"report", "text|json|html", "",
     "form of the report; by the suffix of reportFile when left out"},
    {"reportFile", "PATH", "", "where the report goes, also when the conversion fails"},
    {"intermediateOutputs", "true|false", "false",
     "every result that the source names becomes an output, for comparing models"},
};

// What the original converter takes and this one does not: a value ("" for any), why, and what to do.
constexpr struct {
  absl::string_view option, value, reason, hint;
} kRefused[] = {
    {"saveType", "MINDIR_LITE", "the form MINDIR_LITE (.ms) is not written",
     "leave saveType out: MINDIR serves the same devices"},
    {"optimize", "ascend_oriented", "models made for one Ascend chip are not written",
     "use general: devices are chosen when the model is loaded"},
    {"optimize", "gpu_oriented", "models made for GPUs only are not written",
     "use general: devices are chosen when the model is loaded"},
    {"device", "", "models made for one device are not written",
     "leave device out: devices are chosen when the model is loaded"},
    {"optimizeTransformer", "true", "transformers are not fused at conversion",
     "leave it out: attention is fused when the model is loaded"},
    {"trainModel", "true", "training is not supported", "export the model for inference"},
};

const OptionInfo* Find(absl::string_view name) {
  const auto* it = std::find_if(std::begin(kOptions), std::end(kOptions),
                                [&](const OptionInfo& o) { return o.name == name; });
  return it == std::end(kOptions) ? nullptr : it;
}

bool IsChoice(const OptionInfo& option) { return absl::StrContains(option.values, '|'); }

absl::Status CheckRefused(absl::string_view name, absl::string_view value) {
  for (const auto& r : kRefused) {
    if (r.option == name && (r.value.empty() || r.value == value))
      return Refuse(absl::StrCat(name, "=", value, ": ", r.reason), r.hint);
  }
  return absl::OkStatus();
}

DType ParseDataType(absl::string_view text) {
  if (text == "FLOAT" || text == "FLOAT32") return DType::kFloat32;
  if (text == "FLOAT16") return DType::kFloat16;
  if (text == "INT8") return DType::kInt8;
  if (text == "UINT8") return DType::kUInt8;
  if (text == "INT32") return DType::kInt32;
  if (text == "INT64") return DType::kInt64;
  return DType::kUnknown;
}

Layout ParseLayout(absl::string_view text) {
  return text == "NHWC" ? Layout::kNhwc : text == "NCHW" ? Layout::kNchw : Layout::kAsIs;
}

absl::StatusOr<mindir::CipherMode> ParseCipher(absl::string_view text) {
  if (text == "AES-GCM") return mindir::CipherMode::kAesGcm;
  if (text == "AES-CBC") return mindir::CipherMode::kAesCbc;
  if (text == "SM4-CBC") return mindir::CipherMode::kSm4Cbc;
  return absl::InvalidArgumentError(absl::StrCat("there is no cipher '", text, "'"));
}

}  // namespace

absl::Span<const OptionInfo> AllOptions() { return kOptions; }

std::string OptionsHelp() {
  std::string out;
  for (const OptionInfo& o : kOptions) {
    absl::StrAppend(&out, "  --", o.name, "=", o.values, "\n      ", o.help,
                    o.fallback.empty() ? "" : absl::StrCat(" (", o.fallback, ")"), "\n");
  }
  return out;
}

Options::~Options() {
  for (auto& [name, value] : values_) {
    if (absl::EndsWith(name, "Key")) Wipe(&value);
  }
}

absl::Status Options::Set(absl::string_view name, absl::string_view value) {
  const OptionInfo* option = Find(name);
  if (option == nullptr) {
    std::vector<std::string> known;
    for (const OptionInfo& o : kOptions) known.emplace_back(o.name);
    const std::string nearest = DidYouMean(name, known);
    return absl::InvalidArgumentError(
        absl::StrCat("there is no option '", name, "'",
                     nearest.empty() ? "; options: " + absl::StrJoin(known, ", ") : nearest));
  }
  const auto old = values_.find(name);
  if (value.empty()) {
    if (old == values_.end()) return absl::OkStatus();
    Wipe(&old->second);
    values_.erase(old);
    return absl::OkStatus();
  }
  if (IsChoice(*option)) {
    const std::vector<absl::string_view> choices = absl::StrSplit(option->values, '|');
    // "ascend_oriented:Ascend310P3"
    const absl::string_view choice = name == "optimize" ? value.substr(0, value.find(':')) : value;
    MIRIN_RETURN_IF_ERROR(CheckRefused(name, choice));
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " must be ", option->values, ", got '", value, "'"));
    }
  }
  if (name == "inputShape") MIRIN_RETURN_IF_ERROR(ParseShapes(value).status());
  if (absl::EndsWith(name, "Key"))
    MIRIN_RETURN_IF_ERROR(Annotate(ParseHexKey(value).status(), name));
  if (old != values_.end()) Wipe(&old->second);
  values_[std::string(name)] = std::string(value);
  return absl::OkStatus();
}

std::string Options::Get(absl::string_view name) const {
  const auto it = values_.find(name);
  if (it != values_.end()) return it->second;
  const OptionInfo* option = Find(name);
  return option == nullptr ? "" : std::string(option->fallback);
}

absl::StatusOr<ConvertOptions> Options::Resolve() const {
  ConvertOptions o;
  const std::string fmk = Get("fmk");
  if (fmk.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("fmk is not set: it must be ", Find("fmk")->values));
  if (fmk == "MINDIR") o.framework = Framework::kMindIr;
  if (fmk == "TF") o.framework = Framework::kTensorFlow;
  if (fmk == "TFLITE") o.framework = Framework::kTfLite;
  if (fmk == "CAFFE") o.framework = Framework::kCaffe;
  if (fmk == "PYTORCH") o.framework = Framework::kPyTorch;
  o.model_file = Get("modelFile");
  if (o.model_file.empty()) return absl::InvalidArgumentError("modelFile is not set");
  if (!Get("weightFile").empty() && o.framework != Framework::kCaffe)
    return absl::InvalidArgumentError("weightFile is for CAFFE models");
  o.output_file = Get("outputFile");
  MIRIN_ASSIGN_OR_RETURN(o.input_shapes, ParseShapes(Get("inputShape")));
  if (Get("optimize") == "none") o.optimization = Optimization::kNone;
  o.signature.input_layout = ParseLayout(Get("inputDataFormat"));
  o.signature.output_layout = ParseLayout(Get("outputDataFormat"));
  o.signature.input_dtype = ParseDataType(Get("inputDataType"));
  o.signature.output_dtype = ParseDataType(Get("outputDataType"));
  o.half_weights = Get("fp16") == "on";
  o.infer = Get("infer") == "true";
  o.intermediate_outputs = Get("intermediateOutputs") == "true";
  MIRIN_RETURN_IF_ERROR(ResolveKeys(&o));
  ResolveReport(&o);
  if (!Has("configFile")) return o;
  MIRIN_ASSIGN_OR_RETURN(o.config, ReadConfig(Get("configFile")));
  if (o.config.disable_fusion) o.optimization = Optimization::kNone;
  return o;
}

absl::Status Options::ResolveKeys(ConvertOptions* o) const {
  if (Has("decryptKey")) {
    if (o->framework != Framework::kMindIr)
      return absl::InvalidArgumentError("decryptKey is for MINDIR models");
    MIRIN_ASSIGN_OR_RETURN(o->decrypt_key, ParseHexKey(Get("decryptKey")));
    MIRIN_ASSIGN_OR_RETURN(o->decrypt_mode, ParseCipher(Get("decryptMode")));
  } else if (Has("decryptMode")) {
    return absl::InvalidArgumentError("decryptMode is set, decryptKey is not");
  }
  const std::string encryption = Get("encryption");
  if (Has("encryptKey") && encryption == "false")
    return absl::InvalidArgumentError("encryptKey is set, but encryption is false");
  if (!Has("encryptKey")) {
    if (encryption == "true")
      return absl::InvalidArgumentError("encryption is true, but encryptKey is not set");
    if (Has("encryptMode"))
      return absl::InvalidArgumentError("encryptMode is set, encryptKey is not");
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(o->encrypt_key, ParseHexKey(Get("encryptKey")));
  MIRIN_ASSIGN_OR_RETURN(o->encrypt_mode, ParseCipher(Get("encryptMode")));
  if (o->encrypt_mode == mindir::CipherMode::kSm4Cbc && o->encrypt_key.size() != 16)
    return absl::InvalidArgumentError("SM4-CBC takes a key of 16 bytes");
  return absl::OkStatus();
}

void Options::ResolveReport(ConvertOptions* o) const {
  o->report_file = Get("reportFile");
  const std::string form = Get("report");
  if (form == "json" || (form.empty() && absl::EndsWith(o->report_file, ".json")))
    o->report_form = ReportForm::kJson;
  if (form == "html" || (form.empty() && absl::EndsWith(o->report_file, ".html")))
    o->report_form = ReportForm::kHtml;
}

absl::StatusOr<std::map<std::string, std::vector<int64_t>>> ParseShapes(absl::string_view text) {
  std::map<std::string, std::vector<int64_t>> shapes;
  if (text.empty()) return shapes;
  for (const absl::string_view part : absl::StrSplit(text, ';', absl::SkipEmpty())) {
    const size_t colon = part.rfind(':');
    if (colon == absl::string_view::npos || colon == 0)
      return absl::InvalidArgumentError(absl::StrCat("the shape '", part, "' is not NAME:D,D.."));
    std::vector<int64_t> dims;
    for (const absl::string_view number :
         absl::StrSplit(part.substr(colon + 1), ',', absl::SkipEmpty())) {
      int64_t dim = 0;
      if (!absl::SimpleAtoi(number, &dim) || dim < -1)
        return absl::InvalidArgumentError(
            absl::StrCat("'", number, "' in '", part, "' is no size"));
      dims.push_back(dim);
    }
    if (!shapes.emplace(std::string(part.substr(0, colon)), std::move(dims)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("two shapes for '", part.substr(0, colon), "'"));
    }
  }
  return shapes;
}

absl::StatusOr<std::string> ParseHexKey(absl::string_view text) {
  const bool hex =
      text.size() % 2 == 0 && std::all_of(text.begin(), text.end(),
                                          [](unsigned char c) { return absl::ascii_isxdigit(c); });
  if (!hex) return absl::InvalidArgumentError("a key is written as two hex digits a byte");
  const size_t bytes = text.size() / 2;
  if (bytes != 16 && bytes != 24 && bytes != 32)
    return absl::InvalidArgumentError(
        absl::StrCat("a key of ", bytes, " bytes, expected 16, 24 or 32"));
  return absl::HexStringToBytes(text);
}

}  // namespace mirin::converter
