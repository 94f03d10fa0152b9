#include "core/converter/convert.h"

#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/backend/registry.h"
#include "core/backends/all.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/status.h"
#include "core/converter/half_weights.h"
#include "core/converter/intermediates.h"
#include "core/converter/onnx/importer.h"
#include "core/converter/quantize/quantize.h"
#include "core/mindir/mindspore_dialect.h"
#include "core/mindir/writer.h"
#include "core/ops/schema.h"
#include "core/passes/pipeline.h"
#include "core/plan/evaluate.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"

namespace mirin::converter {
namespace {

// Passes whose results are standard MindSpore primitives again.
const std::vector<std::string>& GeneralPasses() {
  static const auto* const kPasses =
      new std::vector<std::string>{"fold_constants", "remove_identities", "merge_duplicates",
                                   "cancel_transposes", "fold_batch_norm"};
  return *kPasses;
}

absl::Status NotInThisBuild(absl::string_view name) {
  return Refuse(absl::StrCat("models of ", name, " are not in this build"),
                "this build converts ONNX and MINDIR");
}

// What only Mirin can run.
void NoteMindSpore(const ir::Module& module, Report* report) {
  std::map<std::string, int> reasons;
  for (const auto& graph : module.graphs()) {
    for (const auto& node : graph->nodes()) {
      const std::string reason = mindir::MindSporeRefusal(*node);
      if (!reason.empty()) ++reasons[reason];
    }
  }
  if (reasons.empty()) return;
  const std::string list = absl::StrJoin(reasons, "; ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first, " (", entry.second, ")");
  });
  report->AddNote(absl::StrCat("MindSpore cannot run the result, Mirin can: ", list));
}

// A directory that is not there is better told before the work than after it.
absl::Status CheckPlace(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || path.empty()) return absl::OkStatus();
  const std::string folder = path.substr(0, slash + 1);
  if (access(folder.c_str(), F_OK) != 0)
    return absl::NotFoundError(
        absl::StrCat("the folder '", folder, "' of the output does not exist"));
  if (access(folder.c_str(), W_OK) != 0)
    return absl::PermissionDeniedError(
        absl::StrCat("the folder '", folder, "' of the output may not be written"));
  return absl::OkStatus();
}

absl::Status CheckLoads(const ir::Module& module, bool infer) {
  MIRIN_ASSIGN_OR_RETURN(const auto model, runtime::Model::FromModule(module.Clone(), {}));
  MIRIN_ASSIGN_OR_RETURN(const auto session, runtime::Session::Create(model, {}));
  if (!infer) return absl::OkStatus();
  std::vector<Tensor> inputs;
  for (const runtime::TensorSpec& input : model->inputs()) {
    if (!input.type.shape.concrete())
      return absl::InvalidArgumentError(
          "a trial run needs fixed shapes: give every open input a shape");
    if (input.type.dtype == DType::kString)
      return Refuse("a trial run of a model with string inputs");
    MIRIN_ASSIGN_OR_RETURN(Tensor zeros,
                           Tensor::Allocate(input.type.dtype, input.type.shape.dims()));
    inputs.push_back(std::move(zeros));
  }
  return session->Run(inputs).status();
}

absl::StatusOr<std::unique_ptr<ir::Module>> Read(const ConvertOptions& options,
                                                 const passes::Evaluator& evaluate,
                                                 Report* report) {
  report->Begin("reading");
  switch (options.framework) {
    case Framework::kOnnx: {
      MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const onnx::Model> source,
                             onnx::Model::Load(options.model_file));
      onnx::ImportOptions import;
      import.input_shapes = options.input_shapes;
      report->Begin("importing nodes", source->proto().graph().node_size());
      return onnx::Import(source, import, evaluate, report);
    }
    case Framework::kMindIr: {
      mindir::ReadOptions read;
      read.key = options.decrypt_key;
      read.mode = options.decrypt_mode;
      mindir::Inspection inspection;
      read.inspection = &inspection;
      auto module = mindir::ReadFile(options.model_file, read);
      Wipe(&read.key);
      for (int64_t i = 0; i < inspection.nodes; ++i) report->CountNode();
      for (const mindir::NodeProblem& p : inspection.problems) {
        report->Add({Severity::kError, p.node, p.op, "", 0, p.status.code(),
                     std::string(p.status.message()), HintOf(p.status)});
      }
      MIRIN_RETURN_IF_ERROR(report->status());
      MIRIN_RETURN_IF_ERROR(module.status());
      MIRIN_RETURN_IF_ERROR(SetInputShapes(module->get(), options.input_shapes));
      return module;
    }
    case Framework::kTensorFlow:
      return NotInThisBuild("TF");
    case Framework::kTfLite:
      return NotInThisBuild("TFLITE");
    case Framework::kCaffe:
      return NotInThisBuild("CAFFE");
    case Framework::kPyTorch:
      return NotInThisBuild("PYTORCH");
  }
  return absl::InternalError("unknown framework");
}

// What the options ask of a module that was read.
absl::Status Change(const ConvertOptions& options, const passes::Evaluator& evaluate,
                    ir::Module* module, Report* report) {
  MIRIN_RETURN_IF_ERROR(ChangeSignature(module, options.signature));
  if (options.optimization == Optimization::kGeneral) {
    report->Begin("optimising");
    passes::PassContext context{module, &evaluate, passes::StoredWeights::kKeep};
    passes::PipelineOptions pipeline;
    pipeline.only = GeneralPasses();
    MIRIN_RETURN_IF_ERROR(passes::RunPipeline(pipeline, context, nullptr));
  }
  if (options.config.quant.export_mode == QuantConfig::Export::kFloat32)
    MIRIN_RETURN_IF_ERROR(RemoveQuantisation(evaluate, module));
  if (options.config.quant.type != QuantType::kNone) {
    const QuantProgress progress{
        [&](const char* stage, int64_t steps) { report->Begin(stage, steps); },
        [&] { report->Step(); }};
    MIRIN_RETURN_IF_ERROR(Quantize(options.config.quant, progress, module, report));
  }
  if (options.half_weights) {
    report->Begin("storing weights as float16");
    MIRIN_ASSIGN_OR_RETURN(const HalvedWeights halved, StoreWeightsAsHalf(module));
    if (halved.out_of_range > 0)
      report->AddNote(
          absl::StrCat(halved.out_of_range,
                       " weights stay float32: they have numbers beyond the range of float16"));
    if (halved.changed + halved.out_of_range == 0)
      report->AddNote("fp16 changes nothing: there are no float32 weights of 1 KiB or more");
  }
  if (options.intermediate_outputs) ExposeIntermediates(module);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ir::Module>> Prepare(const ConvertOptions& options, Report* report) {
  MIRIN_RETURN_IF_ERROR(CheckPlace(options.output_file));
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, ImportModel(options, report));
  report->Begin("loading the result");
  MIRIN_RETURN_IF_ERROR(
      Annotate(CheckLoads(*module, options.infer), "the converted model does not run"));
  NoteMindSpore(*module, report);
  return module;
}

absl::StatusOr<Conversion> ConvertModel(const ConvertOptions& options, Report* report) {
  Conversion conversion;
  MIRIN_ASSIGN_OR_RETURN(conversion.module, Prepare(options, report));
  report->Begin("writing");
  mindir::WriteOptions write;
  write.key = options.encrypt_key;
  write.mode = options.encrypt_mode;
  if (options.output_file.empty()) {
    auto bytes = mindir::Write(*conversion.module, write);
    Wipe(&write.key);
    MIRIN_RETURN_IF_ERROR(bytes.status());
    conversion.bytes = *std::move(bytes);
    return conversion;
  }
  const std::string path = absl::EndsWith(options.output_file, ".mindir")
                               ? options.output_file
                               : options.output_file + ".mindir";
  auto written = mindir::WriteFile(*conversion.module, path, write);
  Wipe(&write.key);
  MIRIN_RETURN_IF_ERROR(written.status());
  conversion.output_file = *std::move(written);
  report->set_output(conversion.output_file);
  return conversion;
}

// Both ways out: what went wrong is in the report, and the report where it was asked for.
absl::Status Finish(const ConvertOptions& options, absl::Status status, Report* report) {
  if (!status.ok() && report->errors() == 0) report->AddModelError(status);
  if (options.report_file.empty()) return status;
  const absl::Status written =
      Annotate(WriteFileAtomically(options.report_file, report->ToString(options.report_form)),
               "reportFile");
  return status.ok() ? written : status;
}

}  // namespace

ConvertOptions::~ConvertOptions() {
  Wipe(&decrypt_key);
  Wipe(&encrypt_key);
}

absl::StatusOr<std::unique_ptr<ir::Module>> ImportModel(const ConvertOptions& options,
                                                        Report* report) {
  InstallAllBackends();
  report->set_model(options.model_file);
  for (const std::string& note : options.config.notes) report->AddNote(note);
  // Folding uses the oracle: what is computed at conversion is computed once, and right.
  MIRIN_ASSIGN_OR_RETURN(const std::vector<std::unique_ptr<Backend>> backends,
                         MakeBackends({"reference"}));
  const passes::Evaluator evaluate = [&](const ir::Node& node, absl::Span<const Tensor> inputs,
                                         size_t max_bytes) {
    return plan::Evaluate(*backends.back(), node, inputs, max_bytes);
  };
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, Read(options, evaluate, report));
  MIRIN_RETURN_IF_ERROR(Change(options, evaluate, module.get(), report));
  return module;
}

absl::StatusOr<Conversion> Convert(const ConvertOptions& options, Report* report) {
  absl::StatusOr<Conversion> conversion = ConvertModel(options, report);
  MIRIN_RETURN_IF_ERROR(Finish(options, conversion.status(), report));
  return conversion;
}

absl::Status Check(const ConvertOptions& options, Report* report) {
  return Finish(options, Prepare(options, report).status(), report);
}

}  // namespace mirin::converter
