#include "core/plan/partition.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/ops/schema.h"
#include "core/plan/evaluate.h"

namespace mirin::plan {
namespace {

// Values of the region being collected that planning will know from shapes alone.
class KnownValues {
 public:
  void Clear() { known_.clear(); }
  bool Knows(const ir::Value* v) const {
    return v == nullptr || v->is_constant() || known_.contains(v);
  }
  void Add(const ir::Node& node) {
    const bool all = std::all_of(node.inputs().begin(), node.inputs().end(),
                                 [&](const ir::Value* v) { return Knows(v); });
    if (!ops::ReadsShapeOnly(node) && !(all && ops::IsPure(node))) return;
    for (int i = 0; i < node.num_outputs(); ++i) known_.insert(node.output(i));
  }

 private:
  absl::flat_hash_set<const ir::Value*> known_;
};

bool NeedsData(const ir::Node& node, const KnownValues& known) {
  const ops::OpSchema* schema = ops::FindSchema(node.op());
  if (schema == nullptr) return false;
  for (int i = 0; i < node.num_inputs(); ++i) {
    if (schema->ShapeNeedsValue(node, i) && !known.Knows(node.input(i))) return true;
  }
  return false;
}

}  // namespace

Schedule Partition(const ir::Graph& graph) {
  Schedule schedule;
  schedule.graph = &graph;
  KnownValues known;
  std::unique_ptr<Region> open;
  const auto close = [&] {
    if (open != nullptr) schedule.items.push_back({std::move(open), nullptr, {}});
    known.Clear();
  };
  for (const auto& node : graph.nodes()) {
    if (!node->branches().empty()) {
      close();
      schedule.items.push_back({nullptr, node.get(), {}});
    } else if (NeedsData(*node, known)) {
      close();
      auto region = std::make_unique<Region>();
      region->nodes.push_back(node.get());
      region->data_dependent = true;
      schedule.items.push_back({std::move(region), nullptr, {}});
    } else {
      if (open == nullptr) open = std::make_unique<Region>();
      open->nodes.push_back(node.get());
      known.Add(*node);
    }
  }
  close();
  if (schedule.items.empty()) schedule.items.push_back({std::make_unique<Region>(), nullptr, {}});
  schedule.single_region = schedule.items.size() == 1 && schedule.items[0].region != nullptr &&
                           !schedule.items[0].region->data_dependent;

  // Which item makes a value, and which is the last to read it (graph outputs: none).
  absl::flat_hash_map<const ir::Value*, size_t> last_reader;
  absl::flat_hash_map<const ir::Value*, size_t> maker;
  for (size_t i = 0; i < schedule.items.size(); ++i) {
    const ScheduleItem& item = schedule.items[i];
    const auto visit = [&](const ir::Node* node) {
      for (const ir::Value* v : node->inputs()) {
        if (v != nullptr) last_reader[v] = i;
      }
      for (int o = 0; o < node->num_outputs(); ++o) maker[node->output(o)] = i;
    };
    if (item.invoke != nullptr) visit(item.invoke);
    if (item.region != nullptr) {
      for (const ir::Node* node : item.region->nodes) visit(node);
    }
  }
  const absl::flat_hash_set<const ir::Value*> returned(graph.outputs().begin(),
                                                       graph.outputs().end());
  for (size_t i = 0; i < schedule.items.size(); ++i) {
    Region* region = schedule.items[i].region.get();
    if (region == nullptr) continue;
    absl::flat_hash_set<const ir::Value*> seen;
    for (const ir::Node* node : region->nodes) {
      for (const ir::Value* v : node->inputs()) {
        if (v == nullptr || v->kind() == ir::ValueKind::kConstant ||
            v->kind() == ir::ValueKind::kVariable)
          continue;
        const auto made = maker.find(v);
        if ((made == maker.end() || made->second != i) && seen.insert(v).second)
          region->inputs.push_back(v);
      }
    }
    if (schedule.single_region) {
      for (const auto& input : graph.inputs()) {
        if (seen.insert(input.get()).second) region->inputs.push_back(input.get());
      }
      region->outputs.assign(graph.outputs().begin(), graph.outputs().end());
      continue;
    }
    for (const ir::Node* node : region->nodes) {
      for (int o = 0; o < node->num_outputs(); ++o) {
        const ir::Value* v = node->output(o);
        const auto reader = last_reader.find(v);
        if ((reader != last_reader.end() && reader->second != i) || returned.contains(v))
          region->outputs.push_back(v);
      }
    }
  }
  for (const auto& [value, reader] : last_reader) {
    const bool local = maker.contains(value) && maker.at(value) == reader;
    const bool frame_value =
        value->kind() == ir::ValueKind::kInput || value->kind() == ir::ValueKind::kResult;
    if (frame_value && !local && !returned.contains(value))
      schedule.items[reader].last_uses.push_back(value);
  }
  return schedule;
}

}  // namespace mirin::plan
