#include "core/converter/intermediates.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace mirin::converter {

int ExposeIntermediates(ir::Module* module) {
  ir::Graph* graph = module->entry();
  bool any_own_name = false;
  absl::flat_hash_map<absl::string_view, const ir::Value*> last;  // by name
  for (const auto& node : graph->nodes()) {
    for (const auto& v : node->outputs()) {
      any_own_name |= ir::HasOwnName(*v);
      last[v->name()] = v.get();
    }
  }
  std::vector<ir::Value*> outputs = graph->outputs();
  std::vector<std::string> names = module->output_names();
  absl::flat_hash_set<std::string> taken(names.begin(), names.end());
  const size_t before = names.size();
  for (const auto& node : graph->nodes()) {
    for (const auto& v : node->outputs()) {
      const bool named = any_own_name ? ir::HasOwnName(*v) : last[v->name()] == v.get();
      if (!named || v->name().empty() || v->type().dtype == DType::kUnknown ||
          !taken.insert(v->name()).second)
        continue;
      outputs.push_back(v.get());
      names.push_back(v->name());
    }
  }
  graph->SetOutputs(std::move(outputs));
  module->set_output_names(std::move(names));
  return static_cast<int>(module->output_names().size() - before);
}

}  // namespace mirin::converter
