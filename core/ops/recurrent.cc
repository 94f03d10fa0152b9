#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/recurrent_cell.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

using std::string;

// The states and weights from input 1 to `last`.
absl::Status RequireDTypeOfX(const InferContext& c, int last) {
  for (int i = 1; i <= last; ++i) {
    if (c.has_input(i)) MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
  }
  return absl::OkStatus();
}

absl::Status InferLstm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(RequireDTypeOfX(c, 3));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  const int64_t hidden = c.attrs().Int("hidden_size"), input = c.attrs().Int("input_size"),
                layers = c.attrs().Int("num_layers");
  const int64_t directions = c.attrs().Bool("bidirectional") ? 2 : 1;
  if (hidden < 1 || hidden > (1 << 20) || input < 1 || input > (1 << 20) || layers < 1 ||
      layers > 1024)
    return absl::InvalidArgumentError("sizes are out of range");
  if (c.attrs().Int("proj_size") != 0) return absl::UnimplementedError("LSTM with a projection");
  const Shape& x = c.shape(0);
  const int64_t steps = x.rank_known() ? x.dim(0) : -1, batch = x.rank_known() ? x.dim(1) : -1;
  if (x.rank_known() && x.dim(2) >= 0 && x.dim(2) != input)
    return absl::InvalidArgumentError(
        absl::StrCat("x has ", x.dim(2), " features, expected ", input));
  int64_t weights = 0;
  for (int64_t l = 0; l < layers; ++l) {
    weights +=
        directions * 4 * hidden *
        ((l == 0 ? input : hidden * directions) + hidden + (c.attrs().Bool("has_bias") ? 1 : 0));
  }
  if (c.shape(3).concrete() && NumElements(c.shape(3).dims()) != weights) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the packed weight has ", NumElements(c.shape(3).dims()), " numbers, expected ", weights));
  }
  const Shape state({layers * directions, batch, hidden});
  for (int i = 1; i < 3; ++i) {
    if (c.shape(i).concrete() && state.concrete() && c.shape(i) != state)
      return absl::InvalidArgumentError(
          absl::StrCat("a start state is ", ToString(c.shape(i)), ", expected ", ToString(state)));
  }
  c.SetOutput(0, c.dtype(0), Shape({steps, batch, hidden * directions}));
  c.SetOutput(1, c.dtype(0), state);
  c.SetOutput(2, c.dtype(0), state);
  c.SetOutput(3, c.dtype(0), Shape({1, 1}));
  c.SetOutput(4, c.dtype(0), Shape({1, 1}));
  return absl::OkStatus();
}

// ONNX's cells: x [T, N, I], W [D, gates * H, I], R [D, gates * H, H], then by position B, h, c or null, lengths, P or null.
struct CellInputs {
  int64_t gates;
  int cell, lengths, peepholes;  // positions; -1: the operator has none
};

absl::Status RequireElements(const InferContext& c, int i, int64_t expected, const char* what) {
  if (i < 0 || !c.has_input(i) || !c.shape(i).concrete() || expected < 0 ||
      NumElements(c.shape(i).dims()) == expected)
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " has shape ", ToString(c.shape(i)),
                                                 ", expected ", expected, " elements"));
}

absl::Status InferCell(InferContext& c, const CellInputs& in) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  for (int i = 1; i < c.num_inputs(); ++i) {
    if (c.has_input(i) && i != in.lengths) MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
  }
  if (c.has_input(in.lengths)) MIRIN_RETURN_IF_ERROR(c.RequireInt(in.lengths));
  for (int i = 0; i < 3; ++i) MIRIN_RETURN_IF_ERROR(c.RequireRank(i, 3));
  const Shape x = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(3),
              r = c.shape(2).rank_known() ? c.shape(2) : Shape::OfRank(3);
  const int64_t directions = r.dim(0), hidden = r.dim(2), batch = x.dim(1);
  if (r.concrete() && ((directions != 1 && directions != 2) || hidden > (int64_t{1} << 20) ||
                       r.dim(1) != in.gates * hidden))
    return absl::InvalidArgumentError(absl::StrCat("R has shape ", ToString(r)));
  if (r.concrete() && c.shape(1).concrete() && x.dim(2) >= 0 &&
      c.shape(1) != Shape({directions, in.gates * hidden, x.dim(2)})) {
    return absl::InvalidArgumentError(
        absl::StrCat("W has shape ", ToString(c.shape(1)), ", expected ",
                     ToString(Shape({directions, in.gates * hidden, x.dim(2)}))));
  }
  const Shape state({directions, batch, hidden});
  if (r.concrete()) {
    MIRIN_RETURN_IF_ERROR(ReadCellActivations(c.attrs(), DefaultActivations(c.node().op()),
                                              static_cast<int>(directions))
                              .status());
    if (directions == 2 && c.attrs().Bool("reverse"))
      return absl::InvalidArgumentError("a reverse cell has one direction");
    MIRIN_RETURN_IF_ERROR(RequireElements(c, 3, directions * 2 * in.gates * hidden, "B"));
    MIRIN_RETURN_IF_ERROR(RequireElements(c, in.peepholes, directions * 3 * hidden, "P"));
  }
  MIRIN_RETURN_IF_ERROR(RequireElements(c, in.lengths, batch, "the tensor of sequence lengths"));
  if (state.concrete()) {
    MIRIN_ASSIGN_OR_RETURN(const int64_t elements, CheckedElements(state.dims()));
    MIRIN_RETURN_IF_ERROR(RequireElements(c, 4, elements, "a start state"));
    MIRIN_RETURN_IF_ERROR(RequireElements(c, in.cell, elements, "a start state"));
  }
  c.SetOutput(0, c.dtype(0), Shape({x.dim(0), directions, batch, hidden}));
  for (int i = 1; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), state);
  return absl::OkStatus();
}

absl::Status InferLstmOnnx(InferContext& c) { return InferCell(c, {4, 5, 6, 7}); }
absl::Status InferGruOnnx(InferContext& c) { return InferCell(c, {3, -1, 5, -1}); }
absl::Status InferRnnOnnx(InferContext& c) { return InferCell(c, {1, -1, 5, -1}); }

absl::Status InferGru(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(RequireDTypeOfX(c, 2));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  const int64_t hidden = c.attrs().Int("hidden_size"), input = c.attrs().Int("input_size"),
                layers = c.attrs().Int("num_layers");
  const int64_t directions = c.attrs().Bool("bidirectional") ? 2 : 1;
  if (hidden < 1 || hidden > (1 << 20) || input < 1 || input > (1 << 20) || layers < 1 ||
      layers > 1024)
    return absl::InvalidArgumentError("sizes are out of range");
  const Shape& x = c.shape(0);
  const int64_t steps = x.rank_known() ? x.dim(0) : -1, batch = x.rank_known() ? x.dim(1) : -1;
  if (x.rank_known() && x.dim(2) >= 0 && x.dim(2) != input)
    return absl::InvalidArgumentError(
        absl::StrCat("x has ", x.dim(2), " features, expected ", input));
  int64_t weights = 0;
  for (int64_t l = 0; l < layers; ++l) {
    weights +=
        directions * 3 * hidden *
        ((l == 0 ? input : hidden * directions) + hidden + (c.attrs().Bool("has_bias") ? 2 : 0));
  }
  if (c.shape(2).concrete() && NumElements(c.shape(2).dims()) != weights) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the packed weight has ", NumElements(c.shape(2).dims()), " numbers, expected ", weights));
  }
  const Shape state({layers * directions, batch, hidden});
  if (c.shape(1).concrete() && state.concrete() && c.shape(1) != state)
    return absl::InvalidArgumentError(
        absl::StrCat("the start state is ", ToString(c.shape(1)), ", expected ", ToString(state)));
  if (c.has_input(3) && c.shape(3).concrete() && batch >= 0 &&
      NumElements(c.shape(3).dims()) != batch)
    return absl::InvalidArgumentError("one sequence length per sample is needed");
  c.SetOutput(0, c.dtype(0), Shape({steps, batch, hidden * directions}));
  c.SetOutput(1, c.dtype(0), state);
  c.SetOutput(2, c.dtype(0), Shape({1, 1}));
  c.SetOutput(3, c.dtype(0), Shape({1, 1}));
  return absl::OkStatus();
}

// Attributes that ONNX's cells share; R says how many directions there are, a clip of 0 (of what gates' activations see) is none.
OpSchema WithCell(OpSchema schema) {
  return schema.Attr("reverse", false)
      .Attr("activations", std::vector<string>{})
      .Attr("activation_alpha", std::vector<double>{})
      .Attr("activation_beta", std::vector<double>{})
      .Attr("clip", 0.0);
}

}  // namespace

namespace schemas {

OpSchema LSTM() {
  return OpSchema("LSTM",
                  "Long short-term memory over [T, N, I]; gates i f g o; one flat weight: per "
                  "layer and direction W_ih, W_hh, then the biases b_ih + b_hh.")
      .Input("x")
      .Input("h")
      .Input("c")
      .Input("weight")
      .RequiredAttr("input_size")
      .RequiredAttr("hidden_size")
      .Attr("num_layers", int64_t{1})
      .Attr("has_bias", true)
      .Attr("bidirectional", false)
      .Attr("dropout", 0.0)
      .Attr("proj_size", int64_t{0})
      .Output("y")
      .Output("h_n")
      .Output("c_n")
      .Output("reserve")
      .Output("state")
      .Infer(InferLstm);
}
OpSchema LSTMOnnx() {
  return WithCell(OpSchema("LSTMOnnx", "ONNX LSTM: gates i o f c, separate weights. (internal)")
                      .Input("x")
                      .Input("W")
                      .Input("R")
                      .OptionalInput("B")
                      .OptionalInput("h")
                      .OptionalInput("c")
                      .OptionalInput("lengths")
                      .OptionalInput("P")
                      .Attr("bidirectional", false)
                      .Attr("input_forget", false))
      .Output("y")
      .Output("h_n")
      .Output("c_n")
      .Infer(InferLstmOnnx);
}
OpSchema GRUOnnx() {
  return WithCell(OpSchema("GRUOnnx", "ONNX GRU: gates z r h, separate weights. (internal)")
                      .Input("x")
                      .Input("W")
                      .Input("R")
                      .OptionalInput("B")
                      .OptionalInput("h")
                      .OptionalInput("lengths")
                      .Attr("linear_before_reset", false))
      .Output("y")
      .Output("h_n")
      .Infer(InferGruOnnx);
}
OpSchema RNNOnnx() {
  return WithCell(OpSchema("RNNOnnx", "ONNX RNN: h = f(W x + R h + B). (internal)")
                      .Input("x")
                      .Input("W")
                      .Input("R")
                      .OptionalInput("B")
                      .OptionalInput("h")
                      .OptionalInput("lengths"))
      .Output("y")
      .Output("h_n")
      .Infer(InferRnnOnnx);
}
OpSchema GRUV2() {
  return OpSchema(
             "GRUV2",
             "Gated recurrent unit over [T, N, I]; gates r z n; one flat weight: per layer and "
             "direction W_ih, W_hh, then b_ih, b_hh. Steps beyond a sample's length give zeros.")
      .Input("x")
      .Input("h")
      .Input("weight")
      .OptionalInput("seq_lengths")
      .RequiredAttr("input_size")
      .RequiredAttr("hidden_size")
      .Attr("num_layers", int64_t{1})
      .Attr("has_bias", true)
      .Attr("bidirectional", false)
      .Attr("dropout", 0.0)
      .Attr("is_training", false, {"is_train"})
      .Output("y")
      .Output("h_n")
      .Output("reserve")
      .Output("state")
      .Infer(InferGru);
}

}  // namespace schemas
}  // namespace mirin::ops
