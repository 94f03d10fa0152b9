#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

namespace mirin::reference::kernels {
namespace {

using Numbers = std::vector<double>;

struct Sizes {
  int64_t batch, steps, heads, key_heads, depth, value_depth;
};

// S = exp(decay) S
void Decay(double* state, const double* decay, int64_t stride, const Sizes& z) {
  for (int64_t d = 0; d < z.depth; ++d) {
    const double factor = std::exp(decay[d * stride]);
    for (int64_t m = 0; m < z.value_depth; ++m) state[d * z.value_depth + m] *= factor;
  }
}

// S = S + key (x) v, where v is the value or, with beta, beta (value - S^T key).
void Write(double* state, const double* key, const double* value, const double* beta,
           const Sizes& z) {
  Numbers v(value, value + z.value_depth);
  if (beta != nullptr) {
    for (int64_t d = 0; d < z.depth; ++d) {
      for (int64_t m = 0; m < z.value_depth; ++m)
        v[static_cast<size_t>(m)] -= state[d * z.value_depth + m] * key[d];
    }
    for (double& x : v) x *= *beta;
  }
  for (int64_t d = 0; d < z.depth; ++d) {
    for (int64_t m = 0; m < z.value_depth; ++m)
      state[d * z.value_depth + m] += key[d] * v[static_cast<size_t>(m)];
  }
}

}  // namespace

absl::Status LinearAttention(const ir::Node& node, const KernelContext& c) {
  const Dims q_dims(c.input(0).dims.begin(), c.input(0).dims.end()),
      s_dims(c.output(1).dims.begin(), c.output(1).dims.end());
  const Sizes z = {q_dims[0], q_dims[1], node.attrs().Int("q_num_heads"),
                   s_dims[1], s_dims[2], s_dims[3]};
  const Numbers query = ReadAll<double>(c.input(0)), key = ReadAll<double>(c.input(1)),
                value = ReadAll<double>(c.input(2));
  Numbers state = c.has_input(3) ? ReadAll<double>(c.input(3))
                                 : Numbers(static_cast<size_t>(c.output(1).elements()), 0);
  const Numbers decay = c.has_input(4) ? ReadAll<double>(c.input(4)) : Numbers(),
                beta = c.has_input(5) ? ReadAll<double>(c.input(5)) : Numbers();
  // One number a head serves every row of its state.
  const int64_t decay_width = c.has_input(4) ? c.input(4).dims[2] : 0,
                beta_width = c.has_input(5) ? c.input(5).dims[2] : 0;
  const bool decay_by_row = decay_width == z.key_heads * z.depth;
  const double given = node.attrs().Float("scale", 0),
               scale = given != 0    ? given
                       : z.depth > 0 ? 1 / std::sqrt(static_cast<double>(z.depth))
                                     : 0;
  const int64_t sharers = z.heads / z.key_heads, plane = z.depth * z.value_depth;
  Numbers output(static_cast<size_t>(c.output(0).elements()), 0);
  for (int64_t b = 0; b < z.batch; ++b) {
    for (int64_t t = 0; t < z.steps; ++t) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      const int64_t step = b * z.steps + t;
      for (int64_t h = 0; h < z.key_heads; ++h) {
        double* s = state.data() + (b * z.key_heads + h) * plane;
        if (!decay.empty())
          Decay(s, decay.data() + step * decay_width + (decay_by_row ? h * z.depth : h),
                decay_by_row ? 1 : 0, z);
        const double* rate =
            beta.empty() ? nullptr : beta.data() + step * beta_width + (beta_width == 1 ? 0 : h);
        Write(s, key.data() + (step * z.key_heads + h) * z.depth,
              value.data() + (step * z.key_heads + h) * z.value_depth, rate, z);
        for (int64_t g = h * sharers; g < (h + 1) * sharers; ++g) {
          const double* q = query.data() + (step * z.heads + g) * z.depth;
          double* y = output.data() + (step * z.heads + g) * z.value_depth;
          for (int64_t d = 0; d < z.depth; ++d) {
            for (int64_t m = 0; m < z.value_depth; ++m)
              y[m] += scale * q[d] * s[d * z.value_depth + m];
          }
        }
      }
    }
  }
  WriteAll(c.output(0), output);
  WriteAll(c.output(1), state);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
