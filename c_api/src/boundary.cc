#include "c_api/src/boundary.h"

#include "core/base/log.h"

namespace mirin::c_api {
mirin_status* ToC(const absl::Status& status) {
  if (status.ok()) return nullptr;
  try {
    return new mirin_status{static_cast<mirin_code>(status.code()), std::string(status.message())};
  } catch (...) {
    return OutOfMemory();
  }
}

mirin_status* OutOfMemory() {
  // Made beforehand: reporting that memory is short must not need any. mirin_status_destroy knows it.
  static mirin_status* const kStatus = new mirin_status{MIRIN_RESOURCE_EXHAUSTED, "out of memory"};
  return kStatus;
}

absl::StatusOr<runtime::ModelOptions> FromC(const mirin_model_options* given) {
  static const mirin_model_options kDefaults = MIRIN_MODEL_OPTIONS_INIT;
  auto known = Known(given, kDefaults);
  if (!known.ok()) return known.status();
  runtime::ModelOptions options;
  if (known->key_size > 0) {
    if (known->key == nullptr) return NullArgument("options.key");
    if (known->key_size > 64)
      return absl::InvalidArgumentError(absl::StrCat("a key of ", known->key_size, " bytes"));
    options.read.key.assign(static_cast<const char*>(known->key), known->key_size);
  }
  if (known->cipher < MIRIN_CIPHER_AUTO || known->cipher > MIRIN_CIPHER_SM4_CBC) {
    return absl::InvalidArgumentError(
        absl::StrCat("options.cipher has the unknown value ", static_cast<int>(known->cipher)));
  }
  options.read.mode = static_cast<mindir::CipherMode>(known->cipher);
  if (known->optimization_level < 0 || known->optimization_level > 1) {
    return absl::InvalidArgumentError(absl::StrCat("options.optimization_level is ",
                                                   known->optimization_level, ", expected 0 or 1"));
  }
  options.optimization_level = known->optimization_level;
  if (known->num_disabled_passes > 1024)
    return absl::InvalidArgumentError("options.num_disabled_passes is out of range");
  for (size_t i = 0; i < known->num_disabled_passes; ++i) {
    if (known->disabled_passes == nullptr || known->disabled_passes[i] == nullptr)
      return NullArgument("options.disabled_passes");
    options.disabled_passes.emplace_back(known->disabled_passes[i]);
  }
  if (known->dump_directory != nullptr) options.dump_directory = known->dump_directory;
  if (known->config != nullptr) {
    LogNotes(known->config);
    options.read.weights_directory = known->config->config.weights_directory;
    options.cache_directory = known->config->config.cache_directory;
    options.deterministic = known->config->config.deterministic;
  }
  return options;
}

absl::StatusOr<runtime::SessionOptions> FromC(const mirin_session_options* given) {
  static const mirin_session_options kDefaults = MIRIN_SESSION_OPTIONS_INIT;
  auto known = Known(given, kDefaults);
  if (!known.ok()) return known.status();
  runtime::SessionOptions options;
  options.threads = known->threads;
  if (known->precision != MIRIN_PRECISION_FP32 && known->precision != MIRIN_PRECISION_PREFER_FP16) {
    return absl::InvalidArgumentError(absl::StrCat("options.precision has the unknown value ",
                                                   static_cast<int>(known->precision)));
  }
  options.prefer_fp16 = known->precision == MIRIN_PRECISION_PREFER_FP16;
  if (known->num_devices > 64)
    return absl::InvalidArgumentError("options.num_devices is out of range");
  if (known->num_devices > 0) options.devices.clear();
  for (size_t i = 0; i < known->num_devices; ++i) {
    if (known->devices == nullptr || known->devices[i] == nullptr)
      return NullArgument("options.devices");
    options.devices.emplace_back(known->devices[i]);
  }
  options.profile = known->profile;
  if (known->num_cpus > 8192) return absl::InvalidArgumentError("options.num_cpus is out of range");
  if (known->num_cpus > 0 && known->cpus == nullptr) return NullArgument("options.cpus");
  options.cpus.assign(known->cpus, known->cpus + known->num_cpus);
  options.deterministic = known->deterministic;
  return options;
}

absl::StatusOr<RunLimits> FromC(const mirin_run_options* given) {
  static const mirin_run_options kDefaults = MIRIN_RUN_OPTIONS_INIT;
  const auto known = Known(given, kDefaults);
  if (!known.ok()) return known.status();
  RunLimits limits;
  if (known->timeout_us < 0)
    return absl::InvalidArgumentError(absl::StrCat("options.timeout_us is ", known->timeout_us));
  constexpr int64_t kFar = int64_t{1000000} * 3600 * 24 * 365;  // a year: no limit
  if (known->timeout_us > 0 && known->timeout_us < kFar) {
    limits.deadline = Cancellation::Clock::now() + std::chrono::microseconds(known->timeout_us);
  }
  if (known->cancellation != nullptr) limits.cancel = &known->cancellation->source;
  return limits;
}

void LogNotes(const mirin_config* config) {
  for (const std::string& note : config->config.notes) Log(LogLevel::kInfo, note);
}

absl::Status CheckOutputCount(const runtime::Model& model, size_t count) {
  const size_t expected = model.outputs().size();
  if (count == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the model has ", expected, " outputs, there is room for ", count));
}

absl::Status CollectInputs(const mirin_tensor* const* inputs, size_t count, size_t expected,
                           std::vector<Tensor>* to) {
  if (count != expected)
    return absl::InvalidArgumentError(
        absl::StrCat("the model takes ", expected, " inputs, got ", count));
  if (inputs == nullptr && count > 0) return NullArgument("inputs");
  to->resize(count);
  for (size_t i = 0; i < count; ++i) {
    if (inputs[i] == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("inputs[", i, "] is NULL"));
    (*to)[i] = inputs[i]->tensor;
  }
  return absl::OkStatus();
}

absl::Status CollectShapes(const runtime::Model& model, const int64_t* const* dims,
                           const size_t* ranks, size_t count, std::vector<Dims>* to) {
  if (count > 0 && dims == nullptr) return NullArgument("dims");
  if (count > 0 && ranks == nullptr) return NullArgument("ranks");
  if (count != model.inputs().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model takes ", model.inputs().size(), " inputs, got ", count));
  }
  for (size_t i = 0; i < count; ++i) {
    if (ranks[i] > MIRIN_MAX_RANK || (dims[i] == nullptr && ranks[i] > 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat("dims[", i, "] is NULL or ranks[", i, "] is out of range"));
    }
    to->emplace_back(dims[i], dims[i] + ranks[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<runtime::OutputBuffer>> BuffersOf(const runtime::Model& model,
                                                             mirin_tensor* const* outputs) {
  std::vector<runtime::OutputBuffer> buffers(model.outputs().size());
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (outputs[i] == nullptr) continue;
    const DType expected = model.outputs()[i].type.dtype;
    if (!outputs[i]->writable || outputs[i]->tensor.dtype() != expected) {
      return absl::InvalidArgumentError(absl::StrCat(
          "outputs[", i, "] must be a writable ", Name(expected), " tensor, got ",
          outputs[i]->writable ? "" : "a read-only ", Name(outputs[i]->tensor.dtype())));
    }
    buffers[i] = {outputs[i]->tensor.mutable_data(),
                  std::max(outputs[i]->capacity, outputs[i]->tensor.bytes())};
  }
  return buffers;
}

void TakeShapes(absl::Span<const Tensor> results, absl::Span<const runtime::OutputBuffer> buffers,
                mirin_tensor* const* outputs) {
  for (size_t i = 0; i < results.size(); ++i) {
    if (outputs[i] == nullptr || outputs[i]->tensor.dims() == results[i].dims()) continue;
    outputs[i]->capacity = buffers[i].bytes;
    outputs[i]->tensor = outputs[i]->tensor.Reshaped(results[i].dims());
  }
}

}  // namespace mirin::c_api
