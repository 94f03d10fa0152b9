#include "core/serving/engine/served_model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/serving/tensor.h"

namespace mirin::serving {
namespace {

using tools::Take;

// MindSpore Serving's names of dtypes, for its error texts.
const char* KmsiName(mirin_dtype dtype) {
  switch (dtype) {
    case MIRIN_DTYPE_BOOL:
      return "kMSI_Bool";
    case MIRIN_DTYPE_I8:
      return "kMSI_Int8";
    case MIRIN_DTYPE_I16:
      return "kMSI_Int16";
    case MIRIN_DTYPE_I32:
      return "kMSI_Int32";
    case MIRIN_DTYPE_I64:
      return "kMSI_Int64";
    case MIRIN_DTYPE_U8:
      return "kMSI_Uint8";
    case MIRIN_DTYPE_U16:
      return "kMSI_Uint16";
    case MIRIN_DTYPE_U32:
      return "kMSI_Uint32";
    case MIRIN_DTYPE_U64:
      return "kMSI_Uint64";
    case MIRIN_DTYPE_F16:
      return "kMSI_Float16";
    case MIRIN_DTYPE_BF16:
      return "kMSI_BFloat16";
    case MIRIN_DTYPE_F32:
      return "kMSI_Float32";
    case MIRIN_DTYPE_F64:
      return "kMSI_Float64";
    case MIRIN_DTYPE_STRING:
      return "kMSI_String";
    default:
      return "kMSI_Unknown";
  }
}

ServedModel::Port MakePort(const char* name, mirin_dtype dtype, int32_t rank, const int64_t* dims,
                           bool has_batch) {
  ServedModel::Port port;
  port.name = name;
  port.dtype = dtype;
  port.has_rank = rank >= 0;
  port.has_batch = has_batch;
  if (!port.has_rank) return port;
  port.dims.assign(dims + (has_batch ? 1 : 0), dims + rank);
  int64_t elements = 1;
  for (int64_t d : port.dims) elements = d < 0 || elements < 0 ? -1 : elements * d;
  if (elements >= 0 && dtype != MIRIN_DTYPE_STRING)
    port.fixed_bytes = elements * static_cast<int64_t>(mirin_dtype_size(dtype));
  return port;
}

bool SameValue(const Tensor& a, const Tensor& b) {
  return a.dtype == b.dtype && a.dims == b.dims && a.texts == b.texts &&
         a.data.size() == b.data.size() &&
         (a.data.data() == b.data.data() ||
          std::memcmp(a.data.data(), b.data.data(), a.data.size()) == 0);
}

bool Fits(const Dims& dims, const Dims& declared) {
  if (dims.size() != declared.size()) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (declared[i] >= 0 && declared[i] != dims[i]) return false;
  }
  return true;
}

absl::StatusOr<tools::TensorPtr> Strings(const Dims& dims,
                                         const std::vector<const std::string*>& texts) {
  std::vector<const char*> pointers;
  std::vector<size_t> sizes;
  for (const std::string* text : texts) {
    pointers.push_back(text->data());
    sizes.push_back(text->size());
  }
  mirin_tensor* out = nullptr;
  const absl::Status status = Take(
      mirin_tensor_create_strings(dims.data(), dims.size(), pointers.data(), sizes.data(), &out));
  if (!status.ok()) return status;
  return tools::TensorPtr(out);
}

// A tensor over shared bytes, which must outlive it; runs only read their inputs.
absl::StatusOr<tools::TensorPtr> Borrow(mirin_dtype dtype, const Dims& dims, const Buffer& data) {
  mirin_tensor* out = nullptr;
  static uint8_t nothing[1];
  void* bytes = data.size() == 0 ? nothing : const_cast<uint8_t*>(data.data());
  const absl::Status status =
      Take(mirin_tensor_create_borrowed(dtype, dims.data(), dims.size(), bytes, data.size(), &out));
  if (!status.ok()) return status;
  return tools::TensorPtr(out);
}

mirin_run_options RunOptions(absl::Time deadline, mirin_cancellation* cancellation) {
  mirin_run_options options = MIRIN_RUN_OPTIONS_INIT;
  options.cancellation = cancellation;
  if (deadline != absl::InfiniteFuture()) {
    options.timeout_us = std::max<int64_t>(1, absl::ToInt64Microseconds(deadline - absl::Now()));
  }
  return options;
}

bool HasOpenBatch(const mirin_model* m) {
  if (mirin_model_state_count(m) > 0) return false;
  for (size_t i = 0; i < mirin_model_input_count(m); ++i) {
    if (mirin_model_input_rank(m, i) < 1 || mirin_model_input_dims(m, i)[0] >= 0) return false;
  }
  for (size_t i = 0; i < mirin_model_output_count(m); ++i) {
    if (mirin_model_output_rank(m, i) < 1 || mirin_model_output_dims(m, i)[0] >= 0) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServedModel>> ServedModel::Load(const ModelSpec& spec,
                                                               const LoadModelOptions& options) {
  std::unique_ptr<ServedModel> model(new ServedModel());
  model->spec_ = spec;
  model->replicas_ = std::max(1, options.replicas);
  model->max_sessions_ = options.max_sessions;
  for (const std::string& file : spec.files) {
    const std::string path =
        !file.empty() && file[0] == '/' ? file : absl::StrCat(options.version_directory, "/", file);
    const absl::Status status = model->LoadGraph(path, options);
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("Load model failed, model file '", path,
                                                      "': ", status.message()));
    }
  }
  if (!model->spec_.with_batch_dim) model->batch_ = 1;
  for (const tools::ModelPtr& graph : model->models_)
    model->stateful_ |= mirin_model_state_count(graph.get()) > 0;
  if (model->stateful_) {
    model->replicas_ = 1;
    return model;
  }
  for (const tools::ModelPtr& graph : model->models_) {
    const mirin_session_options session = model->SessionOptions();
    mirin_pool_options pool = MIRIN_POOL_OPTIONS_INIT;
    pool.workers = model->replicas_;
    pool.session = &session;
    mirin_pool* made = nullptr;
    const absl::Status status = Take(mirin_pool_create(graph.get(), &pool, &made));
    if (!status.ok()) return status;
    model->pools_.emplace_back(made);
  }
  return model;
}

absl::Status ServedModel::LoadGraph(const std::string& path, const LoadModelOptions& options) {
  mirin_model_options load = MIRIN_MODEL_OPTIONS_INIT;
  load.key = options.key.empty() ? nullptr : options.key.data();
  load.key_size = options.key.size();
  load.cipher = options.cipher;
  tools::ConfigPtr config;
  if (!spec_.config_file.empty()) {
    mirin_config* made = nullptr;
    absl::Status status = Take(mirin_config_create(&made));
    config.reset(made);
    const std::string file = spec_.config_file[0] == '/'
                                 ? spec_.config_file
                                 : absl::StrCat(options.directory, "/", spec_.config_file);
    if (status.ok()) status = Take(mirin_config_load_file(config.get(), file.c_str()));
    if (!status.ok()) return status;
    load.config = config.get();
  }
  mirin_model* loaded = nullptr;
  const absl::Status status = Take(mirin_model_load_file(path.c_str(), &load, &loaded));
  if (!status.ok()) return status;
  models_.emplace_back(loaded);

  if (spec_.find_batch_dim) spec_.with_batch_dim = HasOpenBatch(loaded);
  Subgraph graph;
  int64_t batch = -2;  // not seen yet
  const auto add = [&](std::vector<Port>& ports, const char* kind, size_t i, const char* name,
                       mirin_dtype dtype, int32_t rank, const int64_t* dims, bool has_batch) {
    if (has_batch && rank == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("The ", kind, " ", i, " '", name,
                       "' is a scalar: it has no batch axis (with_batch_dim)"));
    }
    if (has_batch && rank > 0) {
      if (batch == -2) batch = dims[0];
      if (dims[0] != batch) {
        return absl::InvalidArgumentError(
            absl::StrCat("The shape ", DimsText({dims, static_cast<size_t>(rank)}), " of model ",
                         kind, " ", i, " does not match current batch size ", batch));
      }
    }
    ports.push_back(MakePort(name, dtype, rank, dims, has_batch));
    return absl::OkStatus();
  };
  const mirin_model* m = loaded;
  for (size_t i = 0; i < mirin_model_input_count(m); ++i) {
    const auto& without = spec_.without_batch_dim_inputs;
    const bool has_batch =
        spec_.with_batch_dim && std::find(without.begin(), without.end(), i) == without.end();
    const absl::Status added =
        add(graph.inputs, "input", i, mirin_model_input_name(m, i), mirin_model_input_dtype(m, i),
            mirin_model_input_rank(m, i), mirin_model_input_dims(m, i), has_batch);
    if (!added.ok()) return added;
  }
  for (size_t i = 0; i < mirin_model_output_count(m); ++i) {
    const int32_t rank = mirin_model_output_rank(m, i);
    const int64_t* dims = mirin_model_output_dims(m, i);
    // an output may be open where the inputs are not; what it is shows at run time
    const bool open = rank > 0 && dims[0] < 0 && batch >= 0;
    const absl::Status added =
        open ? (graph.outputs.push_back(MakePort(mirin_model_output_name(m, i),
                                                 mirin_model_output_dtype(m, i), rank, dims, true)),
                absl::OkStatus())
             : add(graph.outputs, "output", i, mirin_model_output_name(m, i),
                   mirin_model_output_dtype(m, i), rank, dims, spec_.with_batch_dim);
    if (!added.ok()) return added;
  }
  if (spec_.with_batch_dim) {
    const bool fixed = batch >= 0;
    const uint64_t size =
        fixed ? static_cast<uint64_t>(batch) : std::max<uint64_t>(1, options.max_batch);
    if (fixed && batch == 0) return absl::InvalidArgumentError("the batch axis has size 0");
    if (!graphs_.empty() && size != batch_) {
      return absl::InvalidArgumentError(
          absl::StrCat("its batch size is ", size, ", that of the subgraphs before it ", batch_));
    }
    batch_ = size;
    fixed_batch_ = fixed;
  }
  graphs_.push_back(std::move(graph));
  return absl::OkStatus();
}

Failure ServedModel::Check(size_t subgraph, std::vector<Tensor>& inputs, bool strict) const {
  const std::vector<Port>& ports = graphs_[subgraph].inputs;
  if (inputs.size() != ports.size()) {
    return InvalidInputs(absl::StrCat("The inputs count ", inputs.size(),
                                      " is not equal to the inputs count ", ports.size(),
                                      " of the model"));
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    Tensor& input = inputs[i];
    if (port.fixed_bytes >= 0 && input.data.size() != static_cast<size_t>(port.fixed_bytes)) {
      return InvalidInputs(absl::StrCat("Given model input ", i, " size ", input.data.size(),
                                        " not match the size ", port.fixed_bytes,
                                        " defined in model"));
    }
    if (input.dtype != port.dtype) {
      return InvalidInputs(absl::StrCat("Given model input ", i, " data type ",
                                        KmsiName(input.dtype), " not match the data type ",
                                        KmsiName(port.dtype), " defined in model"));
    }
    if (!port.has_rank) continue;
    if (port.fixed_bytes >= 0 && !strict) {
      input.dims = port.dims;
    } else if (!Fits(input.dims, port.dims)) {
      return InvalidInputs(absl::StrCat("Given model input ", i, " shape ", DimsText(input.dims),
                                        " not match the shape ", DimsText(port.dims),
                                        " defined in model"));
    }
  }
  return {};
}

bool ServedModel::Mergeable(size_t subgraph, const std::vector<Tensor>& a,
                            const std::vector<Tensor>& b) const {
  const std::vector<Port>& ports = graphs_[subgraph].inputs;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].has_batch ? a[i].dims != b[i].dims : !SameValue(a[i], b[i])) return false;
  }
  return true;
}

absl::StatusOr<std::vector<tools::TensorPtr>> ServedModel::Combine(
    size_t subgraph, absl::Span<const std::vector<Tensor>* const> instances, uint64_t batch) const {
  const std::vector<Port>& ports = graphs_[subgraph].inputs;
  std::vector<tools::TensorPtr> out;
  for (size_t i = 0; i < ports.size(); ++i) {
    const Tensor& first = (*instances[0])[i];
    Dims dims;
    if (ports[i].has_batch) dims.push_back(static_cast<int64_t>(batch));
    dims.insert(dims.end(), first.dims.begin(), first.dims.end());
    const uint64_t rows = ports[i].has_batch ? batch : 1;
    const auto row = [&](uint64_t r) -> const Tensor& {
      return (*instances[r < instances.size() ? r : 0])[i];
    };
    absl::StatusOr<tools::TensorPtr> made;
    if (first.dtype == MIRIN_DTYPE_STRING) {
      std::vector<const std::string*> texts;
      for (uint64_t r = 0; r < rows; ++r) {
        for (const std::string& text : row(r).texts) texts.push_back(&text);
      }
      made = Strings(dims, texts);
    } else {
      const size_t size = first.data.size();
      // instances that a request brought in one piece go in as they are; kernels rely on inputs that do not change
      bool contiguous = !first.data.is_foreign();
      for (uint64_t r = 1; r < rows && contiguous; ++r) {
        contiguous = row(r).data.data() == first.data.data() + r * size &&
                     row(r).data.owner() == first.data.owner();
      }
      if (contiguous) {
        made = Borrow(first.dtype, dims, Buffer(first.data.data(), size * rows, nullptr));
      } else {
        mirin_tensor* tensor = nullptr;
        const absl::Status status =
            Take(mirin_tensor_create(first.dtype, dims.data(), dims.size(), &tensor));
        if (!status.ok()) return status;
        made = tools::TensorPtr(tensor);
        auto* to = static_cast<uint8_t*>(mirin_tensor_mutable_data(tensor));
        for (uint64_t r = 0; r < rows && size > 0; ++r)
          std::memcpy(to + r * size, row(r).data.data(), size);
      }
    }
    if (!made.ok()) return made.status();
    out.push_back(*std::move(made));
  }
  return out;
}

absl::StatusOr<std::vector<std::vector<Tensor>>> ServedModel::Split(
    size_t subgraph, const std::vector<std::shared_ptr<mirin_tensor>>& outputs, size_t instances,
    uint64_t batch) const {
  std::vector<std::vector<Tensor>> out(instances);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const mirin_tensor* tensor = outputs[i].get();
    const int64_t* dims = mirin_tensor_dims(tensor);
    const size_t rank = mirin_tensor_rank(tensor);
    const bool has_batch = graphs_[subgraph].outputs[i].has_batch;
    if (has_batch && (rank == 0 || dims[0] != static_cast<int64_t>(batch))) {
      return absl::InternalError(absl::StrCat("output '", graphs_[subgraph].outputs[i].name,
                                              "' has shape ", DimsText({dims, rank}),
                                              ": its first axis is not the batch of ", batch));
    }
    Tensor one;
    one.dtype = mirin_tensor_dtype(tensor);
    one.dims.assign(dims + (has_batch ? 1 : 0), dims + rank);
    if (one.dtype == MIRIN_DTYPE_STRING) {
      const int64_t each =
          mirin_tensor_elements(tensor) / (has_batch ? static_cast<int64_t>(batch) : 1);
      for (size_t r = 0; r < instances; ++r) {
        Tensor row = one;
        for (int64_t e = 0; e < each; ++e) {
          size_t size = 0;
          const char* text = mirin_tensor_string(
              tensor, (has_batch ? static_cast<int64_t>(r) * each : 0) + e, &size);
          row.texts.emplace_back(text, size);
        }
        out[r].push_back(std::move(row));
      }
      continue;
    }
    const Buffer whole(mirin_tensor_data(tensor), mirin_tensor_size(tensor), outputs[i]);
    const size_t each = has_batch ? whole.size() / batch : whole.size();
    for (size_t r = 0; r < instances; ++r) {
      one.data = whole.Slice(has_batch ? r * each : 0, each);
      out[r].push_back(one);
    }
  }
  return out;
}

absl::StatusOr<std::vector<std::vector<Tensor>>> ServedModel::Run(
    size_t subgraph, absl::Span<const std::vector<Tensor>* const> instances,
    const std::string& session, absl::Time deadline, mirin_cancellation* cancellation) {
  const uint64_t batch = spec_.with_batch_dim && !fixed_batch_ ? instances.size() : batch_;
  const absl::StatusOr<std::vector<tools::TensorPtr>> combined =
      Combine(subgraph, instances, batch);
  if (!combined.ok()) return combined.status();
  const std::vector<const mirin_tensor*> inputs = tools::Pointers(*combined);
  const mirin_run_options options = RunOptions(deadline, cancellation);
  std::vector<std::shared_ptr<mirin_tensor>> outputs;
  if (stateful_) {
    auto ran = RunStateful(subgraph, inputs, session, options);
    if (!ran.ok()) return ran.status();
    outputs = *std::move(ran);
  } else {
    std::vector<mirin_tensor*> raw(graphs_[subgraph].outputs.size());
    const absl::Status status = Take(mirin_pool_run(
        pools_[subgraph].get(), inputs.data(), inputs.size(), &options, raw.data(), raw.size()));
    if (!status.ok()) return status;
    for (mirin_tensor* tensor : raw) outputs.emplace_back(tensor, tools::Destroy());
  }
  return Split(subgraph, outputs, instances.size(), batch);
}

mirin_session_options ServedModel::SessionOptions() const {
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  options.threads = std::max(0, spec_.thread_num);
  options.precision = spec_.prefer_fp16 ? MIRIN_PRECISION_PREFER_FP16 : MIRIN_PRECISION_FP32;
  options.cpus = spec_.cpus.empty() ? nullptr : spec_.cpus.data();
  options.num_cpus = spec_.cpus.size();
  return options;
}

absl::StatusOr<std::shared_ptr<ServedModel::Session>> ServedModel::FindSession(
    const std::string& name) {
  absl::MutexLock lock(&sessions_mutex_);
  for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
    if (it->first != name) continue;
    sessions_.splice(sessions_.begin(), sessions_, it);
    return sessions_.front().second;
  }
  auto session = std::make_shared<Session>();
  const mirin_session_options options = SessionOptions();
  for (const tools::ModelPtr& model : models_) {
    mirin_session* made = nullptr;
    const absl::Status status = Take(mirin_session_create(model.get(), &options, &made));
    if (!status.ok()) return status;
    session->graphs.emplace_back(made);
  }
  // the shared session stays
  if (sessions_.size() > max_sessions_) {
    auto last = std::prev(sessions_.end());
    if (last->first.empty() && sessions_.size() > 1) --last;
    sessions_.erase(last);
  }
  sessions_.emplace_front(name, session);
  return session;
}

void ServedModel::EndSession(const std::string& session) {
  absl::MutexLock lock(&sessions_mutex_);
  sessions_.remove_if([&](const auto& entry) { return entry.first == session; });
}

// Subgraphs share the states that have the same name.
absl::Status ServedModel::MoveStates(Session& session, size_t to) {
  const mirin_model* source = models_[session.newest].get();
  const mirin_model* target = models_[to].get();
  for (size_t i = 0; i < mirin_model_state_count(target); ++i) {
    for (size_t j = 0; j < mirin_model_state_count(source); ++j) {
      if (std::strcmp(mirin_model_state_name(target, i), mirin_model_state_name(source, j)) != 0)
        continue;
      mirin_tensor* value = nullptr;
      absl::Status status =
          Take(mirin_session_get_state(session.graphs[session.newest].get(), j, &value));
      const tools::TensorPtr owner(value);
      if (status.ok()) status = Take(mirin_session_set_state(session.graphs[to].get(), i, value));
      if (!status.ok()) {
        return absl::Status(
            status.code(),
            absl::StrCat("state '", mirin_model_state_name(target, i), "' of subgraph ",
                         session.newest, " for subgraph ", to, ": ", status.message()));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::shared_ptr<mirin_tensor>>> ServedModel::RunStateful(
    size_t subgraph, const std::vector<const mirin_tensor*>& inputs, const std::string& name,
    const mirin_run_options& options) {
  const absl::StatusOr<std::shared_ptr<Session>> found = FindSession(name);
  if (!found.ok()) return found.status();
  Session& session = **found;
  absl::MutexLock lock(&session.mutex);
  if (session.used && session.newest != subgraph) {
    const absl::Status moved = MoveStates(session, subgraph);
    if (!moved.ok()) return moved;
  }
  session.used = true;
  session.newest = subgraph;
  std::vector<const mirin_tensor*> lent(graphs_[subgraph].outputs.size());
  absl::Status status =
      Take(mirin_session_run_with(session.graphs[subgraph].get(), inputs.data(), inputs.size(),
                                  &options, lent.data(), lent.size()));
  if (!status.ok()) return status;
  std::vector<std::shared_ptr<mirin_tensor>> outputs;
  for (const mirin_tensor* tensor : lent) {
    mirin_tensor* copy = nullptr;
    status = Take(mirin_tensor_copy(tensor, &copy));
    if (!status.ok()) return status;
    outputs.emplace_back(copy, tools::Destroy());
  }
  return outputs;
}

absl::Status ServedModel::WarmUp() {
  for (size_t g = 0; g < graphs_.size(); ++g) {
    std::vector<Tensor> inputs;
    for (const Port& port : graphs_[g].inputs) {
      if (port.fixed_bytes < 0) break;
      Tensor zeros;
      zeros.dtype = port.dtype;
      zeros.dims = port.dims;
      zeros.data = Buffer::FromString(std::string(static_cast<size_t>(port.fixed_bytes), '\0'));
      inputs.push_back(std::move(zeros));
    }
    // states must not be touched before the first request
    if (stateful_ || inputs.size() != graphs_[g].inputs.size()) continue;
    const std::vector<Tensor>* const instance = &inputs;
    const auto ran = Run(g, {&instance, 1}, "", absl::InfiniteFuture(), nullptr);
    if (!ran.ok()) {
      return absl::Status(ran.status().code(),
                          absl::StrCat("warm-up of '", spec_.key, "': ", ran.status().message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
