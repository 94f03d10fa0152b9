// The conversion as a whole: read, import, optimise, check that the result loads, write.
#ifndef CORE_CONVERTER_CONVERT_H_
#define CORE_CONVERTER_CONVERT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/converter/config.h"
#include "core/converter/report.h"
#include "core/converter/signature.h"
#include "core/ir/graph.h"
#include "core/mindir/reader.h"

namespace mirin::converter {

enum class Framework { kOnnx, kMindIr, kTensorFlow, kTfLite, kCaffe, kPyTorch };

enum class Optimization {
  kNone,     // as imported
  kGeneral,  // constants folded, duplicates and identities gone, scales folded into weights: standard primitives stay such
};

struct ConvertOptions {
  ConvertOptions() = default;
  ConvertOptions(const ConvertOptions&) = default;
  ConvertOptions& operator=(const ConvertOptions&) = default;
  ~ConvertOptions();  // overwrites keys

  Framework framework = Framework::kOnnx;
  std::string model_file;
  // Without its suffix ".mindir", which is appended when it is missing; "" converts in memory.
  std::string output_file;
  // In the layout of the source model.
  std::map<std::string, std::vector<int64_t>> input_shapes;
  Optimization optimization = Optimization::kGeneral;
  Signature signature;
  // Weights as float16; arithmetic stays float32.
  bool half_weights = false;
  // Of a MindIR input.
  std::string decrypt_key;
  mindir::CipherMode decrypt_mode = mindir::CipherMode::kNone;
  // Not empty: the output is encrypted.
  std::string encrypt_key;
  mindir::CipherMode encrypt_mode = mindir::CipherMode::kAesGcm;
  // Runs the result once on zeros before it is written.
  bool infer = false;
  // Every result that the source names becomes an output (intermediates.h).
  bool intermediate_outputs = false;
  Config config;
  // Not empty: the report is written there, whatever comes of the conversion.
  std::string report_file;
  ReportForm report_form = ReportForm::kText;
};

struct Conversion {
  std::unique_ptr<ir::Module> module;
  std::string output_file;  // the file written, "" when none was
  std::string bytes;        // the model, when no file was asked for
};

// Nothing is written unless the whole conversion worked, and the file appears whole. The report holds every finding, also when
// the result is an error.
absl::StatusOr<Conversion> Convert(const ConvertOptions& options, Report* report);

// Finds what a conversion would find, also by loading the result, and writes nothing but the report.
absl::Status Check(const ConvertOptions& options, Report* report);

// Only the first half: the module that a source model stands for, optimised as asked.
absl::StatusOr<std::unique_ptr<ir::Module>> ImportModel(const ConvertOptions& options,
                                                        Report* report);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_CONVERT_H_
