// RNN, GRU and LSTM. MindSpore's own LSTM and GRU where they compute the same, else operators with all of ONNX's attributes.
#include <algorithm>

#include "absl/strings/match.h"
#include "core/converter/onnx/ops/common.h"
#include "core/ops/recurrent_cell.h"

namespace mirin::onnx {
namespace {

// One recurrent operator as the IR sees it: time first.
struct Cell {
  const char* op = nullptr;  // the general operator
  int64_t gates = 0;
  ir::Value *x = nullptr, *w = nullptr, *r = nullptr, *b = nullptr;        // b may be Absent()
  ir::Value *lengths = nullptr, *h = nullptr, *c = nullptr, *p = nullptr;  // may be Absent()
  int64_t directions = 1, hidden = -1, input = -1;
  bool reverse = false, batch_first = false;
  bool plain = false;  // default activations, no clip
  Attrs attributes;    // of the general operator
};

bool Given(const ir::Value* v) { return v != GraphBuilder::Absent(); }

bool IsDefault(const std::vector<std::string>& activations,
               const std::vector<std::string>& defaults, int64_t directions) {
  if (!activations.empty() &&
      activations.size() != defaults.size() * static_cast<size_t>(directions))
    return false;
  for (size_t i = 0; i < activations.size(); ++i) {
    if (!absl::EqualsIgnoreCase(activations[i], defaults[i % defaults.size()])) return false;
  }
  return true;
}

absl::Status ReadDirection(OpContext& c, Cell* cell) {
  const std::string direction = c.String("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    return absl::InvalidArgumentError(absl::StrCat("direction is '", direction, "'"));
  cell->directions = direction == "bidirectional" ? 2 : 1;
  cell->reverse = direction == "reverse";
  return absl::OkStatus();
}

absl::StatusOr<Cell> ReadCell(OpContext& c, const char* op, int64_t gates) {
  Cell cell;
  cell.op = op;
  cell.gates = gates;
  MIRIN_RETURN_IF_ERROR(ReadDirection(c, &cell));
  cell.batch_first = c.version() >= 14 && c.Bool("layout", false);
  std::vector<std::string> activations = c.Strings("activations");
  // The standard's default of RNN has two names whatever the direction.
  if (gates == 1 && cell.directions == 1 && activations.size() == 2) activations.pop_back();
  const std::vector<double> alpha = c.Floats("activation_alpha"),
                            beta = c.Floats("activation_beta");
  double clip = 0;
  if (c.Has("clip")) {
    clip = c.Float("clip", 0);
    if (!(clip > 0)) return absl::InvalidArgumentError(absl::StrCat("clip is ", clip));
  }
  GraphBuilder& b = c.builder();
  const auto time_first = [&](ir::Value* v) {
    return cell.batch_first && Given(v) ? b.Transpose(v, {1, 0, 2}) : v;
  };
  cell.x = time_first(c.input(0));
  cell.w = c.input(1);
  cell.r = c.input(2);
  if (cell.x == nullptr || cell.w == nullptr || cell.r == nullptr) return cell;
  cell.b = c.OptionalInput(3);
  cell.lengths = c.OptionalInput(4);
  cell.h = time_first(c.OptionalInput(5));
  cell.c = cell.p = GraphBuilder::Absent();
  const Shape &w = cell.w->type().shape, &r = cell.r->type().shape;
  if (w.concrete() && w.rank() == 3) cell.input = w.dim(2);
  if (r.concrete() && r.rank() == 3) cell.hidden = r.dim(2);
  const int64_t hidden = c.Int("hidden_size", cell.hidden);
  if (cell.hidden >= 0 && hidden != cell.hidden)
    return absl::InvalidArgumentError(
        absl::StrCat("hidden_size is ", hidden, " but R has ", cell.hidden));
  if (r.concrete() && (r.rank() != 3 || r.dim(0) != cell.directions))
    return absl::InvalidArgumentError(
        absl::StrCat("R has shape ", ToString(r), " for ", cell.directions, " directions"));
  cell.plain = clip == 0 && IsDefault(activations, ops::DefaultActivations(op), cell.directions);
  cell.attributes = {{"reverse", cell.reverse},
                     {"activations", activations},
                     {"activation_alpha", alpha},
                     {"activation_beta", beta},
                     {"clip", clip}};
  return cell;
}

// Outputs 0, 1.. from y [T, D, N, H] and the last states [D, N, H].
void SetResults(OpContext& c, const Cell& cell, ir::Value* y,
                const std::vector<ir::Value*>& states) {
  GraphBuilder& b = c.builder();
  c.SetOutput(0, cell.batch_first ? b.Transpose(y, {2, 0, 1, 3}) : y);
  for (size_t i = 0; i < states.size(); ++i)
    c.SetOutput(static_cast<int>(i) + 1,
                cell.batch_first ? b.Transpose(states[i], {1, 0, 2}) : states[i]);
}

void SetResults(OpContext& c, const Cell& cell, const std::vector<ir::Value*>& results) {
  if (!results.empty()) SetResults(c, cell, results[0], {results.begin() + 1, results.end()});
}

// -- the standard operators ---------------------------------------------------------------------------------------------

// [D, gates * H, ..] with the gates in another order.
ir::Value* Reorder(OpContext& c, const Cell& cell, ir::Value* v, const std::vector<int64_t>& order,
                   int64_t tail) {
  GraphBuilder& b = c.builder();
  ir::Value* gates = b.Reshape(v, {cell.directions, -1, cell.hidden * tail});
  return c.Op("Gather", {gates, b.Ints(order)}, {{"axis", int64_t{1}}});
}

// All numbers of direction d.
ir::Value* FlatDirection(OpContext& c, ir::Value* v, int64_t d) {
  return c.builder().Reshape(c.builder().SliceAxis(v, 0, d, d + 1), {-1});
}

// One flat weight: W and R of every direction, then the biases of every direction. `order` says where the gates come from.
ir::Value* FlatWeight(OpContext& c, const Cell& cell, const std::vector<int64_t>& order,
                      bool sum_biases) {
  GraphBuilder& b = c.builder();
  ir::Value* w = Reorder(c, cell, cell.w, order, cell.input);
  ir::Value* r = Reorder(c, cell, cell.r, order, cell.hidden);
  std::vector<ir::Value*> parts;
  for (int64_t d = 0; d < cell.directions; ++d) {
    parts.push_back(FlatDirection(c, w, d));
    parts.push_back(FlatDirection(c, r, d));
  }
  if (Given(cell.b)) {
    const int64_t width = cell.gates * cell.hidden;
    ir::Value* input = Reorder(c, cell, b.SliceAxis(cell.b, 1, 0, width), order, 1);
    ir::Value* state = Reorder(c, cell, b.SliceAxis(cell.b, 1, width, 2 * width), order, 1);
    ir::Value* sum = sum_biases ? b.Add(input, state) : nullptr;
    for (int64_t d = 0; d < cell.directions; ++d) {
      parts.push_back(FlatDirection(c, sum_biases ? sum : input, d));
      if (!sum_biases) parts.push_back(FlatDirection(c, state, d));
    }
  }
  return b.Reshape(b.Concat(parts, 0), {-1, 1, 1});
}

// The given start state, or zeros.
ir::Value* StartState(OpContext& c, const Cell& cell, ir::Value* given) {
  if (Given(given)) return given;
  GraphBuilder& b = c.builder();
  ir::Value* shape = b.Concat(
      {b.Ints({cell.directions}), b.Unsqueeze(b.DimOf(cell.x, 1), {0}), b.Ints({cell.hidden})}, 0);
  return c.Op("FillV2", {shape, b.ScalarLike(0, cell.x)});
}

// y [T, N, D * H] as [T, D, N, H].
ir::Value* SplitDirections(OpContext& c, const Cell& cell, ir::Value* y) {
  GraphBuilder& b = c.builder();
  if (cell.directions == 1) return b.Unsqueeze(y, {1});
  return c.Op("Stack",
              {b.SliceAxis(y, 2, 0, cell.hidden), b.SliceAxis(y, 2, cell.hidden, 2 * cell.hidden)},
              {{"axis", int64_t{1}}});
}

// The primitives run forward: a reverse cell sees its input from the end.
ir::Value* Turn(OpContext& c, const Cell& cell, ir::Value* v) {
  return cell.reverse ? c.Op("ReverseV2", {v}, {{"axis", std::vector<int64_t>{0}}}) : v;
}

Attrs StandardAttributes(const Cell& cell) {
  return {{"input_size", cell.input},
          {"hidden_size", cell.hidden},
          {"num_layers", int64_t{1}},
          {"has_bias", Given(cell.b)},
          {"bidirectional", cell.directions == 2}};
}

bool SizesKnown(const Cell& cell) { return cell.hidden > 0 && cell.input > 0; }

}  // namespace

namespace translate {

absl::Status RNN(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Cell cell, ReadCell(c, "RNNOnnx", 1));
  SetResults(
      c, cell,
      c.Ops(cell.op, {cell.x, cell.w, cell.r, cell.b, cell.h, cell.lengths}, cell.attributes));
  return absl::OkStatus();
}

absl::Status GRU(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(Cell cell, ReadCell(c, "GRUOnnx", 3));
  const bool linear_before_reset = c.Bool("linear_before_reset", false);
  if (cell.x == nullptr || cell.w == nullptr || cell.r == nullptr) return absl::OkStatus();
  if (!cell.plain || !linear_before_reset || !SizesKnown(cell) ||
      (cell.reverse && Given(cell.lengths))) {
    cell.attributes.emplace_back("linear_before_reset", linear_before_reset);
    SetResults(
        c, cell,
        c.Ops(cell.op, {cell.x, cell.w, cell.r, cell.b, cell.h, cell.lengths}, cell.attributes));
    return absl::OkStatus();
  }
  // z r h as r z n
  const std::vector<ir::Value*> results =
      c.Ops("GRUV2",
            {Turn(c, cell, cell.x), StartState(c, cell, cell.h),
             FlatWeight(c, cell, {1, 0, 2}, false), cell.lengths},
            StandardAttributes(cell));
  if (!results.empty())
    SetResults(c, cell, SplitDirections(c, cell, Turn(c, cell, results[0])), {results[1]});
  return absl::OkStatus();
}

absl::Status LSTM(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(Cell cell, ReadCell(c, "LSTMOnnx", 4));
  const bool input_forget = c.Bool("input_forget", false);
  if (cell.x == nullptr || cell.w == nullptr || cell.r == nullptr) return absl::OkStatus();
  cell.c = c.OptionalInput(6);
  if (cell.batch_first && Given(cell.c)) cell.c = c.builder().Transpose(cell.c, {1, 0, 2});
  cell.p = c.OptionalInput(7);
  if (!cell.plain || input_forget || !SizesKnown(cell) || Given(cell.lengths) || Given(cell.p)) {
    cell.attributes.emplace_back("input_forget", input_forget);
    SetResults(
        c, cell,
        c.Ops(cell.op, {cell.x, cell.w, cell.r, cell.b, cell.h, cell.c, cell.lengths, cell.p},
              cell.attributes));
    return absl::OkStatus();
  }
  // i o f c as i f g o
  const std::vector<ir::Value*> results =
      c.Ops("LSTM",
            {Turn(c, cell, cell.x), StartState(c, cell, cell.h), StartState(c, cell, cell.c),
             FlatWeight(c, cell, {0, 2, 3, 1}, true)},
            StandardAttributes(cell));
  if (!results.empty())
    SetResults(c, cell, SplitDirections(c, cell, Turn(c, cell, results[0])),
               {results[1], results[2]});
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
