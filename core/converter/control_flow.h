// Conditions and loops of source formats, as calls between graphs (core/ir/graph.h).
#ifndef CORE_CONVERTER_CONTROL_FLOW_H_
#define CORE_CONVERTER_CONTROL_FLOW_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/converter/op_context.h"

namespace mirin::converter {

// A bool[] of any tensor with one element.
ir::Value* AsCondition(GraphBuilder& b, ir::Value* value);

// Writes a body into `into` and returns its results.
using BodyWriter = std::function<absl::StatusOr<std::vector<Operand>>(GraphBuilder* into)>;

// The results of one body or the other. A constant condition writes only the body that it picks. Results that are sequences
// must have one length in both.
absl::StatusOr<std::vector<Operand>> Condition(GraphBuilder& b, ir::Value* condition,
                                               const BodyWriter& then_body,
                                               const BodyWriter& else_body);

// while (condition && step < trips) { (condition, carried.., row..) = body(step, condition, carried..); }
// Results: the carried values, then each row's history with a new leading axis. `trips` is an int64[] or null for no bound.
struct LoopSpec {
  ir::Value* trips = nullptr;
  ir::Value* condition = nullptr;  // bool[]; null: true
  std::vector<ir::Value*> carried;
  // Writes one turn: `step` is int64[]; returns condition, carried.., rows...
  std::function<absl::StatusOr<std::vector<ir::Value*>>(ir::Value* step, ir::Value* condition,
                                                        const std::vector<ir::Value*>& carried,
                                                        GraphBuilder* into)>
      body;
  size_t rows = 0;
};
absl::StatusOr<std::vector<ir::Value*>> Loop(GraphBuilder& b, const LoopSpec& spec);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_CONTROL_FLOW_H_
