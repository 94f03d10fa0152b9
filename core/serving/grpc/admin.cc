#include "core/serving/grpc/admin.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/serving/settings.h"
#include "core/serving/shared_memory.h"

namespace mirin::serving {
namespace {

// By number: DataType of model_config.proto.
constexpr mirin_dtype kConfigDtypes[] = {
    MIRIN_DTYPE_UNKNOWN, MIRIN_DTYPE_BOOL, MIRIN_DTYPE_U8,  MIRIN_DTYPE_U16,    MIRIN_DTYPE_U32,
    MIRIN_DTYPE_U64,     MIRIN_DTYPE_I8,   MIRIN_DTYPE_I16, MIRIN_DTYPE_I32,    MIRIN_DTYPE_I64,
    MIRIN_DTYPE_F16,     MIRIN_DTYPE_F32,  MIRIN_DTYPE_F64, MIRIN_DTYPE_STRING, MIRIN_DTYPE_BF16,
};

inference::DataType ConfigDtype(mirin_dtype dtype) {
  const auto* const found = std::find(std::begin(kConfigDtypes), std::end(kConfigDtypes), dtype);
  return found == std::end(kConfigDtypes)
             ? inference::TYPE_INVALID
             : static_cast<inference::DataType>(found - std::begin(kConfigDtypes));
}

// UNKNOWN, which is any, is called BYTES: clients need a type they know.
absl::string_view MetadataDtype(mirin_dtype dtype) {
  const absl::string_view name = OipName(dtype);
  return name.empty() ? "BYTES" : name;
}

template <typename Field>
void SetDims(const ValueInfo& value, bool batchable, Field* dims) {
  if (batchable) dims->Add(-1);
  if (!value.has_shape) dims->Add(-1);
  for (int64_t d : value.dims) dims->Add(d);
}

template <typename Out>
void SetMetadata(const std::vector<ValueInfo>& values, bool batchable, Out* out) {
  for (const ValueInfo& value : values) {
    auto* tensor = out->Add();
    tensor->set_name(value.name);
    tensor->set_datatype(std::string(MetadataDtype(value.dtype)));
    SetDims(value, batchable, tensor->mutable_shape());
  }
}

template <typename Out>
void SetConfig(const std::vector<ValueInfo>& values, Out* out) {
  for (const ValueInfo& value : values) {
    auto* tensor = out->Add();
    tensor->set_name(value.name);
    tensor->set_data_type(value.dtype == MIRIN_DTYPE_UNKNOWN ? inference::TYPE_STRING
                                                             : ConfigDtype(value.dtype));
    SetDims(value, false, tensor->mutable_dims());
  }
}

void Set(const DurationStatistic& value, inference::StatisticDuration* out) {
  out->set_count(value.count);
  out->set_ns(value.ns);
}

}  // namespace

std::string Admin::ModelName(const MethodInfo& method) const {
  const auto named = context_.transport.engine->Find(method.servable, "");
  if (named.ok() && (*named)->method == method.method) return method.servable;
  return absl::StrCat(method.servable, ".", method.method);
}

absl::Status Admin::ServerLive(const inference::ServerLiveRequest&,
                               inference::ServerLiveResponse* out) const {
  out->set_live(context_.transport.engine->Live());
  return absl::OkStatus();
}

absl::Status Admin::ServerReady(const inference::ServerReadyRequest&,
                                inference::ServerReadyResponse* out) const {
  out->set_ready(context_.transport.engine->Ready() && !*context_.draining);
  return absl::OkStatus();
}

absl::Status Admin::ModelReady(const inference::ModelReadyRequest& in,
                               inference::ModelReadyResponse* out) const {
  out->set_ready(context_.transport.engine->Find(in.name(), in.version()).ok() &&
                 !*context_.draining);
  return absl::OkStatus();
}

absl::Status Admin::ServerMetadata(const inference::ServerMetadataRequest&,
                                   inference::ServerMetadataResponse* out) const {
  out->set_name("mirin");
  out->set_version(mirin_version_string());
  for (const char* extension : {"sequence", "model_repository", "schedule_policy",
                                "model_configuration", "system_shared_memory", "binary_tensor_data",
                                "parameters", "statistics", "trace", "logging"}) {
    out->add_extensions(extension);
  }
  return absl::OkStatus();
}

absl::Status Admin::ModelMetadata(const inference::ModelMetadataRequest& in,
                                  inference::ModelMetadataResponse* out) const {
  const Engine& engine = *context_.transport.engine;
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const MethodInfo> method,
                         engine.Find(in.name(), in.version()));
  out->set_name(in.name());
  for (uint64_t version : engine.Versions(method->servable))
    out->add_versions(absl::StrCat(version));
  out->set_platform(method->platform);
  SetMetadata(method->inputs, method->batchable, out->mutable_inputs());
  SetMetadata(method->outputs, method->batchable, out->mutable_outputs());
  return absl::OkStatus();
}

absl::Status Admin::ModelConfig(const inference::ModelConfigRequest& in,
                                inference::ModelConfigResponse* out) const {
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const MethodInfo> method,
                         context_.transport.engine->Find(in.name(), in.version()));
  inference::ModelConfig& config = *out->mutable_config();
  config.set_name(in.name());
  config.set_platform(method->platform);
  config.set_backend("mirin");
  config.set_max_batch_size(static_cast<int32_t>(method->batchable ? method->max_batch_size : 0));
  SetConfig(method->inputs, config.mutable_input());
  SetConfig(method->outputs, config.mutable_output());
  inference::ModelInstanceGroup& group = *config.add_instance_group();
  group.set_name(absl::StrCat(in.name(), "_0"));
  group.set_count(static_cast<int32_t>(method->replicas));
  group.set_kind(inference::ModelInstanceGroup::KIND_AUTO);
  if (method->stateful) {
    config.mutable_sequence_batching();
  } else if (method->batchable) {
    inference::ModelDynamicBatching& batching = *config.mutable_dynamic_batching();
    batching.set_max_queue_delay_microseconds(
        static_cast<uint64_t>(std::max<int64_t>(method->max_queue_delay_us, 0)));
    batching.mutable_default_queue_policy()->set_max_queue_size(
        static_cast<uint32_t>(method->max_queue_size));
  }
  config.mutable_model_transaction_policy()->set_decoupled(false);
  return absl::OkStatus();
}

absl::Status Admin::ModelStatistics(const inference::ModelStatisticsRequest& in,
                                    inference::ModelStatisticsResponse* out) const {
  const Engine& engine = *context_.transport.engine;
  std::vector<std::pair<std::string, std::shared_ptr<const MethodInfo>>> methods;
  if (in.name().empty()) {
    for (auto& method : engine.Methods()) methods.emplace_back(ModelName(*method), method);
  } else {
    MIRIN_ASSIGN_OR_RETURN(auto found, engine.Find(in.name(), in.version()));
    // without a version: all that run
    for (auto& method : engine.Methods()) {
      if (in.version().empty() && method->servable == found->servable &&
          method->method == found->method) {
        methods.emplace_back(in.name(), method);
      }
    }
    if (methods.empty()) methods.emplace_back(in.name(), std::move(found));
  }
  for (const auto& [name, method] : methods) {
    absl::StatusOr<MethodStatistics> statistics = engine.Statistics(*method);
    if (!statistics.ok()) continue;  // gone meanwhile
    inference::ModelStatistics& model = *out->add_model_stats();
    model.set_name(name);
    model.set_version(absl::StrCat(method->version));
    model.set_last_inference(statistics->last_inference_ms);
    model.set_inference_count(statistics->inference_count);
    model.set_execution_count(statistics->execution_count);
    inference::InferStatistics& times = *model.mutable_inference_stats();
    Set(statistics->success, times.mutable_success());
    Set(statistics->fail, times.mutable_fail());
    Set(statistics->queue, times.mutable_queue());
    Set(statistics->compute_input, times.mutable_compute_input());
    Set(statistics->compute_infer, times.mutable_compute_infer());
    Set(statistics->compute_output, times.mutable_compute_output());
    Set({}, times.mutable_cache_hit());
    Set({}, times.mutable_cache_miss());
    for (const BatchStatistic& batch : statistics->batches) {
      inference::InferBatchStatistics& size = *model.add_batch_stats();
      size.set_batch_size(batch.size);
      Set(batch.compute_input, size.mutable_compute_input());
      Set(batch.compute_infer, size.mutable_compute_infer());
      Set(batch.compute_output, size.mutable_compute_output());
    }
  }
  return absl::OkStatus();
}

absl::Status Admin::RepositoryIndex(const inference::RepositoryIndexRequest& in,
                                    inference::RepositoryIndexResponse* out) const {
  for (const ServableState& state : context_.transport.engine->List()) {
    if (in.ready() && state.state != "READY") continue;
    inference::RepositoryIndexResponse::ModelIndex& model = *out->add_models();
    model.set_name(state.name);
    model.set_version(absl::StrCat(state.version));
    model.set_state(state.state);
    model.set_reason(state.reason);
  }
  return absl::OkStatus();
}

absl::Status Admin::RepositoryModelLoad(const inference::RepositoryModelLoadRequest& in) const {
  std::map<std::string, std::string> parameters;
  for (const auto& [name, value] : in.parameters()) {
    using Kind = inference::ModelRepositoryParameter;
    switch (value.parameter_choice_case()) {
      case Kind::kStringParam:
        parameters[name] = value.string_param();
        break;
      case Kind::kBytesParam:
        parameters[name] = value.bytes_param();
        break;
      case Kind::kBoolParam:
        parameters[name] = value.bool_param() ? "true" : "false";
        break;
      case Kind::kInt64Param:
        parameters[name] = absl::StrCat(value.int64_param());
        break;
      case Kind::PARAMETER_CHOICE_NOT_SET:
        return absl::InvalidArgumentError(absl::StrCat("parameter '", name, "' has no value"));
    }
  }
  return context_.transport.engine->Load(in.model_name(), parameters);
}

absl::Status Admin::RepositoryModelUnload(const inference::RepositoryModelUnloadRequest& in) const {
  return context_.transport.engine->Unload(in.model_name());
}

absl::Status Admin::SystemSharedMemoryStatus(
    const inference::SystemSharedMemoryStatusRequest& in,
    inference::SystemSharedMemoryStatusResponse* out) const {
  MIRIN_ASSIGN_OR_RETURN(const auto regions, context_.transport.shared_memory->List(in.name()));
  for (const SharedMemoryRegistry::Region& region : regions) {
    auto& status = (*out->mutable_regions())[region.name];
    status.set_name(region.name);
    status.set_key(region.key);
    status.set_offset(region.offset);
    status.set_byte_size(region.byte_size);
  }
  return absl::OkStatus();
}

absl::Status Admin::SystemSharedMemoryRegister(
    const inference::SystemSharedMemoryRegisterRequest& in,
    inference::SystemSharedMemoryRegisterResponse*) const {
  if (!context_.allow_shared_memory) {
    return absl::PermissionDeniedError("shared memory cannot be registered over this address");
  }
  return context_.transport.shared_memory->Register(in.name(), in.key(), in.offset(),
                                                    in.byte_size());
}

absl::Status Admin::SystemSharedMemoryUnregister(
    const inference::SystemSharedMemoryUnregisterRequest& in,
    inference::SystemSharedMemoryUnregisterResponse*) const {
  if (!context_.allow_shared_memory) {
    return absl::PermissionDeniedError("shared memory cannot be unregistered over this address");
  }
  if (in.name().empty()) {
    context_.transport.shared_memory->UnregisterAll();
    return absl::OkStatus();
  }
  return context_.transport.shared_memory->Unregister(in.name());
}

// There is none: clients that look or clear up first go on.
absl::Status Admin::CudaSharedMemoryStatus(const inference::CudaSharedMemoryStatusRequest& in,
                                           inference::CudaSharedMemoryStatusResponse*) const {
  if (in.name().empty()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("Unable to find cuda shared memory region: '", in.name(), "'"));
}

absl::Status Admin::CudaSharedMemoryRegister(const inference::CudaSharedMemoryRegisterRequest&,
                                             inference::CudaSharedMemoryRegisterResponse*) const {
  return absl::UnimplementedError("CUDA shared memory is not supported");
}

absl::Status Admin::CudaSharedMemoryUnregister(
    const inference::CudaSharedMemoryUnregisterRequest& in,
    inference::CudaSharedMemoryUnregisterResponse*) const {
  if (in.name().empty()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("Unable to find cuda shared memory region: '", in.name(), "'"));
}

absl::Status Admin::TraceSetting(const inference::TraceSettingRequest& in,
                                 inference::TraceSettingResponse* out) const {
  if (!in.model_name().empty()) {
    MIRIN_RETURN_IF_ERROR(context_.transport.engine->Find(in.model_name(), "").status());
  }
  ServerSettings::Trace changes;
  for (const auto& [name, value] : in.settings())
    changes[name].assign(value.value().begin(), value.value().end());
  MIRIN_RETURN_IF_ERROR(context_.transport.settings->UpdateTrace(in.model_name(), changes));
  for (const auto& [name, values] : context_.transport.settings->TraceOf(in.model_name())) {
    auto& setting = (*out->mutable_settings())[name];
    for (const std::string& value : values) setting.add_value(value);
  }
  return absl::OkStatus();
}

absl::Status Admin::LogSettings(const inference::LogSettingsRequest& in,
                                inference::LogSettingsResponse* out) const {
  using In = inference::LogSettingsRequest::SettingValue;
  ServerSettings::Log changes;
  for (const auto& [name, value] : in.settings()) {
    switch (value.parameter_choice_case()) {
      case In::kBoolParam:
        changes[name] = value.bool_param() ? "true" : "false";
        break;
      case In::kUint32Param:
        changes[name] = absl::StrCat(value.uint32_param());
        break;
      case In::kStringParam:
        changes[name] = value.string_param();
        break;
      case In::PARAMETER_CHOICE_NOT_SET:
        break;  // asks for the value
    }
  }
  MIRIN_RETURN_IF_ERROR(context_.transport.settings->UpdateLogging(changes));
  for (const auto& [name, value] : context_.transport.settings->Logging()) {
    auto& setting = (*out->mutable_settings())[name];
    uint32_t level;
    if (name == "log_verbose_level" && absl::SimpleAtoi(value, &level)) {
      setting.set_uint32_param(level);
    } else if (value == "true" || value == "false") {
      setting.set_bool_param(value == "true");
    } else {
      setting.set_string_param(value);
    }
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
