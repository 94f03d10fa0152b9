#include "core/ops/infer_module.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"
#include "core/ops/partial_values.h"
#include "core/ops/schema.h"

namespace mirin::ops {
namespace {

// Calls are followed this often before their shapes are given up as unknown; dims only ever widen, so it suffices.
constexpr int kMaxRounds = 64;
constexpr int kMaxDepth = 1200;

class ModuleInference {
 public:
  // failures: null to stop at the first.
  explicit ModuleInference(std::vector<InferenceFailure>* failures) : failures_(failures) {}

  absl::Status InferGraph(ir::Graph* graph, int depth) {
    if (depth > kMaxDepth) return absl::ResourceExhaustedError("calls nest too deep");
    State& state = states_[graph];
    state.active = true;
    state.visited = true;
    for (const auto& node : graph->nodes()) {
      if (node->branches().empty()) {
        bool ready = true;
        for (const ir::Value* v : node->inputs())
          ready &= v == nullptr || v->type().dtype != DType::kUnknown;
        if (!ready) {
          incomplete_ = true;  // behind a recursive call whose type is not known yet
          continue;
        }
        MIRIN_RETURN_IF_ERROR(Settle(node.get(), InferNode(node.get(), &partial_)));
        continue;
      }
      MIRIN_RETURN_IF_ERROR(
          Settle(node.get(), Annotate(InferInvoke(node.get(), depth), ir::Describe(*node))));
    }
    states_[graph].active = false;
    return absl::OkStatus();
  }

  bool changed() const { return changed_; }
  bool incomplete() const { return incomplete_; }
  void NextRound() {
    changed_ = incomplete_ = false;
    for (auto& [graph, state] : states_) state.visited = false;
  }

 private:
  struct State {
    bool active = false;
    bool visited = false;
  };

  // Whether to go on after a node: yes if it is sound, or what is wrong is listed.
  absl::Status Settle(ir::Node* node, const absl::Status& status) {
    if (status.ok() || failures_ == nullptr || absl::IsResourceExhausted(status)) return status;
    for (int i = 0; i < node->num_outputs(); ++i) node->output(i)->set_type({});
    if (!failed_.insert(node).second || absl::IsAborted(status)) return absl::OkStatus();
    absl::string_view reason = status.message();
    absl::ConsumePrefix(&reason, absl::StrCat(ir::Describe(*node), ": "));
    failures_->push_back({node, absl::Status(status.code(), reason)});
    return absl::OkStatus();
  }

  absl::Status InferInvoke(ir::Node* node, int depth) {
    std::vector<ir::TensorType> outputs(node->num_outputs());
    for (const ir::Branch& branch : node->branches()) {
      bool widened = false;
      for (size_t i = 0; i < branch.args.size(); ++i) {
        ir::Value* formal = branch.graph->inputs()[i].get();
        MIRIN_ASSIGN_OR_RETURN(ir::TensorType type,
                               JoinTypes(formal->type(), node->input(branch.args[i])->type()));
        if (type != formal->type()) {
          formal->set_type(std::move(type));
          widened = true;
        }
      }
      changed_ |= widened;
      const State state = states_[branch.graph];
      if (!state.active && (!state.visited || widened))
        MIRIN_RETURN_IF_ERROR(InferGraph(branch.graph, depth + 1));
      // A graph that could not be read whole, which is listed already.
      if (branch.graph->outputs().size() < static_cast<size_t>(node->num_outputs()))
        return absl::AbortedError("the graph has no results");
      for (int o = 0; o < node->num_outputs(); ++o) {
        MIRIN_ASSIGN_OR_RETURN(outputs[o],
                               JoinTypes(outputs[o], branch.graph->outputs()[o]->type()));
      }
    }
    for (int o = 0; o < node->num_outputs(); ++o) {
      if (node->output(o)->type() == outputs[o]) continue;
      node->output(o)->set_type(outputs[o]);
      changed_ = true;
    }
    return absl::OkStatus();
  }

  std::vector<InferenceFailure>* failures_;
  absl::flat_hash_set<const ir::Node*> failed_;
  absl::flat_hash_map<const ir::Graph*, State> states_;
  PartialValues partial_;
  bool changed_ = false;
  bool incomplete_ = false;
};

}  // namespace

absl::StatusOr<ir::TensorType> JoinTypes(const ir::TensorType& a, const ir::TensorType& b) {
  if (a.dtype == DType::kUnknown) return b;
  if (b.dtype == DType::kUnknown) return a;
  if (a.dtype != b.dtype) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the dtype is ", Name(a.dtype), " on one path and ", Name(b.dtype), " on another"));
  }
  if (!a.shape.rank_known() || !b.shape.rank_known() || a.shape.rank() != b.shape.rank()) {
    return ir::TensorType{a.dtype, Shape::Unknown()};
  }
  ir::TensorType joined = a;
  for (int i = 0; i < a.shape.rank(); ++i) {
    if (a.shape.dim(i) != b.shape.dim(i)) joined.shape.set_dim(i, -1);
  }
  return joined;
}

absl::Status InferModule(ir::Module* module) { return InferModule(module, nullptr); }

absl::Status InferModule(ir::Module* module, std::vector<InferenceFailure>* failures) {
  ModuleInference inference(failures);
  for (int round = 0; round < kMaxRounds; ++round) {
    inference.NextRound();
    MIRIN_RETURN_IF_ERROR(inference.InferGraph(module->entry(), 0));
    if (!inference.changed()) {
      if (!inference.incomplete() || (failures != nullptr && !failures->empty()))
        return absl::OkStatus();
      return absl::InvalidArgumentError("a recursive call never returns: its result has no type");
    }
  }
  return absl::InternalError("shape inference does not settle");
}

}  // namespace mirin::ops
