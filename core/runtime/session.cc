#include "core/runtime/session.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/cpus.h"
#include "core/base/status.h"
#include "core/base/thread_pool.h"
#include "core/runtime/compiled_model.h"
#include "core/runtime/executor.h"
#include "core/runtime/profiler.h"

namespace mirin::runtime {
namespace {

absl::Status Busy() {
  return absl::FailedPreconditionError(
      "this session is running in another thread; use one session per thread or a pool");
}

bool Fits(const Shape& declared, absl::Span<const int64_t> dims) {
  if (!declared.rank_known()) return true;
  if (declared.rank() != static_cast<int>(dims.size())) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (declared.dim(static_cast<int>(i)) >= 0 && declared.dim(static_cast<int>(i)) != dims[i])
      return false;
  }
  return true;
}

bool SameTypes(absl::Span<const ir::TensorType> types, absl::Span<const Tensor> tensors) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i].dtype != tensors[i].dtype() || types[i].shape.dims() != tensors[i].dims())
      return false;
  }
  return true;
}

int ThreadsOf(const SessionOptions& options, bool deterministic) {
  const int most = deterministic ? kMostDeterministicThreads : options.threads;
  if (options.threads > 0) return std::min(options.threads, most);
  if (!deterministic) return 0;
  const int cpus = options.cpus.empty() ? AvailableCpus() : static_cast<int>(options.cpus.size());
  return std::min({cpus, AvailableCpus(), most});
}

bool Overlaps(const Tensor& input, const OutputBuffer& output) {
  const char* a = static_cast<const char*>(input.data());
  const char* b = static_cast<const char*>(output.data);
  return input.bytes() > 0 && output.bytes > 0 && a < b + output.bytes && b < a + input.bytes();
}

}  // namespace

class Session::Impl {
 public:
  Impl(std::shared_ptr<const Model> model, const SessionOptions& options)
      : model_(std::move(model)),
        deterministic_(options.deterministic || model_->deterministic()),
        threads_(ThreadsOf(options, deterministic_), options.cpus),
        profile_(options.profile) {}

  absl::Status Init(const SessionOptions& options) {
    MIRIN_ASSIGN_OR_RETURN(
        std::shared_ptr<DeviceSet> devices,
        model_->compiled().Devices(options.devices, {options.prefer_fp16, deterministic_}));
    std::vector<Tensor> variables;
    for (const auto& variable : model_->module().variables()) {
      const Tensor& initial = variable->tensor();
      MIRIN_ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(initial.dtype(), initial.dims()));
      std::memcpy(copy.mutable_data(), initial.data(), initial.bytes());
      variables.push_back(std::move(copy));
    }
    const plan::Schedule& schedule = model_->compiled().schedule(model_->module().entry());
    if (schedule.single_region) {
      region_ = schedule.items[0].region.get();
      for (const ir::Value* v : region_->inputs) {
        const auto& inputs = model_->module().entry()->inputs();
        int index = 0;
        while (inputs[index].get() != v) ++index;
        input_of_.push_back(index);
      }
    }
    executor_ = std::make_unique<Executor>(&model_->compiled(), std::move(devices), &threads_,
                                           &cancellation_, std::move(variables),
                                           profile_ ? &profiler_ : nullptr);
    return absl::OkStatus();
  }

  absl::Status CheckInput(size_t i, DType dtype, absl::Span<const int64_t> dims) const {
    const TensorSpec& spec = model_->inputs()[i];
    if (dtype == spec.type.dtype && Fits(spec.type.shape, dims)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("input ", i, " '", spec.name, "' is ",
                                                   Name(dtype), ToString(dims),
                                                   ", the model takes ", ir::ToString(spec.type)));
  }

  absl::Status CheckCount(size_t given) const {
    if (given == model_->inputs().size()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("the model takes ", model_->inputs().size(), " inputs, got ", given));
  }

  absl::Status Resize(absl::Span<const Dims> shapes) {
    MIRIN_ASSIGN_OR_RETURN(const RunLock lock, TryLock());
    MIRIN_RETURN_IF_ERROR(CheckCount(shapes.size()));
    for (size_t i = 0; i < shapes.size(); ++i) {
      const DType dtype = model_->inputs()[i].type.dtype;
      MIRIN_RETURN_IF_ERROR(CheckInput(i, dtype, shapes[i]));
      MIRIN_RETURN_IF_ERROR(
          Annotate(CheckedBytes(dtype, shapes[i]).status(), absl::StrCat("input ", i)));
    }
    if (region_ == nullptr) return absl::OkStatus();  // planned region by region as data comes
    std::vector<ir::TensorType> types;
    for (int i : input_of_) types.push_back({model_->inputs()[i].type.dtype, Shape(shapes[i])});
    bound_ = nullptr;
    MIRIN_ASSIGN_OR_RETURN(bound_, executor_->Bind(*region_, types));
    return absl::OkStatus();
  }

  absl::StatusOr<RunLock> TryLock() {
    if (running_.exchange(true, std::memory_order_acquire)) return Busy();
    return RunLock(&running_);
  }

  // The caller holds the lock.
  absl::StatusOr<absl::Span<const Tensor>> Run(absl::Span<const Tensor> inputs,
                                               absl::Span<const OutputBuffer> buffers,
                                               const RunControl& control) {
    cancellation_.Reset(control.cancellation, control.deadline);
    executor_->BeginRun();
    auto result = threads_.pinned() ? RunPinned(inputs, buffers) : RunChecked(inputs, buffers);
    if (absl::IsCancelled(result.status()) && !cancellation_.requested())
      return absl::DeadlineExceededError("the run did not end before its deadline");
    return result;
  }

  absl::StatusOr<absl::Span<const Tensor>> RunPinned(absl::Span<const Tensor> inputs,
                                                     absl::Span<const OutputBuffer> buffers) {
    absl::StatusOr<absl::Span<const Tensor>> result = absl::InternalError("the run did not begin");
    threads_.Enter([&] { result = RunChecked(inputs, buffers); });
    return result;
  }

  absl::StatusOr<absl::Span<const Tensor>> RunChecked(absl::Span<const Tensor> inputs,
                                                      absl::Span<const OutputBuffer> buffers) {
    MIRIN_RETURN_IF_ERROR(CheckCount(inputs.size()));
    if (!buffers.empty() && buffers.size() != model_->outputs().size()) {
      return absl::InvalidArgumentError(absl::StrCat("the model has ", model_->outputs().size(),
                                                     " outputs, got buffers for ", buffers.size()));
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      MIRIN_RETURN_IF_ERROR(CheckInput(i, inputs[i].dtype(), inputs[i].dims()));
      if (inputs[i].data() == nullptr && inputs[i].bytes() > 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("input ", i, " '", model_->inputs()[i].name, "' has no data"));
      }
      for (const OutputBuffer& buffer : buffers) {
        if (Overlaps(inputs[i], buffer)) {
          return absl::InvalidArgumentError(absl::StrCat("an output buffer overlaps input ", i,
                                                         " '", model_->inputs()[i].name, "'"));
        }
      }
    }
    MIRIN_ASSIGN_OR_RETURN(absl::Span<const Tensor> aligned, Align(inputs));
    return region_ != nullptr ? RunPlan(aligned, buffers) : RunGraph(aligned, buffers);
  }

  // Copies inputs whose address does not fit their dtype; kernels may then load elements directly.
  absl::StatusOr<absl::Span<const Tensor>> Align(absl::Span<const Tensor> inputs) {
    bool all = true;
    for (const Tensor& t : inputs) all &= reinterpret_cast<uintptr_t>(t.data()) % alignof_(t) == 0;
    if (all) return inputs;
    aligned_.clear();
    for (const Tensor& t : inputs) {
      if (reinterpret_cast<uintptr_t>(t.data()) % alignof_(t) == 0) {
        aligned_.push_back(t);
        continue;
      }
      MIRIN_ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(t.dtype(), t.dims()));
      std::memcpy(copy.mutable_data(), t.data(), t.bytes());
      aligned_.push_back(std::move(copy));
    }
    return absl::MakeConstSpan(aligned_);
  }

  static size_t alignof_(const Tensor& t) {
    return t.dtype() == DType::kString ? 8 : SizeOf(t.dtype());
  }

  absl::StatusOr<absl::Span<const Tensor>> RunPlan(absl::Span<const Tensor> inputs,
                                                   absl::Span<const OutputBuffer> buffers) {
    bool same = bound_ != nullptr;
    for (size_t i = 0; same && i < input_of_.size(); ++i) {
      same = bound_->plan().inputs[i].shape.dims() == inputs[input_of_[i]].dims();
    }
    if (!same) {
      std::vector<ir::TensorType> types;
      for (int i : input_of_) types.push_back({inputs[i].dtype(), inputs[i].shape()});
      bound_ = nullptr;
      outputs_.clear();
      MIRIN_ASSIGN_OR_RETURN(bound_, executor_->Bind(*region_, types));
    }
    for (size_t i = 0; i < input_of_.size(); ++i)
      bound_->SetInput(static_cast<int>(i), inputs[input_of_[i]].data());
    MIRIN_RETURN_IF_ERROR(PlaceOutputs(bound_->plan().outputs, buffers));
    for (size_t i = 0; i < outputs_.size(); ++i) {
      bound_->SetOutput(static_cast<int>(i), const_cast<void*>(outputs_[i].data()));
    }
    MIRIN_RETURN_IF_ERROR(bound_->Run(profile_ ? &profiler_ : nullptr));
    return absl::MakeConstSpan(outputs_);
  }

  absl::StatusOr<absl::Span<const Tensor>> RunGraph(absl::Span<const Tensor> inputs,
                                                    absl::Span<const OutputBuffer> buffers) {
    std::vector<Tensor> arguments(inputs.begin(), inputs.end());
    MIRIN_ASSIGN_OR_RETURN(std::vector<Tensor> results,
                           executor_->RunGraph(model_->module().entry(), std::move(arguments)));
    std::vector<ir::TensorType> types;
    for (const Tensor& t : results) types.push_back({t.dtype(), t.shape()});
    MIRIN_RETURN_IF_ERROR(PlaceOutputs(types, buffers));
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].bytes() > 0) {
        std::memcpy(const_cast<void*>(outputs_[i].data()), results[i].data(), results[i].bytes());
      }
    }
    return absl::MakeConstSpan(outputs_);
  }

  // Makes outputs_ refer to the caller's buffers, or to the session's memory where none was given.
  absl::Status PlaceOutputs(absl::Span<const ir::TensorType> types,
                            absl::Span<const OutputBuffer> buffers) {
    if (buffers.empty() && own_outputs_ && outputs_.size() == types.size() &&
        SameTypes(types, outputs_)) {
      return absl::OkStatus();
    }
    outputs_.resize(types.size());
    memory_.resize(types.size());
    for (size_t i = 0; i < types.size(); ++i) {
      const size_t bytes = LayoutBytes(types[i].dtype, types[i].shape.dims(), Layout::kPlain);
      if (!buffers.empty() && buffers[i].data != nullptr) {
        if (buffers[i].bytes < bytes) {
          return absl::InvalidArgumentError(
              absl::StrCat("the buffer for output ", i, " '", model_->outputs()[i].name, "' has ",
                           buffers[i].bytes, " bytes, ", ir::ToString(types[i]), " needs ", bytes));
        }
        if (reinterpret_cast<uintptr_t>(buffers[i].data) % SizeOf(types[i].dtype) != 0) {
          return absl::InvalidArgumentError(absl::StrCat("the buffer for output ", i, " '",
                                                         model_->outputs()[i].name,
                                                         "' is not aligned to its elements"));
        }
        outputs_[i] =
            Tensor::Borrow(types[i].dtype, types[i].shape.dims(), buffers[i].data, nullptr);
        continue;
      }
      if (memory_[i].memory == nullptr || memory_[i].bytes < bytes) {
        memory_[i] = {AllocateAligned(bytes), bytes};
        if (memory_[i].memory == nullptr) {
          return absl::ResourceExhaustedError(
              absl::StrCat("no memory for output ", i, ": ", bytes, " bytes"));
        }
      }
      outputs_[i] = Tensor::Borrow(types[i].dtype, types[i].shape.dims(), memory_[i].memory.get(),
                                   memory_[i].memory);
    }
    own_outputs_ = buffers.empty();
    return absl::OkStatus();
  }

  struct OwnMemory {
    std::shared_ptr<void> memory;
    size_t bytes = 0;
  };

  const std::shared_ptr<const Model> model_;
  const bool deterministic_;
  const ThreadShare threads_;
  const bool profile_;
  Cancellation cancellation_;
  Profiler profiler_;
  std::atomic<bool> running_{false};
  std::unique_ptr<Executor> executor_;
  const plan::Region* region_ = nullptr;  // the whole entry graph, when it is one region
  std::vector<int> input_of_;             // model input behind each region input
  BoundPlan* bound_ = nullptr;
  std::vector<Tensor> aligned_;
  std::vector<Tensor> outputs_;
  std::vector<OwnMemory> memory_;
  bool own_outputs_ = false;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

absl::StatusOr<std::unique_ptr<Session>> Session::Create(std::shared_ptr<const Model> model,
                                                         const SessionOptions& options) {
  if (options.threads < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads is ", options.threads, ", expected 0 (all) or more"));
  }
  const std::vector<int>& available = ProcessCpus();
  for (int cpu : options.cpus) {
    if (!std::binary_search(available.begin(), available.end(), cpu) || cpu >= CPU_SETSIZE) {
      return absl::InvalidArgumentError(absl::StrCat("this process may not run on CPU ", cpu,
                                                     "; it may on ", FormatCpuList(available)));
    }
  }
  auto impl = std::make_unique<Impl>(std::move(model), options);
  MIRIN_RETURN_IF_ERROR(impl->Init(options));
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

const Model& Session::model() const { return *impl_->model_; }

absl::Status Session::Resize(absl::Span<const Dims> shapes) { return impl_->Resize(shapes); }

absl::StatusOr<absl::Span<const Tensor>> Session::Run(absl::Span<const Tensor> inputs) {
  return RunInto(inputs, {});
}

absl::StatusOr<absl::Span<const Tensor>> Session::RunInto(absl::Span<const Tensor> inputs,
                                                          absl::Span<const OutputBuffer> outputs,
                                                          const RunControl& control) {
  MIRIN_ASSIGN_OR_RETURN(const RunLock lock, TryLock());
  return RunLocked(inputs, outputs, control);
}

absl::StatusOr<RunLock> Session::TryLock() { return impl_->TryLock(); }

absl::StatusOr<absl::Span<const Tensor>> Session::RunLocked(absl::Span<const Tensor> inputs,
                                                            absl::Span<const OutputBuffer> outputs,
                                                            const RunControl& control) {
  return impl_->Run(inputs, outputs, control);
}

void Session::Cancel() { impl_->cancellation_.Cancel(); }

absl::StatusOr<Tensor> Session::GetState(int i) const {
  const auto& variables = impl_->executor_->variables();
  if (i < 0 || i >= static_cast<int>(variables.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("state ", i, " is out of range: the model has ", variables.size()));
  }
  return variables[i];
}

absl::Status Session::SetState(int i, const Tensor& value) {
  MIRIN_ASSIGN_OR_RETURN(Tensor state, GetState(i));
  if (state.dtype() != value.dtype() || state.dims() != value.dims()) {
    return absl::InvalidArgumentError(absl::StrCat("state ", i, " '", model().states()[i].name,
                                                   "' is ", TypeString(state), ", got ",
                                                   TypeString(value)));
  }
  MIRIN_ASSIGN_OR_RETURN(const RunLock lock, TryLock());
  if (value.bytes() > 0) std::memcpy(state.mutable_data(), value.data(), value.bytes());
  return absl::OkStatus();
}

std::vector<ProfileEntry> Session::Profile() const { return impl_->profiler_.Entries(); }
void Session::ResetProfile() { impl_->profiler_.Reset(); }
std::string Session::ProfileTable() const { return impl_->profiler_.Table(); }
std::string Session::ProfileTrace() const { return impl_->profiler_.Trace(); }

std::string Session::PlacementReport() const {
  std::string report;
  for (const plan::Plan* plan : impl_->executor_->LatestPlans()) {
    for (const plan::Step& step : plan->steps) {
      absl::StrAppend(&report, step.label, ": ", step.kernel->implementation(), "\n");
      for (const plan::Refusal& refusal : plan->refusals) {
        if (step.node != nullptr && refusal.node == step.node) {
          absl::StrAppend(&report, "    not ", refusal.backend, ": ", refusal.reason, "\n");
        }
      }
    }
  }
  return report;
}

}  // namespace mirin::runtime
