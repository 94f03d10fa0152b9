#include "core/runtime/executor.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/float_mode.h"
#include "core/base/status.h"

namespace mirin::runtime {
namespace {

// Bound plans kept per session; more shapes than this and they are bound anew.
constexpr size_t kMaxBoundPlans = 64;

}  // namespace

BoundPlan::BoundPlan(std::shared_ptr<const plan::Plan> plan, char* arena,
                     absl::Span<const Tensor> variables, const ThreadShare* threads,
                     const Cancellation* cancellation, TextMemory* texts)
    : plan_(std::move(plan)),
      views_(plan_->slots.size()),
      input_slots_(plan_->inputs.size()),
      output_slots_(plan_->outputs.size()),
      outputs_(plan_->outputs.size(), nullptr),
      threads_(threads),
      cancellation_(cancellation) {
  for (size_t i = 0; i < views_.size(); ++i) {
    const plan::Slot& slot = plan_->slots[i];
    TensorView& view = views_[i];
    view = {nullptr, slot.type.dtype, slot.layout, slot.type.shape.dims()};
    switch (slot.storage) {
      case plan::Storage::kAbsent:
        break;
      case plan::Storage::kInput:
        input_slots_[slot.index].push_back(static_cast<int>(i));
        break;
      case plan::Storage::kOutput:
        output_slots_[slot.index].push_back(static_cast<int>(i));
        break;
      case plan::Storage::kConstant:
        view.data = const_cast<void*>(plan_->constants[slot.index].data());
        break;
      case plan::Storage::kVariable:
        view.data = const_cast<void*>(variables[slot.index].data());
        break;
      case plan::Storage::kArena:
        view.data = arena + slot.offset;
        break;
    }
  }
  size_t total = 0;
  for (const plan::Step& step : plan_->steps) total += step.inputs.size() + step.outputs.size();
  operands_.reserve(total);
  contexts_.reserve(plan_->steps.size());
  for (const plan::Step& step : plan_->steps) {
    const TensorView* const* first = operands_.data() + operands_.size();
    for (int slot : step.inputs) operands_.push_back(&views_[slot]);
    for (int slot : step.outputs) operands_.push_back(&views_[slot]);
    const auto all = absl::MakeConstSpan(first, step.inputs.size() + step.outputs.size());
    contexts_.emplace_back(all.subspan(0, step.inputs.size()), all.subspan(step.inputs.size()),
                           arena + step.scratch_offset, threads, cancellation, texts);
  }
}

void BoundPlan::SetInput(int i, const void* data) {
  for (int slot : input_slots_[i]) views_[slot].data = const_cast<void*>(data);
}

absl::Status BoundPlan::Run(Profiler* profiler) {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    for (int slot : output_slots_[i]) views_[slot].data = outputs_[i];
  }
  if (!plan_->needs_arena) return RunSteps(profiler);
  absl::Status status;
  threads_->Enter([&] { status = RunSteps(profiler); });
  return status;
}

absl::Status BoundPlan::RunSteps(Profiler* profiler) {
  const size_t count = plan_->steps.size();
  SubnormalFlush flush;
  for (size_t s = 0; s < count; ++s) {
    const plan::Step& step = plan_->steps[s];
    if (cancellation_->cancelled()) return absl::CancelledError("the run was cancelled");
    const int64_t begin = profiler == nullptr ? 0 : NowNs();
    flush.Set(step.kernel->flushes_subnormals());
    absl::Status status = step.kernel->Run(contexts_[s]);
    if (profiler != nullptr) profiler->Record(*plan_, step, begin, NowNs());
    if (!status.ok()) return Annotate(status, step.label);
  }
  for (const plan::OutputCopy& copy : plan_->copies) {
    const TensorView& from = views_[copy.slot];
    const size_t bytes = from.bytes();
    if (bytes > 0) std::memcpy(outputs_[copy.output], from.data, bytes);
  }
  return absl::OkStatus();
}

Executor::Executor(CompiledModel* compiled, std::shared_ptr<DeviceSet> devices,
                   const ThreadShare* threads, const Cancellation* cancellation,
                   std::vector<Tensor> variables, Profiler* profiler)
    : compiled_(compiled),
      devices_(std::move(devices)),
      threads_(threads),
      cancellation_(cancellation),
      variables_(std::move(variables)),
      profiler_(profiler) {}

absl::Status Executor::EnsureArena(size_t bytes) {
  if (arena_ != nullptr && bytes <= arena_bytes_) return absl::OkStatus();
  bound_.clear();  // they point into the old arena
  latest_.clear();
  once_.reset();
  arena_.reset();
  arena_bytes_ = 0;
  arena_ = AllocateAligned(bytes);
  if (arena_ == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for ", bytes, " bytes of intermediate results"));
  }
  arena_bytes_ = bytes;
  return absl::OkStatus();
}

absl::StatusOr<BoundPlan*> Executor::BindPlan(std::shared_ptr<const plan::Plan> plan, bool keep) {
  MIRIN_RETURN_IF_ERROR(EnsureArena(plan->arena_bytes));
  if (keep) {
    auto it = bound_.find(plan.get());
    if (it != bound_.end()) return it->second.get();
    if (bound_.size() >= kMaxBoundPlans) {
      bound_.clear();
      latest_.clear();
    }
  }
  auto bound = std::make_unique<BoundPlan>(plan, static_cast<char*>(arena_.get()), variables_,
                                           threads_, cancellation_, &texts_);
  BoundPlan* raw = bound.get();
  if (keep) {
    bound_[plan.get()] = std::move(bound);
  } else {
    once_ = std::move(bound);
  }
  return raw;
}

absl::StatusOr<BoundPlan*> Executor::Bind(const plan::Region& region,
                                          absl::Span<const ir::TensorType> types) {
  auto it = latest_.find(&region);
  if (it != latest_.end() && absl::MakeConstSpan(it->second->plan().inputs) == types)
    return it->second;
  MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<const plan::Plan> plan,
                         compiled_->GetPlan(region, types, *devices_, *threads_));
  MIRIN_ASSIGN_OR_RETURN(BoundPlan * bound, BindPlan(std::move(plan), /*keep=*/true));
  latest_[&region] = bound;
  return bound;
}

std::vector<const plan::Plan*> Executor::LatestPlans() const {
  std::vector<const plan::Plan*> plans;
  for (const auto& [region, bound] : latest_) plans.push_back(&bound->plan());
  return plans;
}

absl::StatusOr<Tensor> Executor::Read(const Frame& frame, const ir::Value* value) const {
  if (value->is_constant()) return compiled_->Constant(value);
  if (value->kind() == ir::ValueKind::kVariable) {  // a snapshot: the next write must not show
    const auto& variables = compiled_->module().variables();
    const auto at = std::find_if(variables.begin(), variables.end(),
                                 [&](const auto& v) { return v.get() == value; });
    const Tensor& current = variables_[at - variables.begin()];
    MIRIN_ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(current.dtype(), current.dims()));
    std::memcpy(copy.mutable_data(), current.data(), current.bytes());
    return copy;
  }
  auto it = frame.find(value);
  if (it == frame.end())
    return absl::InternalError(absl::StrCat("value '", value->name(), "' was not computed"));
  return it->second;
}

absl::Status Executor::RunRegion(const plan::Region& region, Frame* frame) {
  std::vector<Tensor> inputs;
  std::vector<ir::TensorType> types;
  for (const ir::Value* v : region.inputs) {
    MIRIN_ASSIGN_OR_RETURN(Tensor t, Read(*frame, v));
    types.push_back({t.dtype(), t.shape()});
    inputs.push_back(std::move(t));
  }
  BoundPlan* bound = nullptr;
  if (region.data_dependent) {
    MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<const plan::Plan> plan,
                           compiled_->MakePlan(region, inputs, *devices_, *threads_));
    MIRIN_ASSIGN_OR_RETURN(bound, BindPlan(std::move(plan), /*keep=*/false));
  } else {
    MIRIN_ASSIGN_OR_RETURN(bound, Bind(region, types));
  }
  for (size_t i = 0; i < inputs.size(); ++i) bound->SetInput(static_cast<int>(i), inputs[i].data());
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < region.outputs.size(); ++i) {
    const ir::TensorType& type = bound->plan().outputs[i];
    std::shared_ptr<void> memory =
        AllocateAligned(LayoutBytes(type.dtype, type.shape.dims(), Layout::kPlain));
    if (memory == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no memory for '", region.outputs[i]->name(), "' ", ir::ToString(type)));
    }
    const void* data = memory.get();
    bound->SetOutput(static_cast<int>(i), memory.get());
    outputs.push_back(Tensor::Borrow(type.dtype, type.shape.dims(), data, std::move(memory)));
  }
  MIRIN_RETURN_IF_ERROR(bound->Run(profiler_));
  for (size_t i = 0; i < outputs.size(); ++i) (*frame)[region.outputs[i]] = std::move(outputs[i]);
  return absl::OkStatus();
}

namespace {

absl::StatusOr<int> SelectBranch(const ir::Node& node, const Tensor* selector) {
  const int64_t count = static_cast<int64_t>(node.branches().size());
  if (count == 1) return 0;
  if (selector->elements() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(ir::Describe(node), ": the selector has shape ",
                                                   ToString(selector->dims()),
                                                   ", expected one element"));
  }
  if (selector->dtype() == DType::kBool) return *selector->data_as<bool>() ? 0 : 1;
  absl::StatusOr<std::vector<int64_t>> index = selector->ToInt64s();
  if (!index.ok()) return Annotate(index.status(), ir::Describe(node));
  const int64_t i = index->front() < 0 ? index->front() + count : index->front();
  if (i < 0 || i >= count) {
    return absl::InvalidArgumentError(absl::StrCat(ir::Describe(node), ": index ", index->front(),
                                                   " is out of range for ", count, " branches"));
  }
  return static_cast<int>(i);
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> Executor::RunGraph(const ir::Graph* graph,
                                                       std::vector<Tensor> arguments, int depth) {
  if (depth > kMaxCallDepth) {
    return absl::ResourceExhaustedError(
        absl::StrCat("calls nest deeper than ", kMaxCallDepth, " in graph '", graph->name(), "'"));
  }
  while (true) {  // one round per graph: a call in tail position is a jump
    const plan::Schedule& schedule = compiled_->schedule(graph);
    Frame frame;
    for (size_t i = 0; i < arguments.size(); ++i)
      frame[graph->inputs()[i].get()] = std::move(arguments[i]);
    arguments.clear();
    const ir::Graph* jump = nullptr;
    for (const plan::ScheduleItem& item : schedule.items) {
      if (cancellation_->cancelled()) return absl::CancelledError("the run was cancelled");
      if (item.region != nullptr) {
        MIRIN_RETURN_IF_ERROR(RunRegion(*item.region, &frame));
      } else {
        const ir::Node& node = *item.invoke;
        Tensor selector;
        if (node.branches().size() > 1) {
          MIRIN_ASSIGN_OR_RETURN(selector, Read(frame, node.input(0)));
        }
        MIRIN_ASSIGN_OR_RETURN(const int choice, SelectBranch(node, &selector));
        const ir::Branch& branch = node.branches()[choice];
        std::vector<Tensor> call_arguments;
        for (int a : branch.args) {
          MIRIN_ASSIGN_OR_RETURN(Tensor t, Read(frame, node.input(a)));
          call_arguments.push_back(std::move(t));
        }
        const bool tail =
            &item == &schedule.items.back() &&
            graph->outputs().size() == static_cast<size_t>(node.num_outputs()) &&
            std::equal(graph->outputs().begin(), graph->outputs().end(), node.outputs().begin(),
                       [](const ir::Value* a, const std::unique_ptr<ir::Value>& b) {
                         return a == b.get();
                       });
        if (tail) {
          jump = branch.graph;
          arguments = std::move(call_arguments);
          break;
        }
        MIRIN_ASSIGN_OR_RETURN(std::vector<Tensor> results,
                               RunGraph(branch.graph, std::move(call_arguments), depth + 1));
        for (int i = 0; i < node.num_outputs(); ++i) frame[node.output(i)] = std::move(results[i]);
      }
      for (const ir::Value* v : item.last_uses) frame.erase(v);
    }
    if (jump != nullptr) {
      graph = jump;
      continue;
    }
    std::vector<Tensor> results;
    for (const ir::Value* v : graph->outputs()) {
      MIRIN_ASSIGN_OR_RETURN(Tensor t, Read(frame, v));
      results.push_back(std::move(t));
    }
    return results;
  }
}

}  // namespace mirin::runtime
