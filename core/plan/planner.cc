#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/ops/schema.h"
#include "core/plan/evaluate.h"
#include "core/plan/memory_planner.h"
#include "core/plan/plan.h"

namespace mirin::plan {
namespace {

// Results of shape arithmetic are small; anything larger is left to the run.
constexpr size_t kMaxKnownBytes = size_t{64} << 10;

// Memory behind one or more slots (views share it).
struct Buffer {
  size_t bytes = 0;
  int first = 0;
  int last = 0;
  int output = -1;  // the region output that is written here, if any
};

class Planner {
 public:
  explicit Planner(const PlanRequest& request)
      : request_(request), plan_(std::make_unique<Plan>()) {}

  absl::StatusOr<std::unique_ptr<Plan>> Build() {
    MIRIN_RETURN_IF_ERROR(AddInputs());
    for (const ir::Node* node : request_.region->nodes) {
      MIRIN_RETURN_IF_ERROR(AddNode(*node));
    }
    MIRIN_RETURN_IF_ERROR(AddOutputs());
    PlaceInPlace();
    PlaceBuffers();
    return std::move(plan_);
  }

 private:
  // -- slots ------------------------------------------------------------------------------------------------------
  int AddSlot(Slot slot, int buffer) {
    plan_->slots.push_back(std::move(slot));
    buffer_of_.push_back(buffer);
    return static_cast<int>(plan_->slots.size()) - 1;
  }

  int AbsentSlot() {
    if (absent_ < 0) absent_ = AddSlot(Slot(), -1);
    return absent_;
  }

  int ArenaSlot(const ir::TensorType& type, Layout layout) {
    Buffer buffer;
    buffer.bytes = LayoutBytes(type.dtype, type.shape.dims(), layout);
    buffer.first = buffer.last = CurrentStep();
    buffers_.push_back(buffer);
    return AddSlot({type, layout, Storage::kArena, 0, 0}, static_cast<int>(buffers_.size()) - 1);
  }

  int ConstantSlot(Tensor tensor) {
    const ir::TensorType type = {tensor.dtype(), tensor.shape()};
    plan_->constants.push_back(std::move(tensor));
    return AddSlot({type, Layout::kPlain, Storage::kConstant,
                    static_cast<int>(plan_->constants.size()) - 1, 0},
                   -1);
  }

  int CurrentStep() const { return static_cast<int>(plan_->steps.size()); }

  // The slot of a value in the plain order it was produced in, made on demand for constants and variables.
  absl::StatusOr<int> SlotOf(const ir::Value* value) {
    if (value == nullptr) return AbsentSlot();
    auto it = slot_of_.find(value);
    if (it != slot_of_.end()) return it->second;
    int slot;
    if (auto known = known_.find(value); known != known_.end() && !value->is_constant()) {
      slot = ConstantSlot(known->second);
    } else if (value->is_constant()) {
      MIRIN_ASSIGN_OR_RETURN(Tensor tensor, request_.aligned->Get(value));
      slot = ConstantSlot(std::move(tensor));
    } else if (value->kind() == ir::ValueKind::kVariable) {
      const auto& variables = request_.module->variables();
      const auto at = std::find_if(variables.begin(), variables.end(),
                                   [&](const auto& v) { return v.get() == value; });
      slot = AddSlot({value->type(), Layout::kPlain, Storage::kVariable,
                      static_cast<int>(at - variables.begin()), 0},
                     -1);
    } else {
      return absl::InternalError(
          absl::StrCat("value '", value->name(), "' is read before it is made"));
    }
    slot_of_[value] = slot;
    return slot;
  }

  void MarkRead(int slot) {
    if (buffer_of_[slot] >= 0) buffers_[buffer_of_[slot]].last = CurrentStep();
  }

  // The slot that holds the same tensor in another layout, with a reorder step in front if it is new and moves anything.
  absl::StatusOr<int> InLayout(int slot, Layout layout) {
    const Slot& from = plan_->slots[slot];
    if (from.storage == Storage::kAbsent || from.layout == layout) return slot;
    const auto key = std::make_pair(slot, layout);
    if (auto it = reordered_.find(key); it != reordered_.end()) return it->second;
    if (from.storage != Storage::kVariable &&
        SameBytes(from.type.shape.dims(), from.layout, layout)) {
      Slot same = from;
      same.layout = layout;
      return reordered_[key] = AddSlot(std::move(same), buffer_of_[slot]);
    }
    std::unique_ptr<Kernel> kernel;
    absl::Status last = absl::UnimplementedError("no backend");
    for (const auto& backend : request_.backends) {
      auto made = backend->CreateReorder(from.type, from.layout, layout, *request_.threads);
      if (made.ok()) {
        kernel = std::move(*made);
        break;
      }
      last = made.status();
    }
    if (kernel == nullptr)
      return absl::InternalError(absl::StrCat("no reorder between layouts: ", last.message()));
    const int to = ArenaSlot(from.type, layout);
    AddStep(std::move(kernel), nullptr, "reorder", {slot}, {to});
    reordered_[key] = to;
    return to;
  }

  void AddStep(std::unique_ptr<Kernel> kernel, const ir::Node* node, std::string label,
               std::vector<int> inputs, std::vector<int> outputs) {
    for (int slot : inputs) MarkRead(slot);
    for (int slot : outputs) MarkRead(slot);
    plan_->needs_arena |= kernel->NeedsArena();
    Step step;
    step.kernel = std::move(kernel);
    step.node = node;
    step.label = std::move(label);
    step.inputs = std::move(inputs);
    step.outputs = std::move(outputs);
    plan_->steps.push_back(std::move(step));
  }

  // -- stages -----------------------------------------------------------------------------------------------------
  absl::Status AddInputs() {
    const Region& region = *request_.region;
    for (size_t i = 0; i < region.inputs.size(); ++i) {
      plan_->inputs.push_back(request_.inputs[i]);
      types_[region.inputs[i]] = request_.inputs[i];
      slot_of_[region.inputs[i]] = AddSlot(
          {request_.inputs[i], Layout::kPlain, Storage::kInput, static_cast<int>(i), 0}, -1);
      if (!request_.input_values.empty())
        inference_only_[region.inputs[i]] = request_.input_values[i];
    }
    return absl::OkStatus();
  }

  const Tensor* KnownValue(const ir::Value* value) const {
    if (value == nullptr) return nullptr;
    if (value->is_constant()) return &value->tensor();
    auto it = known_.find(value);
    return it == known_.end() ? nullptr : &it->second;
  }

  const ir::TensorType& TypeOf(const ir::Value* value) const {
    auto it = types_.find(value);
    return it == types_.end() ? value->type() : it->second;
  }

  absl::Status AddNode(const ir::Node& node) {
    const ops::OpSchema* schema = ops::FindSchema(node.op());
    if (schema == nullptr)
      return absl::NotFoundError(absl::StrCat(ir::Describe(node), ": unknown operator"));
    std::vector<ir::TensorType> types(node.num_inputs());
    std::vector<const Tensor*> values(node.num_inputs(), nullptr);        // true at every run
    std::vector<const Tensor*> infer_values(node.num_inputs(), nullptr);  // true at this run
    bool all_known = true;
    for (int i = 0; i < node.num_inputs(); ++i) {
      const ir::Value* v = node.input(i);
      if (v == nullptr) continue;
      types[i] = TypeOf(v);
      values[i] = KnownValue(v);
      infer_values[i] = values[i];
      if (auto it = inference_only_.find(v); it != inference_only_.end())
        infer_values[i] = &it->second;
      all_known &= values[i] != nullptr;
    }
    ops::InferContext infer(node, types, infer_values);
    MIRIN_RETURN_IF_ERROR(Annotate(schema->infer()(infer), ir::Describe(node)));
    for (int i = 0; i < node.num_outputs(); ++i) {
      const ir::TensorType& type = infer.outputs()[i];
      if (!type.shape.concrete()) {
        return absl::InternalError(absl::StrCat(
            ir::Describe(node), ": shape inference left output ", i, " as ", ir::ToString(type)));
      }
      MIRIN_RETURN_IF_ERROR(
          Annotate(CheckedBytes(type.dtype, type.shape.dims()).status(), ir::Describe(node)));
      types_[node.output(i)] = type;
    }
    if (ops::ReadsShapeOnly(node) || (all_known && ops::IsPure(node))) {
      MIRIN_ASSIGN_OR_RETURN(const bool evaluated, TryEvaluate(node, types, values));
      if (evaluated) return absl::OkStatus();
    }
    if (schema->view() && infer.outputs()[0].dtype == types[0].dtype)
      return AddView(node, infer.outputs()[0]);
    return AddKernel(node, types, values, infer.outputs());
  }

  absl::StatusOr<bool> TryEvaluate(const ir::Node& node, absl::Span<const ir::TensorType> types,
                                   absl::Span<const Tensor* const> values) {
    std::vector<Tensor> inputs(types.size());
    for (size_t i = 0; i < types.size(); ++i) {
      if (types[i].dtype == DType::kUnknown) continue;
      const ir::Value* value = node.input(static_cast<int>(i));
      if (values[i] == nullptr) {
        inputs[i] = Tensor::Borrow(types[i].dtype, types[i].shape.dims(), nullptr, nullptr);
      } else if (value->is_constant()) {
        MIRIN_ASSIGN_OR_RETURN(inputs[i], request_.aligned->Get(value));
      } else {
        inputs[i] = *values[i];
      }
    }
    auto outputs = Evaluate(*request_.backends.back(), node, inputs, kMaxKnownBytes);
    if (absl::IsResourceExhausted(outputs.status()) || absl::IsUnimplemented(outputs.status()))
      return false;
    if (!outputs.ok()) return outputs.status();
    for (int i = 0; i < node.num_outputs(); ++i) known_[node.output(i)] = std::move((*outputs)[i]);
    return true;
  }

  absl::Status AddView(const ir::Node& node, const ir::TensorType& type) {
    MIRIN_ASSIGN_OR_RETURN(int source, SlotOf(node.input(0)));
    if (plan_->slots[source].storage == Storage::kVariable) {
      return absl::InternalError(
          absl::StrCat(ir::Describe(node), ": a view of a variable without Load"));
    }
    MIRIN_ASSIGN_OR_RETURN(source, InLayout(source, Layout::kPlain));
    Slot slot = plan_->slots[source];
    slot.type = type;
    slot_of_[node.output()] = AddSlot(std::move(slot), buffer_of_[source]);
    return absl::OkStatus();
  }

  absl::Status AddKernel(const ir::Node& node, absl::Span<const ir::TensorType> types,
                         absl::Span<const Tensor* const> values,
                         absl::Span<const ir::TensorType> output_types) {
    std::vector<int> inputs(types.size());
    std::vector<Layout> layouts(types.size(), Layout::kPlain);
    std::vector<const ir::Value*> constants(types.size(), nullptr);
    for (size_t i = 0; i < types.size(); ++i) {
      const ir::Value* v = node.input(static_cast<int>(i));
      if (v != nullptr && v->is_constant()) {
        constants[i] = v;
        continue;  // its slot is made only if the kernel reads it
      }
      MIRIN_ASSIGN_OR_RETURN(inputs[i], SlotOf(v));
      layouts[i] = plan_->slots[inputs[i]].layout;
    }
    KernelRequest request;
    request.node = &node;
    request.inputs = types;
    request.outputs = output_types;
    request.input_layouts = layouts;
    request.constants = values;
    request.constant_values = constants;
    request.weights = request_.weights;
    request.threads = request_.threads;
    request.prefer_fp16 = request_.prefer_fp16;
    request.deterministic = request_.deterministic;
    std::unique_ptr<Kernel> kernel;
    for (const auto& backend : request_.backends) {
      absl::StatusOr<std::unique_ptr<Kernel>> made = backend->CreateKernel(request);
      if (made.ok()) {
        kernel = std::move(*made);
        break;
      }
      if (!absl::IsUnimplemented(made.status())) return Annotate(made.status(), ir::Describe(node));
      plan_->refusals.push_back(
          {&node, std::string(backend->name()), std::string(made.status().message())});
    }
    if (kernel == nullptr) {
      const std::string reason =
          plan_->refusals.empty() ? "no backend" : plan_->refusals.back().reason;
      return absl::UnimplementedError(absl::StrCat(ir::Describe(node), ": ", reason));
    }
    for (size_t i = 0; i < types.size(); ++i) {
      const int index = static_cast<int>(i);
      if (constants[i] != nullptr) {
        if (kernel->ConsumesConstant(index)) {
          inputs[i] = AddSlot({types[i], Layout::kPlain, Storage::kAbsent, 0, 0}, -1);
          const Tensor& packed = constants[i]->tensor();
          ReleaseMappedPages(packed.owner(), packed.data(), packed.bytes());
          continue;
        }
        if (kernel->TakesUnaligned(index)) {
          inputs[i] = ConstantSlot(constants[i]->tensor());
          continue;
        }
        MIRIN_ASSIGN_OR_RETURN(inputs[i], SlotOf(constants[i]));
      }
      MIRIN_ASSIGN_OR_RETURN(inputs[i], InLayout(inputs[i], kernel->input_layout(index)));
    }
    std::vector<int> outputs;
    for (int i = 0; i < node.num_outputs(); ++i) {
      outputs.push_back(ArenaSlot(output_types[i], kernel->output_layout(i)));
      slot_of_[node.output(i)] = outputs.back();
    }
    AddStep(std::move(kernel), &node, ir::Describe(node), std::move(inputs), std::move(outputs));
    return absl::OkStatus();
  }

  absl::Status AddOutputs() {
    const auto& outputs = request_.region->outputs;
    for (size_t k = 0; k < outputs.size(); ++k) {
      MIRIN_ASSIGN_OR_RETURN(int slot, SlotOf(outputs[k]));
      MIRIN_ASSIGN_OR_RETURN(slot, InLayout(slot, Layout::kPlain));
      plan_->outputs.push_back(plan_->slots[slot].type);
      Buffer* buffer = buffer_of_[slot] < 0 ? nullptr : &buffers_[buffer_of_[slot]];
      if (buffer != nullptr && buffer->output < 0) {
        buffer->output = static_cast<int>(k);
      } else {
        plan_->copies.push_back({slot, static_cast<int>(k)});
        if (buffer != nullptr) buffer->last = CurrentStep();  // the copies come after the last step
      }
    }
    return absl::OkStatus();
  }

  // Lets outputs take over the memory of inputs that end at the same step.
  void PlaceInPlace() {
    std::vector<int> merged(buffers_.size());
    std::iota(merged.begin(), merged.end(), 0);
    const auto root = [&](int b) {
      while (merged[b] != b) b = merged[b];
      return b;
    };
    for (size_t s = 0; s < plan_->steps.size(); ++s) {
      const Step& step = plan_->steps[s];
      if (step.outputs.empty()) continue;
      const int out = root(buffer_of_[step.outputs[0]]);
      for (size_t i = 0; i < step.inputs.size(); ++i) {
        if (buffer_of_[step.inputs[i]] < 0 || !step.kernel->CanRunInPlace(static_cast<int>(i)))
          continue;
        const int in = root(buffer_of_[step.inputs[i]]);
        Buffer& a = buffers_[in];
        Buffer& b = buffers_[out];
        const bool read_twice =
            std::count_if(step.inputs.begin(), step.inputs.end(), [&](int slot) {
              return buffer_of_[slot] >= 0 && root(buffer_of_[slot]) == in;
            }) > 1;
        if (in == out || read_twice || a.last != static_cast<int>(s) ||
            b.first != static_cast<int>(s) || a.bytes != b.bytes || a.output >= 0) {
          continue;
        }
        a.last = b.last;
        a.output = b.output;
        merged[out] = in;
        break;
      }
    }
    for (int& b : buffer_of_) {
      if (b >= 0) b = root(b);
    }
  }

  void PlaceBuffers() {
    std::vector<BufferUsage> usage;
    std::vector<int> record_of(buffers_.size(), -1);
    std::vector<bool> live(buffers_.size(), false);
    for (int b : buffer_of_) {
      if (b >= 0) live[b] = true;
    }
    for (size_t b = 0; b < buffers_.size(); ++b) {
      if (!live[b] || buffers_[b].output >= 0) continue;
      record_of[b] = static_cast<int>(usage.size());
      usage.push_back({buffers_[b].bytes, buffers_[b].first, buffers_[b].last});
    }
    const size_t first_scratch = usage.size();
    for (size_t s = 0; s < plan_->steps.size(); ++s) {
      usage.push_back(
          {plan_->steps[s].kernel->scratch_bytes(), static_cast<int>(s), static_cast<int>(s)});
    }
    const MemoryPlan memory = PlanMemory(usage);
    plan_->arena_bytes = memory.arena_bytes;
    for (size_t i = 0; i < plan_->slots.size(); ++i) {
      const int b = buffer_of_[i];
      if (b < 0) continue;
      Slot& slot = plan_->slots[i];
      if (buffers_[b].output >= 0) {
        slot.storage = Storage::kOutput;
        slot.index = buffers_[b].output;
      } else {
        slot.offset = memory.offsets[record_of[b]];
      }
    }
    for (size_t s = 0; s < plan_->steps.size(); ++s)
      plan_->steps[s].scratch_offset = memory.offsets[first_scratch + s];
  }

  const PlanRequest& request_;
  std::unique_ptr<Plan> plan_;
  std::vector<int> buffer_of_;  // per slot, -1: not ours
  std::vector<Buffer> buffers_;
  int absent_ = -1;
  absl::flat_hash_map<const ir::Value*, ir::TensorType> types_;
  absl::flat_hash_map<const ir::Value*, int> slot_of_;
  absl::flat_hash_map<const ir::Value*, Tensor> known_;  // shape arithmetic done while planning
  absl::flat_hash_map<const ir::Value*, Tensor> inference_only_;
  absl::flat_hash_map<std::pair<int, Layout>, int> reordered_;
};

}  // namespace

size_t Plan::bytes() const {
  size_t total = sizeof(Plan) + slots.size() * sizeof(Slot) + steps.size() * (sizeof(Step) + 512);
  for (const Tensor& t : constants) {
    if (t.bytes() <= kMaxKnownBytes) total += t.bytes();
  }
  return total;
}

absl::StatusOr<Tensor> AlignedConstants::Get(const ir::Value* constant) {
  if (constant->tensor().is_aligned()) return constant->tensor();
  absl::MutexLock lock(&mutex_);
  auto it = copies_.find(constant);
  if (it != copies_.end()) return it->second;
  MIRIN_ASSIGN_OR_RETURN(Tensor copy, constant->tensor().Aligned());
  return copies_.emplace(constant, std::move(copy)).first->second;
}

absl::StatusOr<std::unique_ptr<Plan>> BuildPlan(const PlanRequest& request) {
  return Planner(request).Build();
}

}  // namespace mirin::plan
