#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
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
  const int64_t hidden = c.attrs().Int("hidden_size"), input = c.attrs().Int("input_size"), layers = c.attrs().Int("num_layers");
  const int64_t directions = c.attrs().Bool("bidirectional") ? 2 : 1;
  if (hidden < 1 || hidden > (1 << 20) || input < 1 || input > (1 << 20) || layers < 1 || layers > 1024) return absl::InvalidArgumentError("sizes are out of range");
  if (c.attrs().Int("proj_size") != 0) return absl::UnimplementedError("LSTM with a projection");
  const Shape& x = c.shape(0);
  const int64_t steps = x.rank_known() ? x.dim(0) : -1, batch = x.rank_known() ? x.dim(1) : -1;
  if (x.rank_known() && x.dim(2) >= 0 && x.dim(2) != input) return absl::InvalidArgumentError(absl::StrCat("x has ", x.dim(2), " features, expected ", input));
  int64_t weights = 0;
  for (int64_t l = 0; l < layers; ++l) {
    weights += directions * 4 * hidden * ((l == 0 ? input : hidden * directions) + hidden + (c.attrs().Bool("has_bias") ? 1 : 0));
  }
  if (c.shape(3).concrete() && NumElements(c.shape(3).dims()) != weights) {
    return absl::InvalidArgumentError(absl::StrCat("the packed weight has ", NumElements(c.shape(3).dims()), " numbers, expected ", weights));
  }
  const Shape state({layers * directions, batch, hidden});
  for (int i = 1; i < 3; ++i) {
    if (c.shape(i).concrete() && state.concrete() && c.shape(i) != state) return absl::InvalidArgumentError(absl::StrCat("a start state is ", ToString(c.shape(i)), ", expected ", ToString(state)));
  }
  c.SetOutput(0, c.dtype(0), Shape({steps, batch, hidden * directions}));
  c.SetOutput(1, c.dtype(0), state);
  c.SetOutput(2, c.dtype(0), state);
  c.SetOutput(3, c.dtype(0), Shape({1, 1}));
  c.SetOutput(4, c.dtype(0), Shape({1, 1}));
  return absl::OkStatus();
}

absl::Status InferLstmOnnx(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(RequireDTypeOfX(c, 5));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 3));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(2, 3));
  const Shape& x = c.shape(0);
  const Shape& r = c.shape(2);
  if (!x.rank_known() || !r.concrete()) {
    for (int i = 0; i < 3; ++i) c.SetOutput(i, c.dtype(0), Shape::OfRank(i == 0 ? 4 : 3));
    return absl::OkStatus();
  }
  const int64_t directions = r.dim(0), hidden = r.dim(2);
  if (r.dim(1) != 4 * hidden || (directions != 1 && directions != 2)) return absl::InvalidArgumentError(absl::StrCat("R has shape ", ToString(r)));
  if (c.shape(1).concrete() && x.dim(2) >= 0 && c.shape(1) != Shape({directions, 4 * hidden, x.dim(2)})) return absl::InvalidArgumentError(absl::StrCat("W has shape ", ToString(c.shape(1))));
  if (c.has_input(3) && c.shape(3).concrete() && NumElements(c.shape(3).dims()) != directions * 8 * hidden) return absl::InvalidArgumentError(absl::StrCat("B has shape ", ToString(c.shape(3))));
  for (int i = 4; i < 6; ++i) {
    if (c.has_input(i) && c.shape(i).concrete() && x.dim(1) >= 0 && NumElements(c.shape(i).dims()) != directions * x.dim(1) * hidden) return absl::InvalidArgumentError("a start state has the wrong size");
  }
  c.SetOutput(0, c.dtype(0), Shape({x.dim(0), directions, x.dim(1), hidden}));
  c.SetOutput(1, c.dtype(0), Shape({directions, x.dim(1), hidden}));
  c.SetOutput(2, c.dtype(0), Shape({directions, x.dim(1), hidden}));
  return absl::OkStatus();
}

absl::Status InferGru(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(RequireDTypeOfX(c, 2));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  const int64_t hidden = c.attrs().Int("hidden_size"), input = c.attrs().Int("input_size"), layers = c.attrs().Int("num_layers");
  const int64_t directions = c.attrs().Bool("bidirectional") ? 2 : 1;
  if (hidden < 1 || hidden > (1 << 20) || input < 1 || input > (1 << 20) || layers < 1 || layers > 1024) return absl::InvalidArgumentError("sizes are out of range");
  const Shape& x = c.shape(0);
  const int64_t steps = x.rank_known() ? x.dim(0) : -1, batch = x.rank_known() ? x.dim(1) : -1;
  if (x.rank_known() && x.dim(2) >= 0 && x.dim(2) != input) return absl::InvalidArgumentError(absl::StrCat("x has ", x.dim(2), " features, expected ", input));
  int64_t weights = 0;
  for (int64_t l = 0; l < layers; ++l) {
    weights += directions * 3 * hidden * ((l == 0 ? input : hidden * directions) + hidden + (c.attrs().Bool("has_bias") ? 2 : 0));
  }
  if (c.shape(2).concrete() && NumElements(c.shape(2).dims()) != weights) {
    return absl::InvalidArgumentError(absl::StrCat("the packed weight has ", NumElements(c.shape(2).dims()), " numbers, expected ", weights));
  }
  const Shape state({layers * directions, batch, hidden});
  if (c.shape(1).concrete() && state.concrete() && c.shape(1) != state) return absl::InvalidArgumentError(absl::StrCat("the start state is ", ToString(c.shape(1)), ", expected ", ToString(state)));
  if (c.has_input(3) && c.shape(3).concrete() && batch >= 0 && NumElements(c.shape(3).dims()) != batch) return absl::InvalidArgumentError("one sequence length per sample is needed");
  c.SetOutput(0, c.dtype(0), Shape({steps, batch, hidden * directions}));
  c.SetOutput(1, c.dtype(0), state);
  c.SetOutput(2, c.dtype(0), Shape({1, 1}));
  c.SetOutput(3, c.dtype(0), Shape({1, 1}));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema LSTM() {
  return OpSchema("LSTM", "Long short-term memory over [T, N, I]; gates i f g o; one flat weight: per layer and direction W_ih, W_hh, then the biases b_ih + b_hh.")
      .Input("x").Input("h").Input("c").Input("weight").RequiredAttr("input_size").RequiredAttr("hidden_size").Attr("num_layers", int64_t{1}).Attr("has_bias", true)
      .Attr("bidirectional", false).Attr("dropout", 0.0).Attr("proj_size", int64_t{0}).Output("y").Output("h_n").Output("c_n").Output("reserve").Output("state").Infer(InferLstm);
}
OpSchema LSTMOnnx() {
  return OpSchema("LSTMOnnx", "ONNX LSTM: gates i o f c, separate weights. (internal)").Input("x").Input("W").Input("R").OptionalInput("B").OptionalInput("h").OptionalInput("c")
      .Attr("bidirectional", false).Output("y").Output("h_n").Output("c_n").Infer(InferLstmOnnx);
}
OpSchema GRUV2() {
  return OpSchema("GRUV2", "Gated recurrent unit over [T, N, I]; gates r z n; one flat weight: per layer and direction W_ih, W_hh, then b_ih, b_hh. Steps beyond a sample's length give zeros.")
      .Input("x").Input("h").Input("weight").OptionalInput("seq_lengths").RequiredAttr("input_size").RequiredAttr("hidden_size").Attr("num_layers", int64_t{1}).Attr("has_bias", true)
      .Attr("bidirectional", false).Attr("dropout", 0.0).Attr("is_training", false, {"is_train"}).Output("y").Output("h_n").Output("reserve").Output("state").Infer(InferGru);
}

}  // namespace schemas
}  // namespace mirin::ops
