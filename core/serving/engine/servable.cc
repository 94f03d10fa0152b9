#include "core/serving/engine/servable.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/serving/engine/flow.h"
#include "core/serving/stage_runner.h"

namespace mirin::serving {
namespace {

bool IsFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool IsDirectory(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::vector<std::string> Entries(const std::string& path) {
  std::vector<std::string> out;
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return out;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  }
  closedir(directory);
  std::sort(out.begin(), out.end());
  return out;
}

// A name becomes part of paths: it is one component.
bool IsPlainName(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." && !absl::StrContains(name, '/') &&
         name.find('\0') == absl::string_view::npos;
}

void FillInfo(const ServedModel::Port& port, ValueInfo& info) {
  info.dtype = port.dtype;
  info.has_shape = port.has_rank;
  info.dims = port.dims;
}

}  // namespace

std::vector<uint64_t> VersionsOnDisk(const std::string& directory, const std::string& name) {
  std::vector<uint64_t> out;
  const std::string base = absl::StrCat(directory, "/", name);
  for (const std::string& entry : Entries(base)) {
    uint64_t version;
    const bool digits =
        std::all_of(entry.begin(), entry.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits && entry[0] != '0' && absl::SimpleAtoi(entry, &version) &&
        IsDirectory(absl::StrCat(base, "/", entry))) {
      out.push_back(version);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

absl::StatusOr<ServableSpec> Servable::NativeSpec(const std::string& version_directory) const {
  std::vector<std::string> files;
  for (const std::string& entry : Entries(version_directory)) {
    if (absl::EndsWith(entry, ".mindir")) files.push_back(entry);
  }
  if (files.size() != 1) {
    return absl::NotFoundError(absl::StrCat(
        "servable '", options_.name, "' has no servable_config.py, and its version directory '",
        version_directory, "' holds ", files.size(), " .mindir files instead of one"));
  }
  ServableSpec spec;
  spec.models.emplace_back();
  spec.models[0].key = files[0];
  spec.models[0].files = {files[0]};
  spec.models[0].with_batch_dim = false;
  spec.models[0].find_batch_dim = true;
  MethodSpec method;
  method.name = "predict";
  spec.methods.push_back(std::move(method));
  return spec;
}

absl::Status Servable::LoadModels(const ServableSpec& spec, const std::string& version_directory) {
  LoadModelOptions load;
  load.directory = absl::StrCat(options_.directory, "/", options_.name);
  load.version_directory = version_directory;
  load.key = options_.key.text();
  load.cipher = options_.cipher;
  load.replicas = std::max<int32_t>(1, static_cast<int32_t>(options_.device_ids.size()));
  load.max_batch = context_.max_batch;
  for (const ModelSpec& model : spec.models) {
    auto loaded = ServedModel::Load(model, load);
    if (!loaded.ok()) return loaded.status();
    const absl::Status warm = (*loaded)->WarmUp();
    if (!warm.ok()) return warm;
    models_.push_back(*std::move(loaded));
    model_queues_.emplace_back();
    for (size_t g = 0; g < models_.back()->subgraphs(); ++g) {
      model_queues_.back().push_back(
          std::make_shared<ModelQueue>(models_.back(), g, context_.executor));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const MethodInfo>> Servable::Inspect(Method& method) const {
  auto info = std::make_shared<MethodInfo>();
  info->servable = options_.name;
  info->method = method.spec.name;
  info->version = options_.version;
  info->platform = "mirin";
  info->max_queue_delay_us = method.spec.max_queue_delay_us;
  info->max_queue_size = method.spec.max_queue_size;
  for (const std::string& name : method.spec.inputs)
    info->inputs.push_back({name, MIRIN_DTYPE_UNKNOWN, false, {}});
  for (const std::string& name : method.spec.outputs)
    info->outputs.push_back({name, MIRIN_DTYPE_UNKNOWN, false, {}});
  method.input_has_batch.assign(method.spec.inputs.size(), true);
  method.output_has_batch.assign(method.spec.outputs.size(), true);
  for (size_t s = 0; s < method.spec.stages.size(); ++s) {
    const StageSpec& stage = method.spec.stages[s];
    if (stage.kind == StageSpec::Kind::kPython) info->platform = "mirin_python";
    if (stage.kind != StageSpec::Kind::kModel) continue;
    const ServedModel& model = *models_[stage.model];
    const ServedModel::Subgraph& graph = model.subgraph(stage.subgraph);
    const auto refuse = [&](const char* kind, size_t here, size_t there) {
      return absl::InvalidArgumentError(absl::StrCat(
          "The ", kind, " count ", here, " in register_method not equal to the count ", there,
          " defined in model, model info: ", model.key(), ", subgraph: ", stage.subgraph));
    };
    if (stage.inputs.size() != graph.inputs.size())
      return refuse("inputs", stage.inputs.size(), graph.inputs.size());
    if (stage.outputs_count != graph.outputs.size())
      return refuse("outputs", stage.outputs_count, graph.outputs.size());
    info->stateful |= model.stateful();
    info->replicas = std::max<uint64_t>(info->replicas, static_cast<uint64_t>(model.replicas()));
    if (model.with_batch_dim()) {
      info->batchable = true;
      info->max_batch_size = std::max(info->max_batch_size, model.batch_size());
    }
    for (size_t i = 0; i < stage.inputs.size(); ++i) {
      if (stage.inputs[i].stage != 0) continue;
      const size_t input = stage.inputs[i].output;
      if (!graph.inputs[i].has_batch) method.input_has_batch[input] = false;
      if (info->inputs[input].dtype == MIRIN_DTYPE_UNKNOWN)
        FillInfo(graph.inputs[i], info->inputs[input]);
    }
    for (size_t r = 0; r < method.spec.results.size(); ++r) {
      const ValueRef& ref = method.spec.results[r];
      if (ref.stage == s + 1) FillInfo(graph.outputs[ref.output], info->outputs[r]);
    }
  }
  for (size_t r = 0; r < method.spec.results.size(); ++r) {
    const ValueRef& ref = method.spec.results[r];
    if (ref.stage != 0) continue;
    const std::string name = info->outputs[r].name;
    info->outputs[r] = info->inputs[ref.output];
    info->outputs[r].name = name;
    method.output_has_batch[r] = method.input_has_batch[ref.output];
  }
  return std::shared_ptr<const MethodInfo>(std::move(info));
}

absl::StatusOr<std::unique_ptr<Servable>> Servable::Create(ServableOptions options,
                                                           const ServableContext& context) {
  if (!IsPlainName(options.name))
    return absl::InvalidArgumentError(
        absl::StrCat("'", options.name, "' is no name of a servable"));
  const std::string base = absl::StrCat(options.directory, "/", options.name);
  if (!IsDirectory(base)) {
    return absl::NotFoundError(absl::StrCat("Check servable config failed, directory '", base,
                                            "' not exist, servable directory '", options.directory,
                                            "', servable name '", options.name, "'"));
  }
  const bool has_config = IsFile(base + "/servable_config.py");
  const std::vector<uint64_t> versions = VersionsOnDisk(options.directory, options.name);
  const bool given = options.version != 0;
  if (!given && !versions.empty()) options.version = versions.back();
  const bool has_version =
      std::find(versions.begin(), versions.end(), options.version) != versions.end();
  if (given && !has_version && !(has_config && options.version == 1)) {
    return absl::NotFoundError(absl::StrCat(
        "There is no specified version directory of models, specified version number: ",
        options.version, ", servable directory '", options.directory, "', servable name '",
        options.name, "'"));
  }
  if (options.version == 0) options.version = 1;
  const std::string version_directory = has_version ? absl::StrCat(base, "/", options.version) : "";
  if (!has_config && version_directory.empty()) {
    return absl::NotFoundError(absl::StrCat("Check servable config failed, file '", base,
                                            "/servable_config.py' not exist, servable directory '",
                                            options.directory, "', servable name '", options.name,
                                            "'"));
  }

  std::unique_ptr<Servable> servable(new Servable(std::move(options), context));
  const ServableOptions& o = servable->options_;
  ServableSpec spec;
  std::shared_ptr<StageRunner> runner;
  if (has_config) {
    WorkerPoolOptions workers;
    workers.python = context.python;
    workers.paths = context.python_paths;
    workers.directory = o.directory;
    workers.servable = o.name;
    workers.version = o.version;
    workers.version_directory = version_directory;
    workers.workers = static_cast<uint32_t>(
        std::max<size_t>({1, static_cast<size_t>(std::max(0, o.workers)), o.device_ids.size()}));
    workers.first_device = o.device_ids.empty() ? 0 : static_cast<uint32_t>(o.device_ids[0]);
    workers.key = o.key.text();
    workers.cancellation = o.cancellation;
    workers.cipher = o.cipher == MIRIN_CIPHER_AES_CBC ? "AES-CBC" : "AES-GCM";
    workers.start_timeout = context.worker_start_timeout;
    workers.call_timeout = context.worker_call_timeout;
    workers.call_model = [self = servable.get()](ModelCall call, ModelCallDone done) {
      self->CallModel(std::move(call), std::move(done));
    };
    absl::StatusOr<Description> described = StartWorkers(std::move(workers), context.metrics);
    if (!described.ok()) return described.status();
    runner = described->runner;
    auto parsed = ParseDescription(described->json);
    if (!parsed.ok()) return parsed.status();
    spec = *std::move(parsed);
    if (!spec.models.empty() && version_directory.empty()) {
      return absl::NotFoundError(
          absl::StrCat("There is no version directory of models, servable directory '", o.directory,
                       "', servable name '", o.name, "'"));
    }
  } else {
    auto native = servable->NativeSpec(version_directory);
    if (!native.ok()) return native.status();
    spec = *std::move(native);
  }
  absl::Status status = servable->LoadModels(spec, version_directory);
  if (!status.ok()) return status;
  if (!has_config) {
    // the model's own names
    MethodSpec& method = spec.methods[0];
    const ServedModel::Subgraph& ports = servable->models_[0]->subgraph(0);
    StageSpec stage;
    stage.kind = StageSpec::Kind::kModel;
    stage.outputs_count = static_cast<uint32_t>(ports.outputs.size());
    stage.tag = absl::StrCat("Model '", spec.models[0].key, "'");
    for (uint32_t i = 0; i < ports.inputs.size(); ++i) {
      method.inputs.push_back(ports.inputs[i].name);
      stage.inputs.push_back({0, i});
    }
    for (uint32_t i = 0; i < ports.outputs.size(); ++i) {
      method.outputs.push_back(ports.outputs[i].name);
      method.results.push_back({1, i});
    }
    method.stages.push_back(std::move(stage));
  }

  // stages' batch size 0: as the models of the servable do
  uint64_t least = 0, most = 1;
  for (const auto& model : servable->models_) {
    least = least == 0 ? model->batch_size() : std::min(least, model->batch_size());
    most = std::max(most, model->batch_size());
  }
  least = std::max<uint64_t>(1, least);
  std::vector<std::vector<int64_t>> limits;
  for (const MethodSpec& m : spec.methods) {
    auto method = std::make_unique<Method>();
    method->spec = m;
    if (method->spec.max_queue_delay_us == 0)
      method->spec.max_queue_delay_us = context.default_delay_us;
    auto info = servable->Inspect(*method);
    if (!info.ok()) return info.status();
    method->metrics = context.metrics->Method(o.name, o.version, m.name);
    servable->infos_.push_back(*std::move(info));
    servable->methods_.push_back(std::move(method));
    limits.emplace_back();
    for (const StageSpec& stage : m.stages) {
      const bool first = std::all_of(stage.inputs.begin(), stage.inputs.end(),
                                     [](const ValueRef& r) { return r.stage == 0; });
      int64_t limit = 0;
      if (stage.kind == StageSpec::Kind::kPython) {
        limit =
            stage.batch_size == 0 ? static_cast<int64_t>(first ? least : most) : stage.batch_size;
      }
      limits.back().push_back(limit);
    }
  }
  if (spec.methods.empty())
    return absl::FailedPreconditionError(
        absl::StrCat("servable '", o.name, "' registers no method"));

  if (runner != nullptr && spec.uses_python) {
    status = runner->Start();
    if (!status.ok()) return status;
    servable->stages_ = std::make_shared<StageQueue>(std::move(limits), context.executor);
    servable->stages_->SetRunner(std::move(runner), [self = servable.get()](uint32_t m) {
      return self->NotAvailable(self->methods_[m]->spec.name);
    });
  }
  servable->options_.key.Clear();
  return servable;
}

Servable::~Servable() { StopStages(absl::Now() + absl::Seconds(5)); }

void Servable::StopStages(absl::Time deadline) {
  if (stages_ != nullptr) stages_->Stop(deadline);
}

int Servable::Find(absl::string_view method) const {
  if (method.empty()) return 0;
  for (size_t i = 0; i < methods_.size(); ++i) {
    if (methods_[i]->spec.name == method) return static_cast<int>(i);
  }
  return -1;
}

MethodStatistics Servable::Statistics(size_t method) const {
  absl::MutexLock lock(&methods_[method]->mutex);
  return methods_[method]->statistics;
}

Failure Servable::NotAvailable(absl::string_view method) const {
  return {Code::kServableUnavailable, absl::StatusCode::kUnavailable,
          NotAvailableText(options_.name, method, 0, "servable")};
}

void Servable::Infer(std::shared_ptr<Servable> keep, size_t method,
                     std::unique_ptr<InferRequest> request, InferCallback done) {
  (new Flow(std::move(keep), method, std::move(request), std::move(done)))->Start();
}

void Servable::CallModel(ModelCall call, ModelCallDone done) {
  const auto model = std::find_if(models_.begin(), models_.end(),
                                  [&](const auto& m) { return m->key() == call.model; });
  if (model == models_.end() || call.subgraph >= (*model)->subgraphs()) {
    done(absl::NotFoundError(absl::StrCat("The model does not have subgraph of index ",
                                          call.subgraph, ", the subgraph count of the model is ",
                                          model == models_.end() ? 0 : (*model)->subgraphs())));
    return;
  }
  if (call.instances.empty()) return done(std::vector<StageResult>());
  struct Results {
    std::vector<StageResult> all;
    std::atomic<size_t> left;
    ModelCallDone done;
  };
  auto results = std::make_shared<Results>();
  results->all.resize(call.instances.size());
  results->left = call.instances.size();
  results->done = std::move(done);
  std::vector<std::unique_ptr<ModelWork>> works;
  for (size_t i = 0; i < call.instances.size(); ++i) {
    auto work = std::make_unique<ModelWork>();
    work->inputs = std::move(call.instances[i]);
    work->session = call.session;
    work->enqueued = absl::Now();
    work->done = [results, i](Failure failure, std::vector<Tensor> outputs, const WorkTimes&) {
      results->all[i] = {std::move(failure), std::move(outputs)};
      if (results->left.fetch_sub(1) == 1) results->done(std::move(results->all));
    };
    works.push_back(std::move(work));
  }
  model_queues_[static_cast<size_t>(model - models_.begin())][call.subgraph]->Enqueue(
      std::move(works), false);
}

}  // namespace mirin::serving
