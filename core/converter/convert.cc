#include "core/converter/convert.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/backend/registry.h"
#include "core/backends/all.h"
#include "core/base/status.h"
#include "core/converter/onnx/importer.h"
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
  static const auto* const kPasses = new std::vector<std::string>{"fold_constants", "remove_identities", "merge_duplicates", "cancel_transposes", "fold_batch_norm"};
  return *kPasses;
}

absl::Status NotInThisBuild(absl::string_view name) {
  return Refuse(absl::StrCat("models of ", name, " are not in this build"), "this build converts ONNX and MINDIR");
}

// What only Mirin can run: MindSpore has no primitive for it.
void NoteInternalOps(const ir::Module& module, Report* report) {
  std::map<std::string, int> internal;
  for (const auto& graph : module.graphs()) {
    for (const auto& node : graph->nodes()) {
      const ops::OpSchema* schema = ops::FindSchema(node->op());
      if (schema != nullptr && schema->internal()) ++internal[node->op()];
    }
  }
  if (internal.empty()) return;
  const std::string list = absl::StrJoin(internal, ", ", [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first, " (", entry.second, ")"); });
  report->AddNote(absl::StrCat("MindSpore cannot load the result, Mirin can: it has no operator ", list));
}

absl::Status CheckLoads(const Conversion& conversion, const ConvertOptions& options) {
  runtime::ModelOptions load;
  MIRIN_ASSIGN_OR_RETURN(const auto model, runtime::Model::FromModule(conversion.module->Clone(), load));
  MIRIN_ASSIGN_OR_RETURN(const auto session, runtime::Session::Create(model, {}));
  bool concrete = true;
  for (const runtime::TensorSpec& input : model->inputs()) concrete &= input.type.shape.concrete();
  if (!options.infer) return absl::OkStatus();
  if (!concrete) return absl::InvalidArgumentError("a trial run needs fixed shapes: give every open input a shape");
  std::vector<Tensor> inputs;
  for (const runtime::TensorSpec& input : model->inputs()) {
    if (input.type.dtype == DType::kString) return Refuse("a trial run of a model with string inputs");
    MIRIN_ASSIGN_OR_RETURN(Tensor zeros, Tensor::Allocate(input.type.dtype, input.type.shape.dims()));
    inputs.push_back(std::move(zeros));
  }
  return session->Run(inputs).status();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> ImportModel(const ConvertOptions& options, Report* report) {
  InstallAllBackends();
  report->set_model(options.model_file);
  // Folding uses the oracle: what is computed at conversion is computed once, and right.
  MIRIN_ASSIGN_OR_RETURN(const std::vector<std::unique_ptr<Backend>> backends, MakeBackends({"reference"}));
  const passes::Evaluator evaluate = [&](const ir::Node& node, absl::Span<const Tensor> inputs, size_t max_bytes) {
    return plan::Evaluate(*backends.back(), node, inputs, max_bytes);
  };
  std::unique_ptr<ir::Module> module;
  switch (options.framework) {
    case Framework::kOnnx: {
      MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const onnx::Model> source, onnx::Model::Load(options.model_file));
      onnx::ImportOptions import;
      import.input_shapes = options.input_shapes;
      MIRIN_ASSIGN_OR_RETURN(module, onnx::Import(source, import, evaluate, report));
      break;
    }
    case Framework::kMindIr: {
      mindir::ReadOptions read;
      read.key = options.decrypt_key;
      read.mode = options.decrypt_mode;
      MIRIN_ASSIGN_OR_RETURN(module, mindir::ReadFile(options.model_file, read));
      break;
    }
    case Framework::kTensorFlow: return NotInThisBuild("TF");
    case Framework::kTfLite: return NotInThisBuild("TFLITE");
    case Framework::kCaffe: return NotInThisBuild("CAFFE");
    case Framework::kPyTorch: return NotInThisBuild("PYTORCH");
  }
  if (options.optimization == Optimization::kNone) return module;
  passes::PassContext context{module.get(), &evaluate, passes::StoredWeights::kKeep};
  passes::PipelineOptions pipeline;
  pipeline.only = GeneralPasses();
  MIRIN_RETURN_IF_ERROR(passes::RunPipeline(pipeline, context, nullptr));
  return module;
}

absl::StatusOr<Conversion> Convert(const ConvertOptions& options, Report* report) {
  Conversion conversion;
  absl::StatusOr<std::unique_ptr<ir::Module>> module = ImportModel(options, report);
  if (!module.ok()) {
    if (report->errors() == 0) report->AddModelError(module.status());
    return module.status();
  }
  conversion.module = *std::move(module);
  absl::Status status = CheckLoads(conversion, options);
  if (!status.ok()) {
    status = Annotate(status, "the converted model does not run");
    report->AddModelError(status);
    return status;
  }
  NoteInternalOps(*conversion.module, report);
  mindir::WriteOptions write;
  write.key = options.encrypt_key;
  write.mode = options.encrypt_mode;
  if (options.output_file.empty()) {
    absl::StatusOr<std::string> bytes = mindir::Write(*conversion.module, write);
    if (!bytes.ok()) {
      report->AddModelError(bytes.status());
      return bytes.status();
    }
    conversion.bytes = *std::move(bytes);
    return conversion;
  }
  std::string path = options.output_file;
  if (!absl::EndsWith(path, ".mindir")) path += ".mindir";
  absl::StatusOr<std::string> written = mindir::WriteFile(*conversion.module, path, write);
  if (!written.ok()) {
    report->AddModelError(written.status());
    return written.status();
  }
  conversion.output_file = *std::move(written);
  report->set_output(conversion.output_file);
  return conversion;
}

}  // namespace mirin::converter
