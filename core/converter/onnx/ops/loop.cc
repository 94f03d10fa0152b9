#include "core/converter/control_flow.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

constexpr int64_t kMostTurns = 4096;

// Sequences exist at conversion only: a loop that carries one is written turn by turn, which needs to know how many there are.
absl::Status Unroll(OpContext& c, size_t carried, size_t rows) {
  GraphBuilder& b = c.builder();
  int64_t trips = kMostTurns + 1;
  if (c.has_input(0)) {
    MIRIN_ASSIGN_OR_RETURN(
        const std::vector<int64_t> given,
        c.ConstantInts(0, "the number of turns of a loop that carries a sequence"));
    if (given.size() != 1)
      return absl::InvalidArgumentError(
          absl::StrCat("the number of turns has ", given.size(), " elements"));
    trips = given[0];
  }
  ir::Value* condition =
      c.has_input(1) ? converter::AsCondition(b, c.input(1)) : b.Scalar(1, DType::kBool);
  std::vector<Operand> state;
  for (size_t i = 0; i < carried; ++i) state.push_back(c.operand(static_cast<int>(i) + 2));
  std::vector<std::vector<ir::Value*>> history(rows);
  for (int64_t turn = 0; turn < trips; ++turn) {
    MIRIN_RETURN_IF_ERROR(b.status());
    const auto go = GraphBuilder::NumberOf(condition);
    if (!go)
      return Refuse("the condition of a loop that carries a sequence is computed at run time",
                    "carry a tensor, growing by Concat");
    if (*go == 0) break;
    if (turn == kMostTurns)
      return Refuse(
          absl::StrCat("a loop of more than ", kMostTurns, " turns that carries a sequence"),
          "carry a tensor, growing by Concat");
    std::vector<Operand> inputs = {Operand::Tensor(b.Int(turn)), Operand::Tensor(condition)};
    inputs.insert(inputs.end(), state.begin(), state.end());
    MIRIN_ASSIGN_OR_RETURN(const std::vector<Operand> made, c.bodies().Inline("body", inputs, &b));
    if (made[0].tensor == nullptr)
      return absl::InvalidArgumentError("the condition that its body gives is no tensor");
    condition = converter::AsCondition(b, made[0].tensor);
    state.assign(made.begin() + 1, made.begin() + 1 + static_cast<std::ptrdiff_t>(carried));
    for (size_t k = 0; k < rows; ++k) {
      ir::Value* row = made[1 + carried + k].tensor;
      if (row == nullptr)
        return absl::InvalidArgumentError("a scan output of its body is no tensor");
      history[k].push_back(row);
    }
  }
  for (size_t i = 0; i < carried; ++i) c.SetOutput(static_cast<int>(i), std::move(state[i]));
  for (size_t k = 0; k < rows; ++k) {
    if (!c.wants(static_cast<int>(carried + k))) continue;
    if (history[k].empty()) return Refuse("a scan output of a loop without turns");
    c.SetOutput(static_cast<int>(carried + k), b.Op("Stack", history[k], {{"axis", 0}}));
  }
  return absl::OkStatus();
}

}  // namespace

namespace translate {

// Inputs M?, cond?, carried..; the body takes (step, cond, carried..) and gives (cond, carried.., rows..).
absl::Status Loop(OpContext& c) {
  GraphBuilder& b = c.builder();
  const size_t carried = c.num_inputs() > 2 ? static_cast<size_t>(c.num_inputs() - 2) : 0;
  const int results = c.bodies().num_outputs("body");
  if (results < 1 + static_cast<int>(carried))
    return absl::InvalidArgumentError(
        absl::StrCat("its body gives ", results, " results for ", carried, " carried values"));
  const size_t rows = static_cast<size_t>(results) - 1 - carried;
  converter::LoopSpec spec;
  for (size_t i = 0; i < carried; ++i) {
    if (c.operand(static_cast<int>(i) + 2).tensor == nullptr) return Unroll(c, carried, rows);
    spec.carried.push_back(c.input(static_cast<int>(i) + 2));
  }
  if (c.has_input(0)) spec.trips = c.input(0);
  if (c.has_input(1)) spec.condition = c.input(1);
  spec.rows = rows;
  spec.body = [&](ir::Value* step, ir::Value* condition, const std::vector<ir::Value*>& values,
                  GraphBuilder* into) -> absl::StatusOr<std::vector<ir::Value*>> {
    std::vector<Operand> inputs = {Operand::Tensor(step), Operand::Tensor(condition)};
    for (ir::Value* v : values) inputs.push_back(Operand::Tensor(v));
    MIRIN_ASSIGN_OR_RETURN(const std::vector<Operand> given,
                           c.bodies().Inline("body", inputs, into));
    std::vector<ir::Value*> tensors;
    for (const Operand& o : given) {
      if (o.tensor == nullptr)
        return Refuse("its body gives a sequence or an optional",
                      "carry a tensor, growing by Concat");
      tensors.push_back(o.tensor);
    }
    return tensors;
  };
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ir::Value*> values, converter::Loop(b, spec));
  for (size_t i = 0; i < values.size(); ++i) c.SetOutput(static_cast<int>(i), values[i]);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
