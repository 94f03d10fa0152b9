// The state of a lowering, whose parts are in lower_graph.cc (graphs, nodes and parameters), lower_call.cc (calls of functions) and lower.cc.
#ifndef CORE_MINDIR_LOWERING_H_
#define CORE_MINDIR_LOWERING_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/mindir/call.h"
#include "core/mindir/lower.h"
#include "core/mindir/symbols.h"

namespace mirin::mindir {

class Lowering {
 public:
  Lowering(const RawModel& model, const TensorLoader& load, const Limits& limits,
           const absl::flat_hash_set<int>& written, Inspection* inspection)
      : model_(model),
        load_(load),
        limits_(limits),
        written_(written),
        inspection_(inspection),
        module_(std::make_unique<ir::Module>()),
        symbols_(model) {}

  absl::StatusOr<std::unique_ptr<ir::Module>> Run();
  // Parameters that reached operand 0 of a writing op.
  const absl::flat_hash_set<int>& writes_seen() const { return writes_seen_; }

 private:
  using Environment = std::vector<Binding>;  // one per node of a graph

  absl::Status CollectUnknownOps();
  // While the file is inspected: notes what is wrong with a node, once. False when reading must end.
  bool Note(const RawNode& node, const absl::Status& status);
  absl::Status NoteInferenceFailures();

  absl::StatusOr<Binding> EvaluateGraph(int graph, const std::vector<Binding>& arguments,
                                        NodeBuilder* builder, int depth);
  absl::StatusOr<Binding> EvaluateNode(const RawNode& node, const std::vector<Binding>& operands,
                                       Binding callee, NodeBuilder* builder, int depth);
  absl::StatusOr<Binding> Resolve(absl::string_view name, int graph,
                                  const std::vector<Binding>& arguments, const Environment& env);
  absl::StatusOr<Binding> ConstantOf(int graph, int node);
  absl::StatusOr<Binding> ApplyPrimitive(const RawNode& node, const std::string& op,
                                         const std::vector<absl::string_view>& attributes,
                                         std::vector<Binding> operands, bool operands_form,
                                         NodeBuilder* builder);

  absl::StatusOr<Binding> CallFunction(const Binding& function,
                                       const std::vector<Binding>& arguments,
                                       const std::string& name, NodeBuilder* builder, int depth);
  struct Specialised {
    ir::Graph* graph = nullptr;
    bool failed = false;
    Binding result;  // structure with the graph's outputs as leaves; null while it is being built
    std::vector<Binding> declared;
  };
  absl::StatusOr<Binding> Invoke(const std::string& name, ir::Value* selector,
                                 const std::vector<Binding>& functions,
                                 const std::vector<Binding>& arguments, NodeBuilder* builder,
                                 int depth);
  absl::StatusOr<Specialised*> Specialise(const Binding& function,
                                          const std::vector<Binding>& arguments,
                                          std::vector<ir::Value*>* leaves, int depth);
  absl::Status FillSpecialised(const Bound& whole, int graph, const std::vector<ir::Value*>& leaves,
                               Specialised* result, int depth);
  int GraphBehind(const Bound& function) const;

  absl::StatusOr<Binding> ReadParameter(int index, NodeBuilder* builder);
  // Parameters become constants or Load nodes, also inside tuples.
  absl::StatusOr<Binding> Materialise(const Binding& binding, NodeBuilder* builder);
  absl::Status Flatten(const Binding& binding, NodeBuilder* builder, std::vector<ir::Value*>* out);

  const RawModel& model_;
  const TensorLoader& load_;
  const Limits& limits_;
  const absl::flat_hash_set<int>& written_;
  Inspection* inspection_;  // null: the first problem ends the reading
  absl::flat_hash_set<const RawNode*> noted_;
  std::unique_ptr<ir::Module> module_;
  SymbolTable symbols_;
  absl::flat_hash_map<std::pair<int, int>, Binding> constants_;
  absl::flat_hash_map<int, ir::Value*> parameters_;
  absl::flat_hash_set<int> writes_seen_;
  std::map<std::string, Specialised> specialised_;
  std::vector<std::vector<int>> orders_;
  int64_t nodes_left_ = 0;
  int64_t members_left_ = 0;
};

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_LOWERING_H_
