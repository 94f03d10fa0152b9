// ONNX's recurrent cells, with every attribute that the standard gives them.
#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/recurrent_cell.h"

#define MIRIN_KERNEL(Name) absl::Status Name(const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

using ops::CellActivation;

// Everything that all steps of one direction share.
struct Direction {
  int64_t gates = 0, input = 0, hidden = 0;
  const double *w = nullptr, *r = nullptr;  // [gates * H, I], [gates * H, H]
  std::vector<double> w_bias, r_bias;       // [gates * H]
  const double* peepholes = nullptr;        // i o f, each [H]; null: none
  const CellActivation* activations = nullptr;
  double clip = 0;
  bool flag = false;  // input_forget of an LSTM, linear_before_reset of a GRU

  double Apply(int which, double x) const {
    return activations[which](clip > 0 ? std::clamp(x, -clip, clip) : x);
  }
  // Row k of a weight times a vector.
  static double Dot(const double* weight, int64_t k, const double* v, int64_t n) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += weight[k * n + j] * v[j];
    return sum;
  }
  double FromInput(int64_t k, const double* x) const {
    return Dot(w, k, x, input) + w_bias[static_cast<size_t>(k)];
  }
  double FromState(int64_t k, const double* h) const {
    return Dot(r, k, h, hidden) + r_bias[static_cast<size_t>(k)];
  }
  double Gate(int64_t k, const double* x, const double* h) const {
    return FromInput(k, x) + FromState(k, h);
  }
};

// One step of one sample: h and cell become the next ones.
using Step = void (*)(const Direction& d, const double* x, double* h, double* cell);

void RnnStep(const Direction& d, const double* x, double* h, double*) {
  std::vector<double> next(static_cast<size_t>(d.hidden));
  for (int64_t j = 0; j < d.hidden; ++j) next[static_cast<size_t>(j)] = d.Apply(0, d.Gate(j, x, h));
  std::copy(next.begin(), next.end(), h);
}

void GruStep(const Direction& d, const double* x, double* h, double*) {
  const int64_t n = d.hidden;
  std::vector<double> reset(static_cast<size_t>(n)), next(reset.size());
  for (int64_t j = 0; j < n; ++j) reset[static_cast<size_t>(j)] = d.Apply(0, d.Gate(n + j, x, h));
  std::vector<double> kept(reset.size());
  for (size_t j = 0; j < kept.size(); ++j) kept[j] = reset[j] * h[j];
  for (int64_t j = 0; j < n; ++j) {
    const auto at = static_cast<size_t>(j);
    const double update = d.Apply(0, d.Gate(j, x, h));
    const double from_state =
        d.flag ? reset[at] * d.FromState(2 * n + j, h) : d.FromState(2 * n + j, kept.data());
    next[at] = (1 - update) * d.Apply(1, d.FromInput(2 * n + j, x) + from_state) + update * h[j];
  }
  std::copy(next.begin(), next.end(), h);
}

void LstmStep(const Direction& d, const double* x, double* h, double* cell) {
  const int64_t n = d.hidden;
  std::vector<double> next(static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) {
    const auto peep = [&](int64_t which) {
      return d.peepholes == nullptr ? 0 : d.peepholes[which * n + j] * cell[j];
    };
    const double in = d.Apply(0, d.Gate(j, x, h) + peep(0));
    const double forget = d.flag ? 1 - in : d.Apply(0, d.Gate(2 * n + j, x, h) + peep(2));
    cell[j] = forget * cell[j] + in * d.Apply(1, d.Gate(3 * n + j, x, h));
    const double out = d.Apply(0, d.Gate(n + j, x, h) + peep(1));
    next[static_cast<size_t>(j)] =
        out * d.activations[2](cell[j]);  // other runtimes clip gates only, so not here
  }
  std::copy(next.begin(), next.end(), h);
}

struct Cell {
  Step step;
  int64_t gates;
  int cell_input, lengths_input, peepholes_input;  // -1: none
  const char* flag;                                // attribute; null: none
};

std::vector<double> Read(const KernelContext& c, int i, size_t size) {
  return i >= 0 && c.has_input(i) ? ReadAll<double>(c.input(i)) : std::vector<double>(size, 0);
}

absl::Status Run(const ir::Node& node, const KernelContext& c, const Cell& kind) {
  const TensorView &x = c.input(0), &r = c.input(2);
  const int64_t steps = x.dims[0], batch = x.dims[1], input = x.dims[2], directions = r.dims[0],
                hidden = r.dims[2], rows = kind.gates * hidden;
  MIRIN_ASSIGN_OR_RETURN(const std::vector<CellActivation> activations,
                         ops::ReadCellActivations(node.attrs(), ops::DefaultActivations(node.op()),
                                                  static_cast<int>(directions)));
  std::vector<int64_t> lengths(static_cast<size_t>(batch), steps);
  if (c.has_input(kind.lengths_input)) lengths = ReadAll<int64_t>(c.input(kind.lengths_input));
  for (const int64_t length : lengths) {
    if (length < 0 || length > steps)
      return absl::InvalidArgumentError(
          absl::StrCat("a sequence of ", length, " steps in ", steps));
  }
  const std::vector<double> xs = ReadAll<double>(x), ws = ReadAll<double>(c.input(1)),
                            rs = ReadAll<double>(r);
  const auto states = static_cast<size_t>(directions * batch * hidden);
  const std::vector<double> bias = Read(c, 3, static_cast<size_t>(directions * 2 * rows)),
                            peepholes = Read(c, kind.peepholes_input, 0);
  std::vector<double> h = Read(c, 4, states), cell = Read(c, kind.cell_input, states);
  std::vector<double> out(static_cast<size_t>(c.output(0).elements()), 0);
  for (int64_t d = 0; d < directions; ++d) {
    Direction one;
    one.gates = kind.gates;
    one.input = input;
    one.hidden = hidden;
    one.w = ws.data() + d * rows * input;
    one.r = rs.data() + d * rows * hidden;
    const double* b = bias.data() + d * 2 * rows;
    one.w_bias.assign(b, b + rows);
    one.r_bias.assign(b + rows, b + 2 * rows);
    if (!peepholes.empty()) one.peepholes = peepholes.data() + d * 3 * hidden;
    one.activations = activations.data() +
                      static_cast<size_t>(d) * activations.size() / static_cast<size_t>(directions);
    one.clip = node.attrs().Float("clip");
    one.flag = kind.flag != nullptr && node.attrs().Bool(kind.flag);
    const bool reverse = d == 1 || node.attrs().Bool("reverse");
    for (int64_t n = 0; n < batch; ++n) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      const int64_t length = lengths[static_cast<size_t>(n)], at = (d * batch + n) * hidden;
      for (int64_t t = 0; t < length; ++t) {
        const int64_t step = reverse ? length - 1 - t : t;
        kind.step(one, xs.data() + (step * batch + n) * input, h.data() + at, cell.data() + at);
        std::copy(h.begin() + at, h.begin() + at + hidden,
                  out.begin() + ((step * directions + d) * batch + n) * hidden);
      }
    }
  }
  WriteAll(c.output(0), out);
  WriteAll(c.output(1), h);
  if (c.num_outputs() > 2) WriteAll(c.output(2), cell);
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(RNNOnnx) { return Run(node, c, {RnnStep, 1, -1, 5, -1, nullptr}); }
MIRIN_KERNEL(GRUOnnx) { return Run(node, c, {GruStep, 3, -1, 5, -1, "linear_before_reset"}); }
MIRIN_KERNEL(LSTMOnnx) { return Run(node, c, {LstmStep, 4, 5, 6, 7, "input_forget"}); }

}  // namespace mirin::reference::kernels
