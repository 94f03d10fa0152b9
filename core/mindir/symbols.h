// The names of a file: what each stands for, which graphs recurse, in which order nodes are evaluated.
#ifndef CORE_MINDIR_SYMBOLS_H_
#define CORE_MINDIR_SYMBOLS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/mindir/raw_model.h"

namespace mirin::mindir {

// In front of an op type that is the name of a graph, of a primitive or of a node.
constexpr absl::string_view kReference = "REF::";

struct Symbol {
  enum Kind { kGraph, kPrimitive, kParameter, kInput, kNode, kConstant } kind;
  int graph = 0;
  int index = 0;
};

// The part of a name behind its graph's.
std::string PublicName(absl::string_view name);

class SymbolTable {
 public:
  // The model outlives the table.
  explicit SymbolTable(const RawModel& model) : model_(model) {}

  absl::Status Build();
  const Symbol* Find(absl::string_view name) const;  // null: not defined
  absl::StatusOr<const Symbol*> Get(absl::string_view name) const;
  // The graph can reach itself through the graphs that its nodes mention.
  bool Recurses(int graph) const { return recursive_[graph]; }
  // Nodes that the graph's output needs, operands (tokens included) before users.
  absl::StatusOr<std::vector<int>> EvaluationOrder(int graph) const;
  // The primitive that a node applies; "" for a call of a graph.
  std::string OpOf(const RawNode& node) const;

 private:
  void FindRecursion();

  const RawModel& model_;
  absl::flat_hash_map<absl::string_view, Symbol> names_;
  std::vector<bool> recursive_;
};

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_SYMBOLS_H_
