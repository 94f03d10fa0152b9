// Cuts a graph where planning must stop: at calls, and at nodes whose result shape depends on data.
//
// A region is a run of nodes whose shapes all follow from the shapes of its inputs, so one Plan serves every call with the
// same shapes. Most models are a single region.
#ifndef CORE_PLAN_PARTITION_H_
#define CORE_PLAN_PARTITION_H_

#include <memory>
#include <vector>

#include "core/ir/graph.h"

namespace mirin::plan {

struct Region {
  std::vector<const ir::Node*> nodes;
  // Values from outside (graph inputs, other items' results), without constants and variables; no duplicates.
  std::vector<const ir::Value*> inputs;
  // Values that something outside reads. For a graph that is one region: the graph's outputs, in order, duplicates and
  // passed-through inputs or constants included.
  std::vector<const ir::Value*> outputs;
  // One node whose output shape depends on the values of its inputs: planned anew for every run.
  bool data_dependent = false;
};

struct ScheduleItem {
  std::unique_ptr<Region> region;    // either a region ..
  const ir::Node* invoke = nullptr;  // .. or a call
  // Values that nobody reads after this item: the executor drops them.
  std::vector<const ir::Value*> last_uses;
};

struct Schedule {
  const ir::Graph* graph = nullptr;
  std::vector<ScheduleItem> items;
  // The graph is exactly one region that is not data dependent (or has no nodes): runs without a frame.
  bool single_region = false;
};

Schedule Partition(const ir::Graph& graph);

}  // namespace mirin::plan

#endif  // CORE_PLAN_PARTITION_H_
