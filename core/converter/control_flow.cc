#include "core/converter/control_flow.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/ops/infer_module.h"

namespace mirin::converter {
namespace {

// A loop's types settle when no dim changes any more; each round can only widen them.
constexpr int kMaxRounds = 16;

// Tensors of an operand, sequences member by member.
absl::Status Flatten(const Operand& operand, std::vector<ir::Value*>* flat) {
  if (operand.tensor != nullptr) {
    flat->push_back(operand.tensor);
    return absl::OkStatus();
  }
  if (operand.sequence == nullptr)
    return Refuse("a branch that gives an empty optional", "give a tensor in both branches");
  for (const Operand& member : *operand.sequence) MIRIN_RETURN_IF_ERROR(Flatten(member, flat));
  return absl::OkStatus();
}

// The same structure over other tensors.
Operand Rebuild(const Operand& like, const std::vector<ir::Value*>& flat, size_t* next) {
  if (like.tensor != nullptr) return Operand::Tensor(flat[(*next)++]);
  std::vector<Operand> members;
  for (const Operand& member : *like.sequence) members.push_back(Rebuild(member, flat, next));
  return Operand::Sequence(std::move(members));
}

bool SameStructure(const Operand& a, const Operand& b) {
  if ((a.tensor != nullptr) != (b.tensor != nullptr) || a.none || b.none) return false;
  if (a.tensor != nullptr) return true;
  if (a.sequence == nullptr || b.sequence == nullptr || a.sequence->size() != b.sequence->size())
    return false;
  for (size_t i = 0; i < a.sequence->size(); ++i) {
    if (!SameStructure((*a.sequence)[i], (*b.sequence)[i])) return false;
  }
  return true;
}

std::vector<int> Sequential(size_t n) {
  std::vector<int> all(n);
  for (size_t i = 0; i < n; ++i) all[i] = static_cast<int>(i);
  return all;
}

// Appends a branch to an Invoke under construction: its graph takes `args`.
void AddBranch(ir::Graph* graph, const std::vector<ir::Value*>& args,
               std::vector<ir::Value*>* inputs, std::vector<ir::Branch>* branches) {
  ir::Branch branch{graph, {}};
  for (ir::Value* v : args) {
    const auto it = std::find(inputs->begin() + 1, inputs->end(), v);
    if (it == inputs->end()) {
      branch.args.push_back(static_cast<int>(inputs->size()));
      inputs->push_back(v);
    } else {
      branch.args.push_back(static_cast<int>(it - inputs->begin()));
    }
  }
  branches->push_back(std::move(branch));
}

}  // namespace

ir::Value* AsCondition(GraphBuilder& b, ir::Value* value) {
  if (value == nullptr) return nullptr;
  ir::Value* condition = b.Cast(value, DType::kBool);
  if (condition == nullptr ||
      (condition->type().shape.rank_known() && condition->type().shape.rank() == 0))
    return condition;
  return b.Reshape(condition, {});
}

absl::StatusOr<std::vector<Operand>> Condition(GraphBuilder& b, ir::Value* condition,
                                               const BodyWriter& then_body,
                                               const BodyWriter& else_body) {
  condition = AsCondition(b, condition);
  if (condition == nullptr) return b.status();
  if (const auto known = GraphBuilder::NumberOf(condition))
    return *known != 0 ? then_body(&b) : else_body(&b);
  std::vector<Operand> results[2];
  std::vector<ir::Value*> inputs = {condition};
  std::vector<ir::Branch> branches;
  std::vector<ir::TensorType> types;
  const BodyWriter* writers[] = {&then_body, &else_body};
  for (int i = 0; i < 2; ++i) {
    ir::Graph* graph = b.module()->AddGraph(absl::StrCat(b.scope(), i == 0 ? ".then" : ".else"));
    GraphBuilder inner(graph, &b, b.evaluate());
    inner.set_scope(b.scope());
    MIRIN_ASSIGN_OR_RETURN(results[i], (*writers[i])(&inner));
    MIRIN_RETURN_IF_ERROR(inner.status());
    std::vector<ir::Value*> flat;
    for (const Operand& r : results[i]) MIRIN_RETURN_IF_ERROR(Flatten(r, &flat));
    if (i == 1 && flat.size() != types.size())
      return Refuse("its branches give sequences of different lengths",
                    "give tensors, or sequences of one length");
    for (size_t k = 0; k < flat.size(); ++k) {
      if (i == 0) {
        types.push_back(flat[k]->type());
      } else {
        MIRIN_ASSIGN_OR_RETURN(types[k], ops::JoinTypes(types[k], flat[k]->type()));
      }
    }
    graph->SetOutputs(std::move(flat));
    AddBranch(graph, inner.captured(), &inputs, &branches);
  }
  if (results[0].size() != results[1].size())
    return absl::InvalidArgumentError("its branches give different numbers of results");
  for (size_t i = 0; i < results[0].size(); ++i) {
    if (!SameStructure(results[0][i], results[1][i]))
      return Refuse("its branches give sequences of different lengths",
                    "give tensors, or sequences of one length");
  }
  const std::vector<ir::Value*> values = b.Invoke(inputs, std::move(branches), types);
  MIRIN_RETURN_IF_ERROR(b.status());
  std::vector<Operand> out;
  size_t next = 0;
  for (const Operand& r : results[0]) out.push_back(Rebuild(r, values, &next));
  return out;
}

absl::StatusOr<std::vector<ir::Value*>> Loop(GraphBuilder& b, const LoopSpec& spec) {
  // Formal arguments of the graphs: step, condition, carried.., histories...
  const size_t carried = spec.carried.size();
  const size_t state = 2 + carried;
  std::vector<ir::Value*> start = {b.Int(0), spec.condition == nullptr
                                                 ? b.Scalar(1, DType::kBool)
                                                 : AsCondition(b, spec.condition)};
  start.insert(start.end(), spec.carried.begin(), spec.carried.end());
  ir::Value* trips = spec.trips;
  MIRIN_RETURN_IF_ERROR(b.status());
  std::vector<ir::TensorType> types;
  for (const ir::Value* v : start) types.push_back(v->type());

  // The turn is written with the types of the first one, then again until its results fit what it takes.
  ir::Graph* turn = nullptr;
  std::unique_ptr<GraphBuilder> turn_builder;
  std::vector<ir::Value*> results;
  std::vector<ir::TensorType> row_types;
  for (int round = 0;; ++round) {
    if (round == kMaxRounds) return absl::InternalError("the types of the loop do not settle");
    turn = b.module()->AddGraph(b.scope() + ".turn");
    turn_builder = std::make_unique<GraphBuilder>(turn, &b, b.evaluate());
    turn_builder->set_scope(b.scope());
    std::vector<ir::Value*> formals;
    for (size_t i = 0; i < state; ++i)
      formals.push_back(turn_builder->AddFormal(absl::StrCat(b.scope(), ".", i), types[i]));
    for (size_t i = 0; i < spec.rows; ++i)
      turn_builder->AddFormal(absl::StrCat(b.scope(), ".history", i), {});
    MIRIN_ASSIGN_OR_RETURN(results,
                           spec.body(formals[0], formals[1], {formals.begin() + 2, formals.end()},
                                     turn_builder.get()));
    MIRIN_RETURN_IF_ERROR(turn_builder->status());
    if (results.size() != 1 + carried + spec.rows) {
      return absl::InvalidArgumentError(absl::StrCat(
          "its body gives ", results.size(), " results, ", 1 + carried + spec.rows, " are needed"));
    }
    bool settled = true;
    for (size_t i = 0; i < carried; ++i) {
      MIRIN_ASSIGN_OR_RETURN(ir::TensorType type,
                             ops::JoinTypes(types[2 + i], results[1 + i]->type()));
      settled &= type == types[2 + i];
      types[2 + i] = std::move(type);
    }
    row_types.clear();
    for (size_t i = 0; i < spec.rows; ++i) row_types.push_back(results[1 + carried + i]->type());
    if (settled) break;
    // The last try stays in the module, unread; it is dropped with what nobody calls.
  }

  // Histories: rows behind one another; an empty one takes the shape of its first row.
  GraphBuilder& t = *turn_builder;
  std::vector<ir::TensorType> history_types;
  for (size_t i = 0; i < spec.rows; ++i) {
    ir::TensorType type = row_types[i];
    Dims dims = {0};
    if (type.shape.rank_known()) {
      if (type.shape.rank() >= kMaxRank)
        return Refuse(absl::StrCat("rows of rank ", type.shape.rank()),
                      absl::StrCat("ranks up to ", kMaxRank - 1, " are supported"));
      for (const int64_t d : type.shape.dims()) dims.push_back(std::max<int64_t>(d, 0));
    }
    MIRIN_ASSIGN_OR_RETURN(Tensor empty, Tensor::Allocate(type.dtype, dims));
    start.push_back(b.Constant(std::move(empty)));
    if (type.shape.rank_known()) {
      Dims any = {-1};
      any.insert(any.end(), type.shape.dims().begin(), type.shape.dims().end());
      type.shape = Shape(std::move(any));
    }
    turn->inputs()[state + i]->set_type(type);
    history_types.push_back(std::move(type));
  }
  std::vector<ir::Value*> next = {t.Add(turn->inputs()[0].get(), t.Int(1)),
                                  AsCondition(t, results[0])};
  next.insert(next.end(), results.begin() + 1,
              results.begin() + 1 + static_cast<std::ptrdiff_t>(carried));
  for (size_t i = 0; i < spec.rows; ++i)
    next.push_back(t.Op("AppendRow", {turn->inputs()[state + i].get(), results[1 + carried + i]}));
  // Everything that the turn reads from outside, the bound included, travels along.
  ir::Value* bound_in_turn = trips == nullptr ? nullptr : t.Capture(trips);
  MIRIN_RETURN_IF_ERROR(t.status());

  std::vector<ir::TensorType> all_types = types;
  all_types.insert(all_types.end(), history_types.begin(), history_types.end());
  const size_t formal_count = all_types.size();
  std::vector<ir::TensorType> result_types(all_types.begin() + 2, all_types.end());

  // test: picks between another turn and the results.
  ir::Graph* test = b.module()->AddGraph(b.scope() + ".test");
  ir::Graph* done = b.module()->AddGraph(b.scope() + ".done");
  GraphBuilder test_builder(test, nullptr, b.evaluate());
  test_builder.set_scope(b.scope());
  std::vector<ir::Value*> test_inputs, done_outputs;
  for (size_t i = 0; i < formal_count; ++i)
    test_inputs.push_back(test->AddInput(absl::StrCat(b.scope(), ".", i), all_types[i]));
  ir::Value* bound = bound_in_turn;
  for (size_t i = 0; i < t.captured().size(); ++i) {
    const ir::Value* inner = turn->inputs()[formal_count + i].get();
    test_inputs.push_back(test->AddInput(inner->name(), inner->type()));
    if (inner == bound_in_turn) bound = test_inputs.back();
  }
  for (size_t i = 2; i < formal_count; ++i)
    done_outputs.push_back(done->AddInput(absl::StrCat(b.scope(), ".", i), all_types[i]));
  done->SetOutputs(done_outputs);
  ir::Value* go = test_inputs[1];
  if (bound != nullptr) {
    ir::Value* limit = test_builder.Cast(bound, DType::kInt64);
    if (limit != nullptr && !(limit->type().shape.rank_known() && limit->type().shape.rank() == 0))
      limit = test_builder.Reshape(limit, {});
    go = test_builder.Op("LogicalAnd", {go, test_builder.Op("Less", {test_inputs[0], limit})});
  }
  std::vector<ir::Value*> inputs = {go};
  std::vector<ir::Branch> branches;
  AddBranch(turn, test_inputs, &inputs, &branches);
  AddBranch(
      done,
      {test_inputs.begin() + 2, test_inputs.begin() + static_cast<std::ptrdiff_t>(formal_count)},
      &inputs, &branches);
  test->SetOutputs(test_builder.Invoke(inputs, branches, result_types));
  MIRIN_RETURN_IF_ERROR(test_builder.status());

  // turn: ends by asking the test again.
  for (size_t i = 0; i < t.captured().size(); ++i)
    next.push_back(turn->inputs()[formal_count + i].get());
  turn->SetOutputs(t.Invoke(next, {{test, Sequential(next.size())}}, result_types));
  MIRIN_RETURN_IF_ERROR(t.status());

  start.insert(start.end(), t.captured().begin(), t.captured().end());
  std::vector<ir::Value*> values =
      b.Invoke(start, {{test, Sequential(start.size())}}, result_types);
  MIRIN_RETURN_IF_ERROR(b.status());
  return values;
}

}  // namespace mirin::converter
