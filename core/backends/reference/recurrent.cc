#include <algorithm>
#include <cmath>
#include <functional>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// One direction of one LSTM layer. Rows of w [4H, I] and r [4H, H] and of bias [4H] are the gates i f g o.
struct LstmWeights {
  const double* w;
  const double* r;
  const double* bias;  // null: none
};

void LstmDirection(const LstmWeights& weights, const double* x, int64_t steps, int64_t batch,
                   int64_t input, int64_t hidden, bool reverse, double* h, double* cell,
                   const std::function<double*(int64_t step, int64_t n)>& out) {
  std::vector<double> gates(static_cast<size_t>(4 * hidden));
  std::vector<double> next(static_cast<size_t>(batch * hidden));
  for (int64_t t = 0; t < steps; ++t) {
    const int64_t step = reverse ? steps - 1 - t : t;
    for (int64_t n = 0; n < batch; ++n) {
      const double* xs = x + (step * batch + n) * input;
      for (int64_t k = 0; k < 4 * hidden; ++k) {
        double sum = weights.bias == nullptr ? 0 : weights.bias[k];
        for (int64_t j = 0; j < input; ++j) sum += weights.w[k * input + j] * xs[j];
        for (int64_t j = 0; j < hidden; ++j) sum += weights.r[k * hidden + j] * h[n * hidden + j];
        gates[k] = sum;
      }
      double* to = out(step, n);
      for (int64_t j = 0; j < hidden; ++j) {
        const auto gate = [&](int which) { return gates[which * hidden + j]; };
        double& state = cell[n * hidden + j];
        state = Sigmoid(gate(1)) * state + Sigmoid(gate(0)) * std::tanh(gate(2));
        to[j] = next[n * hidden + j] = Sigmoid(gate(3)) * std::tanh(state);
      }
    }
    std::copy(next.begin(), next.end(), h);
  }
}

}  // namespace

MIRIN_KERNEL(LSTM) {
  const TensorView& x = c.input(0);
  const int64_t steps = x.dims[0], batch = x.dims[1], hidden = node.attrs().Int("hidden_size"),
                layers = node.attrs().Int("num_layers");
  const int64_t directions = node.attrs().Bool("bidirectional") ? 2 : 1;
  const bool has_bias = node.attrs().Bool("has_bias");
  std::vector<double> layer_input = ReadAll<double>(x), h = ReadAll<double>(c.input(1)),
                      cell = ReadAll<double>(c.input(2));
  const std::vector<double> weights = ReadAll<double>(c.input(3));
  // The flat weight holds all W_ih and W_hh first, then all biases.
  int64_t at = 0, bias_at = 0;
  for (int64_t l = 0; l < layers; ++l)
    bias_at += directions * 4 * hidden * ((l == 0 ? x.dims[2] : hidden * directions) + hidden);
  int64_t input = x.dims[2];
  for (int64_t l = 0; l < layers; ++l) {
    std::vector<double> out(static_cast<size_t>(steps * batch * hidden * directions));
    for (int64_t d = 0; d < directions; ++d) {
      LstmWeights w = {weights.data() + at, weights.data() + at + 4 * hidden * input,
                       has_bias ? weights.data() + bias_at : nullptr};
      at += 4 * hidden * (input + hidden);
      bias_at += has_bias ? 4 * hidden : 0;
      const int64_t state = (l * directions + d) * batch * hidden;
      LstmDirection(w, layer_input.data(), steps, batch, input, hidden, d == 1, h.data() + state,
                    cell.data() + state, [&](int64_t step, int64_t n) {
                      return out.data() + ((step * batch + n) * directions + d) * hidden;
                    });
    }
    layer_input = std::move(out);
    input = hidden * directions;
  }
  WriteAll(c.output(0), layer_input);
  WriteAll(c.output(1), h);
  WriteAll(c.output(2), cell);
  for (int i = 3; i < 5; ++i)
    WriteAll(c.output(i), std::vector<double>(static_cast<size_t>(c.output(i).elements()), 0));
  return absl::OkStatus();
}

MIRIN_KERNEL(GRUV2) {
  const TensorView& x = c.input(0);
  const int64_t steps = x.dims[0], batch = x.dims[1], hidden = node.attrs().Int("hidden_size"),
                layers = node.attrs().Int("num_layers");
  const int64_t directions = node.attrs().Bool("bidirectional") ? 2 : 1;
  const bool has_bias = node.attrs().Bool("has_bias");
  std::vector<double> layer_input = ReadAll<double>(x), h = ReadAll<double>(c.input(1));
  const std::vector<double> weights = ReadAll<double>(c.input(2));
  const std::vector<int64_t> lengths =
      c.has_input(3) ? ReadAll<int64_t>(c.input(3))
                     : std::vector<int64_t>(static_cast<size_t>(batch), steps);
  for (const int64_t length : lengths) {
    if (length < 0 || length > steps)
      return absl::InvalidArgumentError(
          absl::StrCat("a sequence of ", length, " steps in ", steps));
  }
  int64_t at = 0, bias_at = 0, input = x.dims[2];
  for (int64_t l = 0; l < layers; ++l)
    bias_at += directions * 3 * hidden * ((l == 0 ? input : hidden * directions) + hidden);
  std::vector<double> gx(static_cast<size_t>(3 * hidden)), gh(gx.size());
  for (int64_t l = 0; l < layers; ++l) {
    std::vector<double> out(static_cast<size_t>(steps * batch * hidden * directions), 0);
    for (int64_t d = 0; d < directions; ++d) {
      const double *w = weights.data() + at, *r = w + 3 * hidden * input,
                   *bw = weights.data() + bias_at, *br = bw + 3 * hidden;
      at += 3 * hidden * (input + hidden);
      bias_at += has_bias ? 6 * hidden : 0;
      for (int64_t n = 0; n < batch; ++n) {
        double* state = h.data() + ((l * directions + d) * batch + n) * hidden;
        const int64_t length = lengths[static_cast<size_t>(n)];
        for (int64_t t = 0; t < length; ++t) {
          const int64_t step = d == 1 ? length - 1 - t : t;
          const double* xs = layer_input.data() + (step * batch + n) * input;
          for (int64_t k = 0; k < 3 * hidden; ++k) {
            double sx = has_bias ? bw[k] : 0, sh = has_bias ? br[k] : 0;
            for (int64_t j = 0; j < input; ++j) sx += w[k * input + j] * xs[j];
            for (int64_t j = 0; j < hidden; ++j) sh += r[k * hidden + j] * state[j];
            gx[static_cast<size_t>(k)] = sx;
            gh[static_cast<size_t>(k)] = sh;
          }
          double* to = out.data() + ((step * batch + n) * directions + d) * hidden;
          for (int64_t j = 0; j < hidden; ++j) {
            const auto gate = [&](const std::vector<double>& g, int64_t which) {
              return g[static_cast<size_t>(which * hidden + j)];
            };
            const double reset = Sigmoid(gate(gx, 0) + gate(gh, 0)),
                         update = Sigmoid(gate(gx, 1) + gate(gh, 1));
            const double fresh = std::tanh(gate(gx, 2) + reset * gate(gh, 2));
            to[j] = (1 - update) * fresh + update * state[j];
          }
          std::copy(to, to + hidden, state);
        }
      }
    }
    layer_input = std::move(out);
    input = hidden * directions;
  }
  WriteAll(c.output(0), layer_input);
  WriteAll(c.output(1), h);
  for (int i = 2; i < 4; ++i)
    WriteAll(c.output(i), std::vector<double>(static_cast<size_t>(c.output(i).elements()), 0));
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
