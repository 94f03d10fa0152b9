#include "core/runtime/model.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/backend/registry.h"
#include "core/base/log.h"
#include "core/base/status.h"
#include "core/ops/infer_module.h"
#include "core/passes/pipeline.h"
#include "core/plan/evaluate.h"
#include "core/runtime/compiled_model.h"
#include "core/runtime/model_cache.h"

namespace mirin::runtime {
namespace {

// The passes' report, or a failure of one of them.
absl::StatusOr<std::string> Optimize(const ModelOptions& options, ir::Module* module) {
  if (options.optimization_level < 0 || options.optimization_level > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("optimization level ", options.optimization_level, " is not 0 or 1"));
  }
  // Folding uses the oracle: what is computed at load time is computed exactly once, and right.
  MIRIN_ASSIGN_OR_RETURN(const std::vector<std::unique_ptr<Backend>> backends,
                         MakeBackends({"reference"}));
  const passes::Evaluator evaluate = [&](const ir::Node& node, absl::Span<const Tensor> inputs,
                                         size_t max_bytes) {
    return plan::Evaluate(*backends.back(), node, inputs, max_bytes);
  };
  passes::PassContext context{module, &evaluate};
  passes::PipelineOptions pipeline;
  pipeline.disabled = options.disabled_passes;
  pipeline.dump_directory = options.dump_directory;
  if (options.optimization_level == 0) {
    for (const passes::Pass& pass : passes::Pipeline()) pipeline.disabled.emplace_back(pass.name);
  }
  std::vector<passes::PassReport> report;
  MIRIN_RETURN_IF_ERROR(passes::RunPipeline(pipeline, context, &report));
  return passes::ToString(report);
}

// Where packed weights of a model are kept, null: nowhere.
absl::StatusOr<std::shared_ptr<const ModelCache>> CacheFor(
    const ModelOptions& options, std::shared_ptr<const mindir::Sources> sources) {
  if (options.cache_directory.empty()) return nullptr;
  MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<const CacheDirectory> directory,
                         CacheDirectory::Open(options.cache_directory));
  if (sources == nullptr) return nullptr;
  if (sources->encrypted) {
    Log(LogLevel::kInfo, "model cache: an encrypted model is not kept");
    return nullptr;
  }
  return std::make_shared<const ModelCache>(
      std::move(directory), std::move(sources),
      absl::StrCat("level ", options.optimization_level, " without ",
                   absl::StrJoin(options.disabled_passes, ",")));
}

}  // namespace

Model::Model() = default;
Model::~Model() = default;

absl::StatusOr<std::shared_ptr<const Model>> Model::LoadFile(const std::string& path,
                                                             const ModelOptions& options) {
  auto sources = std::make_shared<mindir::Sources>();
  mindir::ReadOptions read = options.read;
  read.sources = sources.get();
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, mindir::ReadFile(path, read));
  auto model = Make(std::move(module), options, std::move(sources));
  if (!model.ok()) return Annotate(model.status(), path);
  return model;
}

absl::StatusOr<std::shared_ptr<const Model>> Model::LoadBuffer(absl::string_view bytes,
                                                               std::shared_ptr<const void> owner,
                                                               const ModelOptions& options) {
  auto sources = std::make_shared<mindir::Sources>();
  mindir::ReadOptions read = options.read;
  read.sources = sources.get();
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module,
                         mindir::ReadBuffer(bytes, std::move(owner), read));
  return Make(std::move(module), options, std::move(sources));
}

absl::StatusOr<std::shared_ptr<const Model>> Model::FromModule(std::unique_ptr<ir::Module> module,
                                                               const ModelOptions& options) {
  return Make(std::move(module), options, nullptr);
}

absl::StatusOr<std::shared_ptr<const Model>> Model::Make(
    std::unique_ptr<ir::Module> module, const ModelOptions& options,
    std::shared_ptr<const mindir::Sources> sources) {
  MIRIN_RETURN_IF_ERROR(ir::Verify(*module));
  MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<const ModelCache> cache, CacheFor(options, sources));
  std::shared_ptr<Model> model(new Model());
  // The signature is the file's, whatever passes do to the graph.
  for (const auto& v : module->entry()->inputs()) model->inputs_.push_back({v->name(), v->type()});
  for (size_t i = 0; i < module->entry()->outputs().size(); ++i) {
    model->outputs_.push_back({module->output_names()[i], module->entry()->outputs()[i]->type()});
  }
  for (const auto& v : module->variables()) model->states_.push_back({v->name(), v->type()});
  model->sources_ = std::move(sources);
  model->source_ = module->Clone();
  model->options_ = options;
  model->options_.read = mindir::ReadOptions();
  MIRIN_ASSIGN_OR_RETURN(model->pass_report_, Optimize(options, module.get()));
  if (LogEnabled(LogLevel::kInfo)) {
    size_t nodes = 0;
    for (const auto& graph : module->graphs()) nodes += graph->nodes().size();
    Log(LogLevel::kInfo, absl::StrCat("loaded a model of ", module->graphs().size(), " graphs and ",
                                      nodes, " nodes"));
    Log(LogLevel::kDebug, model->pass_report_);
  }
  model->module_ = std::move(module);
  model->compiled_ = std::make_unique<CompiledModel>(model->module_.get(), std::move(cache));
  return std::shared_ptr<const Model>(std::move(model));
}

absl::StatusOr<std::shared_ptr<const Model>> Model::Reshaped(absl::Span<const Dims> shapes) const {
  if (shapes.size() != inputs_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the model takes ", inputs_.size(),
                                                   " inputs, got shapes for ", shapes.size()));
  }
  std::unique_ptr<ir::Module> module = source_->Clone();
  // What the graphs inside were inferred to take would be joined with what they take now.
  for (const auto& graph : module->graphs()) {
    if (graph.get() == module->entry()) continue;
    for (const auto& input : graph->inputs()) input->set_type({});
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    ir::Value* input = module->entry()->inputs()[i].get();
    const DType dtype = input->type().dtype;
    for (const int64_t dim : shapes[i]) {
      if (dim < -1)
        return absl::InvalidArgumentError(absl::StrCat(
            "input ", i, " '", inputs_[i].name, "' cannot have the shape ", ToString(shapes[i])));
    }
    const Shape shape(shapes[i]);
    if (shape.concrete())
      MIRIN_RETURN_IF_ERROR(
          Annotate(CheckedBytes(dtype, shapes[i]).status(), absl::StrCat("input ", i)));
    input->set_type({dtype, shape});
  }
  MIRIN_RETURN_IF_ERROR(ops::InferModule(module.get()));
  return Make(std::move(module), options_, sources_);
}

std::string Model::Metadata(absl::string_view key) const {
  auto it = module_->metadata().find(std::string(key));
  return it == module_->metadata().end() ? std::string() : it->second;
}

}  // namespace mirin::runtime
