#include "core/mindir/lower.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status.h"
#include "core/mindir/lowering.h"
#include "core/mindir/signature.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"

namespace mirin::mindir {

bool Lowering::Note(const RawNode& node, const absl::Status& status) {
  if (inspection_ == nullptr || absl::IsResourceExhausted(status)) return false;
  if (absl::IsAborted(status) || !noted_.insert(&node).second) return true;
  inspection_->problems.push_back(
      {std::string(node.domain.empty() ? node.name : node.domain), symbols_.OpOf(node), status});
  return true;
}

absl::Status Lowering::NoteInferenceFailures() {
  std::vector<ops::InferenceFailure> failures;
  MIRIN_RETURN_IF_ERROR(ops::InferModule(module_.get(), &failures));
  for (const auto& f : failures)
    inspection_->problems.push_back({f.node->name(), f.node->op(), f.status});
  return absl::OkStatus();
}

// All unsupported operators at once: the user learns everything in one try.
absl::Status Lowering::CollectUnknownOps() {
  static const auto* const kStructural = new absl::flat_hash_set<std::string>{
      "MakeTuple",       "make_list",      "MakeList",      "make_tuple",    "Depend",
      "UpdateState",     "Partial",        "Switch",        "switch",        "switch_layer",
      "SwitchLayer",     "TupleGetItem",   "list_getitem",  "tuple_getitem", "Load",
      "ScalarToTensor",  "TensorToScalar", "TensorToTuple", "TupleToTensor", "ScalarCast",
      "scalar_to_tensor"};
  if (model_.is_lite) return absl::OkStatus();  // its names are translated one by one
  std::vector<std::string> unknown;
  int more = 0;
  for (const RawGraph& graph : model_.graphs) {
    for (const RawNode& node : graph.nodes) {
      Call call;
      call.op = symbols_.OpOf(node);
      if (call.op.empty() || call.op == "Constant") continue;
      if (kStructural->contains(call.op)) continue;
      CanonicalName(&call);
      if (ops::FindSchema(call.op) != nullptr || kStructural->contains(call.op)) continue;
      if (Note(node, absl::UnimplementedError(
                         absl::StrCat("the operator ", call.op, " is not supported"))))
        continue;
      if (unknown.size() < 20) {
        unknown.push_back(
            absl::StrCat(call.op, " '", node.domain.empty() ? node.name : node.domain, "'"));
      } else {
        ++more;
      }
    }
  }
  if (unknown.empty()) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("operators that are not supported: ", absl::StrJoin(unknown, ", "),
                   more > 0 ? absl::StrCat(" and ", more, " more") : ""));
}

absl::StatusOr<std::unique_ptr<ir::Module>> Lowering::Run() {
  MIRIN_RETURN_IF_ERROR(symbols_.Build());
  if (inspection_ != nullptr) {
    *inspection_ = {};
    for (const RawGraph& g : model_.graphs) {
      inspection_->nodes += std::count_if(g.nodes.begin(), g.nodes.end(),
                                          [](const RawNode& n) { return n.op_type != "Constant"; });
    }
  }
  MIRIN_RETURN_IF_ERROR(CollectUnknownOps());
  orders_.resize(model_.graphs.size());
  int64_t in_file = 0;
  for (const RawGraph& g : model_.graphs) in_file += static_cast<int64_t>(g.nodes.size());
  nodes_left_ = std::min(limits_.max_nodes, 200'000 + 64 * in_file);
  members_left_ = limits_.max_tuple_copies;
  ir::Graph* entry = module_->AddGraph(std::string(model_.graphs[0].name));
  module_->set_entry(entry);
  NodeBuilder builder(module_.get(), entry);
  std::vector<Binding> arguments;
  MIRIN_RETURN_IF_ERROR(AddInputs(model_, limits_, entry, &arguments));
  MIRIN_ASSIGN_OR_RETURN(Binding result, EvaluateGraph(0, arguments, &builder, 0));
  if (inspection_ != nullptr) {
    MIRIN_RETURN_IF_ERROR(NoteInferenceFailures());
    if (!inspection_->problems.empty()) {
      const NodeProblem& first = inspection_->problems[0];
      return Annotate(first.status, absl::StrCat("node '", first.node, "'"));
    }
  }
  std::vector<ir::Value*> outputs;
  MIRIN_RETURN_IF_ERROR(Flatten(result, &builder, &outputs));
  module_->set_output_names(OutputNames(model_, symbols_, limits_, outputs.size()));
  entry->SetOutputs(std::move(outputs));
  module_->EraseUnusedConstants();
  return std::move(module_);
}

absl::StatusOr<std::unique_ptr<ir::Module>> Lower(const RawModel& model, const TensorLoader& load,
                                                  const Limits& limits, Inspection* inspection) {
  absl::flat_hash_set<int> written;
  while (true) {  // twice at most for models with state: the first pass finds what is written
    Lowering lowering(model, load, limits, written, inspection);
    MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, lowering.Run());
    const bool complete = std::all_of(lowering.writes_seen().begin(), lowering.writes_seen().end(),
                                      [&](int p) { return written.contains(p); });
    if (complete) {
      MIRIN_RETURN_IF_ERROR(ir::Verify(*module));
      MIRIN_RETURN_IF_ERROR(ops::InferModule(module.get()));
      return module;
    }
    written.insert(lowering.writes_seen().begin(), lowering.writes_seen().end());
  }
}

}  // namespace mirin::mindir
