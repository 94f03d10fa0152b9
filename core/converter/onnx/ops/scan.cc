#include "core/converter/control_flow.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// Scans of known length are written turn by turn up to this many nodes: their types stay exact, and nothing is carried.
constexpr int64_t kMostUnrolled = 256;

// What is iterated over, and how.
struct Scanned {
  std::vector<ir::Value*> states;
  std::vector<ir::Value*> inputs;
  std::vector<int64_t> axes;      // of the inputs
  std::vector<int64_t> backward;  // per input
  ir::Value* trips = nullptr;     // int64[]
};

absl::StatusOr<std::vector<ir::Value*>> Turn(OpContext& c, const std::vector<ir::Value*>& states,
                                             const std::vector<ir::Value*>& slices,
                                             GraphBuilder* into) {
  std::vector<Operand> inputs;
  for (ir::Value* v : states) inputs.push_back(Operand::Tensor(v));
  for (ir::Value* v : slices) inputs.push_back(Operand::Tensor(v));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<Operand> results,
                         c.bodies().Inline("body", inputs, into));
  std::vector<ir::Value*> tensors;
  for (const Operand& r : results) {
    if (r.tensor == nullptr)
      return Refuse("its body gives a sequence or an optional", "give tensors");
    tensors.push_back(r.tensor);
  }
  return tensors;
}

// The element of an input at one turn.
ir::Value* SliceAt(GraphBuilder& b, const Scanned& s, size_t i, ir::Value* input, ir::Value* step,
                   ir::Value* trips) {
  ir::Value* at = s.backward[i] != 0 ? b.Sub(b.Sub(trips, b.Int(1)), step) : step;
  return b.Op("Gather", {input, at}, {{"axis", s.axes[i]}});
}

// Final states, then the scan outputs with the turns as axis 0.
absl::StatusOr<std::vector<ir::Value*>> Run(OpContext& c, GraphBuilder& b, const Scanned& s) {
  MIRIN_RETURN_IF_ERROR(b.status());
  const size_t rows = static_cast<size_t>(c.bodies().num_outputs("body")) - s.states.size();
  const auto known = GraphBuilder::NumberOf(s.trips);
  if (known && *known >= 1 && *known * std::max(1, c.bodies().num_nodes("body")) <= kMostUnrolled) {
    std::vector<ir::Value*> states = s.states;
    std::vector<std::vector<ir::Value*>> history(rows);
    for (int64_t t = 0; t < static_cast<int64_t>(*known); ++t) {
      std::vector<ir::Value*> slices;
      for (size_t i = 0; i < s.inputs.size(); ++i)
        slices.push_back(SliceAt(b, s, i, s.inputs[i], b.Int(t), s.trips));
      MIRIN_RETURN_IF_ERROR(b.status());
      MIRIN_ASSIGN_OR_RETURN(const std::vector<ir::Value*> made, Turn(c, states, slices, &b));
      states.assign(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(states.size()));
      for (size_t k = 0; k < rows; ++k) history[k].push_back(made[states.size() + k]);
    }
    for (const auto& h : history) states.push_back(b.Op("Stack", h, {{"axis", 0}}));
    return states;
  }
  converter::LoopSpec spec;
  spec.trips = s.trips;
  spec.carried = s.states;
  spec.rows = rows;
  spec.body = [&](ir::Value* step, ir::Value* /*condition*/, const std::vector<ir::Value*>& states,
                  GraphBuilder* into) -> absl::StatusOr<std::vector<ir::Value*>> {
    std::vector<ir::Value*> slices;
    for (size_t i = 0; i < s.inputs.size(); ++i)
      slices.push_back(
          SliceAt(*into, s, i, into->Capture(s.inputs[i]), step, into->Capture(s.trips)));
    MIRIN_RETURN_IF_ERROR(into->status());
    MIRIN_ASSIGN_OR_RETURN(std::vector<ir::Value*> made, Turn(c, states, slices, into));
    made.insert(made.begin(), into->Scalar(1, DType::kBool));
    return made;
  };
  return converter::Loop(b, spec);
}

// A list attribute with one number per scanned input or output.
absl::StatusOr<std::vector<int64_t>> ListOf(OpContext& c, const char* name, size_t n) {
  std::vector<int64_t> list = c.Ints(name);
  if (!c.Has(name)) list.assign(n, 0);
  if (list.size() != n)
    return absl::InvalidArgumentError(
        absl::StrCat(name, " has ", list.size(), " numbers, ", n, " are needed"));
  return list;
}

// Rows behind which there are others up to `size` of them: zeros.
ir::Value* Filled(GraphBuilder& b, ir::Value* rows, ir::Value* size) {
  if (rows == nullptr || size == nullptr) return nullptr;
  std::vector<int64_t> others(static_cast<size_t>(2 * (rows->type().shape.rank() - 1)) + 1, 0);
  ir::Value* missing = b.Reshape(b.Sub(size, b.DimOf(rows, 0)), {1});
  return b.Op("PadV3", {rows, b.Concat({b.Ints(others), missing}, 0), b.ScalarLike(0, rows)},
              {{"mode", std::string("constant")}});
}

// Opset 8: axis 0 of everything is a batch of independent scans along axis 1, each as long as sequence_lens says.
absl::Status BatchedScan(OpContext& c, size_t states, size_t scans) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> backward, ListOf(c, "directions", scans));
  const auto operand = [&](size_t i) { return c.input(static_cast<int>(1 + i)); };
  ir::Value* most = b.DimOf(operand(states), 1);
  ir::Value* lengths = c.has_input(0) ? IntsOperand(c, 0) : nullptr;
  converter::LoopSpec batch;
  batch.trips = b.DimOf(operand(states), 0);
  batch.rows = static_cast<size_t>(c.bodies().num_outputs("body"));
  batch.body = [&](ir::Value* sample, ir::Value* /*condition*/, const std::vector<ir::Value*>&,
                   GraphBuilder* into) -> absl::StatusOr<std::vector<ir::Value*>> {
    const auto of_sample = [&](ir::Value* all) {
      return into->Op("Gather", {into->Capture(all), sample}, {{"axis", 0}});
    };
    Scanned s;
    for (size_t i = 0; i < states; ++i) s.states.push_back(of_sample(operand(i)));
    for (size_t i = 0; i < scans; ++i) s.inputs.push_back(of_sample(operand(states + i)));
    s.axes.assign(scans, 0);
    s.backward = backward;
    s.trips = lengths == nullptr ? into->Capture(most) : of_sample(lengths);
    MIRIN_ASSIGN_OR_RETURN(std::vector<ir::Value*> made, Run(c, *into, s));
    for (size_t k = states; lengths != nullptr && k < made.size(); ++k) {
      if (!made[k]->type().shape.rank_known())
        return Refuse("the rank of a scan output is not known at conversion",
                      "give the model's inputs a shape");
      made[k] = Filled(*into, made[k], into->Capture(most));
    }
    made.insert(made.begin(), into->Scalar(1, DType::kBool));
    return made;
  };
  MIRIN_RETURN_IF_ERROR(b.status());
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ir::Value*> values, converter::Loop(b, batch));
  for (size_t i = 0; i < values.size(); ++i) c.SetOutput(static_cast<int>(i), values[i]);
  return absl::OkStatus();
}

}  // namespace

namespace translate {

// Inputs are the initial states, then num_scan_inputs tensors to iterate over; the body takes states and slices and gives states
// and rows of the scan outputs.
absl::Status Scan(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int64_t count, c.RequiredInt("num_scan_inputs"));
  const int64_t given = c.num_inputs() - (c.version() < 9 ? 1 : 0);
  if (count < 1 || count > given)
    return absl::InvalidArgumentError(
        absl::StrCat("num_scan_inputs is ", count, ", it has ", given, " operands"));
  const size_t scans = static_cast<size_t>(count), states = static_cast<size_t>(given - count);
  const int results = c.bodies().num_outputs("body");
  if (results < static_cast<int>(states))
    return absl::InvalidArgumentError(
        absl::StrCat("its body gives ", results, " results for ", states, " states"));
  if (c.version() < 9) return BatchedScan(c, states, scans);

  const size_t rows = static_cast<size_t>(results) - states;
  Scanned s;
  for (size_t i = 0; i < states; ++i) s.states.push_back(c.input(static_cast<int>(i)));
  MIRIN_ASSIGN_OR_RETURN(s.axes, ListOf(c, "scan_input_axes", scans));
  MIRIN_ASSIGN_OR_RETURN(s.backward, ListOf(c, "scan_input_directions", scans));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> out_axes, ListOf(c, "scan_output_axes", rows));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> out_backward,
                         ListOf(c, "scan_output_directions", rows));
  for (size_t i = 0; i < scans; ++i) {
    const int at = static_cast<int>(states + i);
    MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(at));
    MIRIN_ASSIGN_OR_RETURN(s.axes[i], NormalizeAxis(s.axes[i], rank));
    const int64_t n = c.shape(at).dim(static_cast<int>(s.axes[i])),
                  first = c.shape(static_cast<int>(states)).dim(static_cast<int>(s.axes[0]));
    if (n >= 0 && first >= 0 && n != first)
      return absl::InvalidArgumentError(
          absl::StrCat("scan inputs of ", first, " and ", n, " steps"));
    s.inputs.push_back(c.input(at));
  }
  s.trips = b.DimOf(s.inputs[0], s.axes[0]);
  MIRIN_ASSIGN_OR_RETURN(std::vector<ir::Value*> values, Run(c, b, s));
  for (size_t k = 0; k < rows; ++k) {
    ir::Value*& v = values[states + k];
    if (out_backward[k] != 0) v = b.Op("ReverseV2", {v}, {{"axis", std::vector<int64_t>{0}}});
    if (out_axes[k] == 0 || v == nullptr) continue;
    if (!v->type().shape.rank_known())
      return Refuse("the rank of a scan output is not known at conversion",
                    "give the model's inputs a shape");
    const int rank = v->type().shape.rank();
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(out_axes[k], rank));
    std::vector<int64_t> perm;
    for (int64_t i = 1; i < rank; ++i) perm.push_back(i);
    perm.insert(perm.begin() + axis, 0);
    v = b.Transpose(v, perm);
  }
  for (size_t i = 0; i < values.size(); ++i) c.SetOutput(static_cast<int>(i), values[i]);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
