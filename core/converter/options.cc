#include "core/converter/options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status.h"

namespace mirin::converter {
namespace {

constexpr OptionInfo kOptions[] = {
    {"fmk", "ONNX|MINDIR|TF|TFLITE|CAFFE", "", "framework of the model; required"},
    {"modelFile", "PATH", "", "the model; required"},
    {"outputFile", "PATH", "", "where the result goes, without its suffix .mindir; required by the program"},
    {"weightFile", "PATH", "", "weights beside the model, CAFFE only"},
    {"inputShape", "NAME:D,D..;NAME:..", "", "fixes the shapes of inputs; -1 leaves a dim open"},
    {"optimize", "none|general", "general", "none: the graph as it was; general: constants folded, scales put into weights"},
    {"decryptKey", "HEX", "", "key of an encrypted MINDIR model"},
    {"decryptMode", "AES-GCM|AES-CBC", "AES-GCM", "cipher of that model"},
    {"encryptKey", "HEX", "", "key for the output, 16, 24 or 32 bytes in hex digits"},
    {"encryptMode", "AES-GCM|AES-CBC|SM4-CBC", "AES-GCM", "cipher of the output"},
    {"encryption", "true|false", "false", "whether the output is encrypted"},
    {"infer", "true|false", "false", "runs the result once before it is written"},
};

const OptionInfo* Find(absl::string_view name) {
  const auto* it = std::find_if(std::begin(kOptions), std::end(kOptions), [&](const OptionInfo& o) { return o.name == name; });
  return it == std::end(kOptions) ? nullptr : it;
}

bool IsChoice(const OptionInfo& option) { return absl::StrContains(option.values, '|'); }

absl::StatusOr<mindir::CipherMode> ParseCipher(absl::string_view text) {
  if (text == "AES-GCM") return mindir::CipherMode::kAesGcm;
  if (text == "AES-CBC") return mindir::CipherMode::kAesCbc;
  if (text == "SM4-CBC") return mindir::CipherMode::kSm4Cbc;
  return absl::InvalidArgumentError(absl::StrCat("there is no cipher '", text, "'"));
}

}  // namespace

absl::Span<const OptionInfo> AllOptions() { return kOptions; }

Options::~Options() {
  for (auto& [name, value] : values_) {
    if (absl::EndsWith(name, "Key")) std::fill(value.begin(), value.end(), '\0');
  }
}

absl::Status Options::Set(absl::string_view name, absl::string_view value) {
  const OptionInfo* option = Find(name);
  if (option == nullptr) {
    std::string known;
    for (const OptionInfo& o : kOptions) absl::StrAppend(&known, known.empty() ? "" : ", ", o.name);
    return absl::InvalidArgumentError(absl::StrCat("there is no option '", name, "'; options: ", known));
  }
  if (value.empty()) {
    values_.erase(std::string(name));
    return absl::OkStatus();
  }
  if (IsChoice(*option)) {
    const std::vector<std::string> choices = absl::StrSplit(option->values, '|');
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " must be ", option->values, ", got '", value, "'"));
    }
  }
  if (name == "inputShape") MIRIN_RETURN_IF_ERROR(ParseShapes(value).status());
  if (absl::EndsWith(name, "Key")) MIRIN_RETURN_IF_ERROR(Annotate(ParseHexKey(value).status(), name));
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
  if (fmk.empty()) return absl::InvalidArgumentError("fmk is not set: it must be ONNX|MINDIR|TF|TFLITE|CAFFE");
  if (fmk == "MINDIR") o.framework = Framework::kMindIr;
  if (fmk == "TF") o.framework = Framework::kTensorFlow;
  if (fmk == "TFLITE") o.framework = Framework::kTfLite;
  if (fmk == "CAFFE") o.framework = Framework::kCaffe;
  o.model_file = Get("modelFile");
  if (o.model_file.empty()) return absl::InvalidArgumentError("modelFile is not set");
  if (!Get("weightFile").empty() && o.framework != Framework::kCaffe) return absl::InvalidArgumentError("weightFile is for CAFFE models");
  o.output_file = Get("outputFile");
  MIRIN_ASSIGN_OR_RETURN(o.input_shapes, ParseShapes(Get("inputShape")));
  if (Get("optimize") == "none") o.optimization = Optimization::kNone;
  if (!Get("decryptKey").empty()) {
    if (o.framework != Framework::kMindIr) return absl::InvalidArgumentError("decryptKey is for MINDIR models");
    MIRIN_ASSIGN_OR_RETURN(o.decrypt_key, ParseHexKey(Get("decryptKey")));
    MIRIN_ASSIGN_OR_RETURN(o.decrypt_mode, ParseCipher(Get("decryptMode")));
  }
  if (Get("encryption") == "true") {
    if (Get("encryptKey").empty()) return absl::InvalidArgumentError("encryption needs encryptKey");
    MIRIN_ASSIGN_OR_RETURN(o.encrypt_key, ParseHexKey(Get("encryptKey")));
    MIRIN_ASSIGN_OR_RETURN(o.encrypt_mode, ParseCipher(Get("encryptMode")));
  } else if (!Get("encryptKey").empty()) {
    return absl::InvalidArgumentError("encryptKey is set but encryption is not true");
  }
  o.infer = Get("infer") == "true";
  return o;
}

absl::StatusOr<std::map<std::string, std::vector<int64_t>>> ParseShapes(absl::string_view text) {
  std::map<std::string, std::vector<int64_t>> shapes;
  if (text.empty()) return shapes;
  for (const absl::string_view part : absl::StrSplit(text, ';', absl::SkipEmpty())) {
    const size_t colon = part.rfind(':');
    if (colon == absl::string_view::npos || colon == 0) return absl::InvalidArgumentError(absl::StrCat("the shape '", part, "' is not NAME:D,D.."));
    std::vector<int64_t> dims;
    for (const absl::string_view number : absl::StrSplit(part.substr(colon + 1), ',', absl::SkipEmpty())) {
      int64_t dim = 0;
      if (!absl::SimpleAtoi(number, &dim) || dim < -1) return absl::InvalidArgumentError(absl::StrCat("'", number, "' in '", part, "' is no size"));
      dims.push_back(dim);
    }
    if (!shapes.emplace(std::string(part.substr(0, colon)), std::move(dims)).second) {
      return absl::InvalidArgumentError(absl::StrCat("two shapes for '", part.substr(0, colon), "'"));
    }
  }
  return shapes;
}

absl::StatusOr<std::string> ParseHexKey(absl::string_view text) {
  const bool hex = text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isxdigit(c); });
  if (!hex) return absl::InvalidArgumentError("a key is written as two hex digits a byte");
  const size_t bytes = text.size() / 2;
  if (bytes != 16 && bytes != 24 && bytes != 32) return absl::InvalidArgumentError(absl::StrCat("a key of ", bytes, " bytes, expected 16, 24 or 32"));
  return absl::HexStringToBytes(text);
}

}  // namespace mirin::converter
