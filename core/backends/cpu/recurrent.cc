// LSTM and GRU: one product for the inputs of all steps, then one small product and the gates per step.
#include <algorithm>

#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

// One direction of one layer, its weights packed for the GEMM. Offsets into the packed memory, in floats.
struct Direction {
  int64_t input = 0;  // features that it reads
  int64_t from_input = 0, from_state = 0, input_bias = -1, state_bias = -1;
};

struct Packed {
  std::shared_ptr<const void> memory;
  const float* at(int64_t offset) const {
    return offset < 0 ? nullptr : static_cast<const float*>(memory.get()) + offset;
  }
};

struct Plan {
  bool gru = false;
  int64_t gates = 4, hidden = 0, layers = 1, directions = 1, steps = 0, batch = 0;
  bool has_bias = false;
  std::vector<Direction> all;  // layer by layer
  int64_t packed_floats = 0;

  int64_t width() const { return gates * hidden; }
  int64_t layer_floats() const { return steps * batch * directions * hidden; }
};

Plan MakePlan(const KernelRequest& r) {
  const ir::Attributes& attrs = r.node->attrs();
  Plan p;
  p.gru = r.node->op() == "GRUV2";
  p.gates = p.gru ? 3 : 4;
  p.hidden = attrs.Int("hidden_size");
  p.layers = attrs.Int("num_layers", 1);
  p.directions = attrs.Bool("bidirectional") ? 2 : 1;
  p.has_bias = attrs.Bool("has_bias");
  p.steps = r.inputs[0].shape.dim(0);
  p.batch = r.inputs[0].shape.dim(1);
  for (int64_t l = 0; l < p.layers; ++l) {
    for (int64_t d = 0; d < p.directions; ++d) {
      Direction one;
      one.input = l == 0 ? r.inputs[0].shape.dim(2) : p.hidden * p.directions;
      const auto take = [&](int64_t floats) {
        return std::exchange(p.packed_floats, p.packed_floats + floats);
      };
      one.from_input = take(PackedFloats(one.input, p.width()));
      one.from_state = take(PackedFloats(p.hidden, p.width()));
      if (p.has_bias) one.input_bias = take(p.width());
      if (p.has_bias && p.gru) one.state_bias = take(p.width());
      p.all.push_back(one);
    }
  }
  return p;
}

// The file's flat weight: all W_ih and W_hh first, then the biases (two per direction for a GRU).
void Pack(const Plan& p, const Tensor& flat, float* to) {
  const SimdKernels& simd = Simd();
  const char* from = static_cast<const char*>(flat.data());
  const auto matrix = [&](int64_t k, int64_t offset) {
    simd.pack_b(reinterpret_cast<const float*>(from), k, p.width(), 1, k, to + offset);
    from += k * p.width() * 4;
  };
  const auto vector = [&](int64_t offset) {
    if (offset < 0) return;
    __builtin_memcpy(to + offset, from, static_cast<size_t>(p.width()) * 4);
    from += p.width() * 4;
  };
  for (const Direction& d : p.all) {
    matrix(d.input, d.from_input);
    matrix(p.hidden, d.from_state);
  }
  for (const Direction& d : p.all) {
    vector(d.input_bias);
    vector(d.state_bias);
  }
}

// Gates i f g o of one sample; `cell` and `state` are updated.
void LstmGates(const SimdKernels& simd, float* gates, float* cell, float* state, int64_t hidden) {
  float *i = gates, *f = gates + hidden, *g = gates + 2 * hidden, *o = gates + 3 * hidden;
  simd.unary(UnaryKind::kSigmoid, i, i, 2 * hidden, 0);
  simd.unary(UnaryKind::kTanh, g, g, hidden, 0);
  simd.unary(UnaryKind::kSigmoid, o, o, hidden, 0);
  simd.binary(BinaryKind::kMul, f, cell, cell, hidden);
  simd.binary(BinaryKind::kMul, i, g, g, hidden);
  simd.binary(BinaryKind::kAdd, cell, g, cell, hidden);
  simd.unary(UnaryKind::kTanh, cell, g, hidden, 0);
  simd.binary(BinaryKind::kMul, o, g, state, hidden);
}

// Gates r z n of one sample: x from the input, s from the state; `state` is updated.
void GruGates(const SimdKernels& simd, float* x, float* s, float* state, int64_t hidden) {
  float *z = x + hidden, *n = x + 2 * hidden;
  simd.binary(BinaryKind::kAdd, x, s, x, 2 * hidden);
  simd.unary(UnaryKind::kSigmoid, x, x, 2 * hidden, 0);
  simd.binary(BinaryKind::kMul, x, s + 2 * hidden, s, hidden);
  simd.binary(BinaryKind::kAdd, n, s, n, hidden);
  simd.unary(UnaryKind::kTanh, n, n, hidden, 0);
  simd.binary(BinaryKind::kSub, state, n, s, hidden);
  simd.binary(BinaryKind::kMul, z, s, s, hidden);
  simd.binary(BinaryKind::kAdd, n, s, state, hidden);
}

struct Scratch {
  float* input_gates;  // [steps, batch, width]
  float* state_gates;  // [batch, width]
  float* layers[2];    // results of inner layers, in turns
};

void RunDirection(const Plan& p, const Direction& d, const Packed& packed, bool reverse,
                  const float* x, float* state, float* cell, float* out, const Scratch& scratch,
                  const ThreadShare& threads) {
  const SimdKernels& simd = Simd();
  const int64_t width = p.width(), row = p.directions * p.hidden;
  const auto product = [&](const float* a, int64_t m, int64_t k, int64_t weights, int64_t bias,
                           float* to, bool backward) {
    ParallelGemm(threads, simd.gemm, 1, m, width, k, [&](int64_t) {
      GemmArgs g = {};
      g.m = m;
      g.n = width;
      g.k = k;
      g.a = a;
      g.a_row = k;
      g.a_column = 1;
      g.packed_b = packed.at(weights);
      g.c = to;
      g.c_row = width;
      g.bias = packed.at(bias);
      g.activation = UnaryKind::kIdentity;
      g.backward = backward;
      return g;
    });
  };
  product(x, p.steps * p.batch, d.input, d.from_input, d.input_bias, scratch.input_gates, false);
  for (int64_t t = 0; t < p.steps; ++t) {
    const int64_t step = reverse ? p.steps - 1 - t : t;
    product(state, p.batch, p.hidden, d.from_state, d.state_bias, scratch.state_gates, t % 2 == 1);
    for (int64_t n = 0; n < p.batch; ++n) {
      float* from_input = scratch.input_gates + (step * p.batch + n) * width;
      float* from_state = scratch.state_gates + n * width;
      float* h = state + n * p.hidden;
      if (p.gru) {
        GruGates(simd, from_input, from_state, h, p.hidden);
      } else {
        simd.binary(BinaryKind::kAdd, from_input, from_state, from_input, width);
        LstmGates(simd, from_input, cell + n * p.hidden, h, p.hidden);
      }
      std::copy(h, h + p.hidden, out + (step * p.batch + n) * row);
    }
  }
}

// Every sample is as long as the batch: the only form that this kernel takes.
bool FullLength(const KernelRequest& r, int input, int64_t steps) {
  if (!r.has_input(static_cast<size_t>(input))) return true;
  if (r.constants[input] == nullptr) return false;
  const auto lengths = r.constants[input]->ToInt64s();
  return lengths.ok() &&
         std::all_of(lengths->begin(), lengths->end(), [&](int64_t l) { return l == steps; });
}

}  // namespace

KernelResult MakeRecurrent(const KernelRequest& r) {
  const Plan p = MakePlan(r);
  const int weight = p.gru ? 2 : 3;
  if (!IsF32(r, 0) || !IsF32(r, weight)) return Refuse(r.inputs[0]);
  if (!r.can_pack(static_cast<size_t>(weight))) return absl::UnimplementedError("computed weights");
  if (p.gru && !FullLength(r, 3, p.steps))
    return absl::UnimplementedError("samples of different lengths");
  if (p.steps == 0 || p.batch == 0) return absl::UnimplementedError("an empty sequence");
  const std::string key = absl::StrCat("recurrent:", Simd().name, ":", p.gates, "x", p.hidden, ":",
                                       p.layers, "x", p.directions, ":", p.has_bias);
  Packed packed;
  MIRIN_ASSIGN_OR_RETURN(
      packed.memory, r.Pack(static_cast<size_t>(weight), key,
                            static_cast<size_t>(p.packed_floats) * sizeof(float), [&](void* to) {
                              Pack(p, *r.constants[weight], static_cast<float*>(to));
                              return absl::OkStatus();
                            }));
  const int64_t input_gates = p.steps * p.batch * p.width(), state_gates = p.batch * p.width(),
                inner = p.layers > 1 ? p.layer_floats() : 0;
  KernelTraits traits;
  traits.implementation = SimdName(p.gru ? "gru" : "lstm");
  traits.consumed = uint32_t{1} << weight;
  traits.scratch_bytes = static_cast<size_t>(input_gates + state_gates + 2 * inner) * sizeof(float);
  return FromFunction(traits, [=](const KernelContext& c) -> absl::Status {
    Scratch scratch;
    scratch.input_gates = static_cast<float*>(c.scratch());
    scratch.state_gates = scratch.input_gates + input_gates;
    scratch.layers[0] = scratch.state_gates + state_gates;
    scratch.layers[1] = scratch.layers[0] + inner;
    // The final states are the start states, updated in place.
    float* state = c.output(1).as<float>();
    __builtin_memcpy(state, c.input(1).data, c.input(1).bytes());
    float* cell = p.gru ? nullptr : c.output(2).as<float>();
    if (cell != nullptr) __builtin_memcpy(cell, c.input(2).data, c.input(2).bytes());
    for (int i = p.gru ? 2 : 3; i < c.num_outputs(); ++i)
      __builtin_memset(c.output(i).data, 0, c.output(i).bytes());
    const float* x = c.input(0).as<float>();
    for (int64_t l = 0; l < p.layers; ++l) {
      float* out = l + 1 == p.layers ? c.output(0).as<float>() : scratch.layers[l % 2];
      for (int64_t d = 0; d < p.directions; ++d) {
        if (c.cancelled()) return absl::CancelledError("the run was cancelled");
        const int64_t at = (l * p.directions + d) * p.batch * p.hidden;
        RunDirection(p, p.all[static_cast<size_t>(l * p.directions + d)], packed, d == 1, x,
                     state + at, cell == nullptr ? nullptr : cell + at, out + d * p.hidden, scratch,
                     c.threads());
      }
      x = out;
    }
    return absl::OkStatus();
  });
}

}  // namespace mirin::cpu
