// What is known of small integer tensors before data comes: shape arithmetic, followed element by element.
//
// Exports compute shapes: Concat(Shape(x)[0], 12, 64) with an open batch is no constant, yet two of its elements are known and
// keep the dims of what is reshaped by it. Never more than what holds for every run.
#ifndef CORE_OPS_PARTIAL_VALUES_H_
#define CORE_OPS_PARTIAL_VALUES_H_

#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "core/ir/graph.h"

namespace mirin::ops {

class PartialValues {
 public:
  // Stands for an element that is not known. A known element of this value counts as unknown.
  static constexpr int64_t kUnknown = INT64_MIN;

  // The elements of an integer or bool tensor in C order; nothing when none of them is known, or there are many.
  std::optional<std::vector<int64_t>> Of(const ir::Value* value) const;
  // Works out the results of a node whose types are inferred; what was known of them before is dropped.
  void Follow(const ir::Node& node);
  // `to` always equals `from`.
  void Copy(const ir::Value* from, const ir::Value* to);
  // Before a value is erased.
  void Forget(const ir::Value* value) { known_.erase(value); }

 private:
  std::optional<std::vector<int64_t>> Result(const ir::Node& node) const;
  // Elements of an operand, all unknown where nothing is known; nothing when their number is not known or large.
  std::optional<std::vector<int64_t>> Elements(const ir::Value* value) const;
  // An operand of which every element is known.
  std::optional<std::vector<int64_t>> Complete(const ir::Value* value) const;
  std::optional<std::vector<int64_t>> Slice(const ir::Node& node) const;
  std::optional<std::vector<int64_t>> Join(const ir::Node& node) const;
  std::optional<std::vector<int64_t>> Combine(const ir::Node& node) const;

  absl::flat_hash_map<const ir::Value*, std::vector<int64_t>> known_;
};

}  // namespace mirin::ops

#endif  // CORE_OPS_PARTIAL_VALUES_H_
