// Softmax, layer normalisation and reductions over trailing axes.
#include <algorithm>
#include <cmath>

#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"
#include "core/ops/infer.h"

namespace mirin::cpu {

namespace {

// Columns of an inner axis that are worked on together: they stay in the first cache.
constexpr int64_t kColumns = 512;

// Softmax down the columns of x[n, columns], whose rows are `row` apart.
void ColumnSoftmax(const SimdKernels& simd, const float* x, float* y, int64_t n, int64_t columns,
                   int64_t row) {
  float largest[kColumns], sum[kColumns];
  std::copy(x, x + columns, largest);
  for (int64_t k = 1; k < n; ++k)
    simd.binary(BinaryKind::kMax, largest, x + k * row, largest, columns);
  for (int64_t k = 0; k < n; ++k) {
    float* to = y + k * row;
    simd.binary(BinaryKind::kSub, x + k * row, largest, to, columns);
    simd.unary(UnaryKind::kExp, to, to, columns, 0);
    if (k == 0) {
      std::copy(to, to + columns, sum);
    } else {
      simd.binary(BinaryKind::kAdd, sum, to, sum, columns);
    }
  }
  simd.unary(UnaryKind::kReciprocal, sum, sum, columns, 0);
  for (int64_t k = 0; k < n; ++k)
    simd.binary(BinaryKind::kMul, y + k * row, sum, y + k * row, columns);
}

KernelResult MakeColumnSoftmax(const KernelRequest& r, int axis) {
  if (r.node->op() != "Softmax")
    return absl::UnimplementedError("a logarithm along an axis that is not the last");
  const Dims& x = r.inputs[0].shape.dims();
  int64_t inner = 1;
  for (size_t i = static_cast<size_t>(axis) + 1; i < x.size(); ++i) inner *= x[i];
  const int64_t n = x[axis], outer = NumElements(x) / (n * inner),
                blocks = (inner + kColumns - 1) / kColumns;
  KernelTraits traits;
  traits.implementation = SimdName("Softmax");
  traits.in_place = 1;
  return FromFunction(traits, [=, &simd = Simd()](const KernelContext& c) {
    c.threads().ParallelFor(
        outer * blocks, std::max<int64_t>(1, kElementGrain / 4 / (n * std::min(inner, kColumns))),
        [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t column = i % blocks * kColumns, at = i / blocks * n * inner + column;
            ColumnSoftmax(simd, c.input(0).as<float>() + at, c.output(0).as<float>() + at, n,
                          std::min(kColumns, inner - column), inner);
          }
        });
  });
}

}  // namespace

KernelResult MakeSoftmax(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  const Dims& x = r.inputs[0].shape.dims();
  if (x.empty() || NumElements(x) == 0) return absl::UnimplementedError("a scalar or empty tensor");
  const std::vector<int64_t> axes = r.node->attrs().Ints("axis");
  MIRIN_ASSIGN_OR_RETURN(const int axis,
                         NormalizeAxis(axes.empty() ? -1 : axes[0], static_cast<int>(x.size())));
  if (axis != static_cast<int>(x.size()) - 1) return MakeColumnSoftmax(r, axis);
  const int64_t n = x.back(), lines = NumElements(x) / n;
  const bool logarithm = r.node->op() == "LogSoftmax";
  KernelTraits traits;
  traits.implementation = SimdName(r.node->op());
  traits.in_place = 1;
  return FromFunction(traits, [=, &simd = Simd()](const KernelContext& c) {
    const float* from = c.input(0).as<float>();
    float* to = c.output(0).as<float>();
    c.threads().ParallelFor(lines, std::max<int64_t>(1, kElementGrain / 4 / n),
                            [&](int64_t b, int64_t e) {
                              for (int64_t i = b; i < e; ++i)
                                simd.softmax(from + i * n, to + i * n, n, logarithm);
                            });
  });
}

KernelResult MakeLayerNorm(const KernelRequest& r) {
  for (int i = 0; i < 3; ++i) {
    if (!IsF32(r, i)) return Refuse(r.inputs[i]);
  }
  const Dims& x = r.inputs[0].shape.dims();
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(r.node->attrs().Int("begin_norm_axis"),
                                                       static_cast<int>(x.size())));
  const int64_t n = NumElements(absl::MakeConstSpan(x).subspan(static_cast<size_t>(axis)));
  if (n == 0 || NumElements(r.inputs[1].shape.dims()) != n ||
      NumElements(r.inputs[2].shape.dims()) != n) {
    return absl::UnimplementedError("scale and shift that do not cover the normalised axes");
  }
  const int64_t lines = NumElements(x) / n;
  const float epsilon = static_cast<float>(r.node->attrs().Float("epsilon"));
  KernelTraits traits;
  traits.implementation = SimdName("LayerNorm");
  traits.in_place = 1;
  return FromFunction(traits, [=, &simd = Simd()](const KernelContext& c) {
    const float *from = c.input(0).as<float>(), *gamma = c.input(1).as<float>(),
                *beta = c.input(2).as<float>();
    float *to = c.output(0).as<float>(), *mean = c.output(1).as<float>(),
          *variance = c.output(2).as<float>();
    c.threads().ParallelFor(lines, std::max<int64_t>(1, kElementGrain / 2 / n),
                            [&](int64_t b, int64_t e) {
                              for (int64_t i = b; i < e; ++i)
                                simd.layer_norm(from + i * n, gamma, beta, to + i * n, n, epsilon,
                                                mean + i, variance + i);
                            });
  });
}

// Instance and group normalisation: blocks of neighbouring channels, each normalised and then scaled channel by channel.
KernelResult MakeGroupNorm(const KernelRequest& r) {
  const bool instance = r.node->op() == "InstanceNorm";
  for (int i = 0; i < 3; ++i) {
    if (r.has_input(static_cast<size_t>(i)) && !IsF32(r, i)) return Refuse(r.inputs[i]);
  }
  const Dims& x = r.inputs[0].shape.dims();
  if (NumElements(x) == 0) return absl::UnimplementedError("an empty tensor");
  const int64_t channels = x[1], groups = instance ? channels : r.node->attrs().Int("num_groups"),
                per_group = channels / groups;
  const int64_t spatial = NumElements(absl::MakeConstSpan(x).subspan(2)),
                inner = per_group * spatial;
  const float epsilon = static_cast<float>(r.node->attrs().Float(instance ? "epsilon" : "eps"));
  const bool has_weight = r.has_input(1), has_bias = r.has_input(2);
  KernelTraits traits;
  traits.implementation = SimdName(r.node->op());
  traits.scratch_bytes = static_cast<size_t>(2 * inner) * sizeof(float);
  return FromFunction(traits, [=, batch = x[0], &simd = Simd()](const KernelContext& c) {
    const float* from = c.input(0).as<float>();
    const float *weight = has_weight ? c.input(1).as<float>() : nullptr,
                *bias = has_bias ? c.input(2).as<float>() : nullptr;
    float *to = c.output(0).as<float>(), *mean = c.output(1).as<float>(),
          *spread = c.output(2).as<float>();
    float* ones = static_cast<float*>(c.scratch());
    float* zeros = ones + inner;
    std::fill(ones, ones + inner, 1.0f);
    std::fill(zeros, zeros + inner, 0.0f);
    c.threads().ParallelFor(batch * groups, std::max<int64_t>(1, kElementGrain / 4 / inner),
                            [&](int64_t b, int64_t e) {
                              for (int64_t i = b; i < e; ++i) {
                                float* out = to + i * inner;
                                simd.layer_norm(from + i * inner, ones, zeros, out, inner, epsilon,
                                                mean + i, spread + i);
                                if (!instance) spread[i] = 1 / __builtin_sqrtf(spread[i] + epsilon);
                                for (int64_t k = 0; k < per_group; ++k) {
                                  const int64_t channel = i % groups * per_group + k;
                                  simd.affine(out + k * spatial, out + k * spatial, spatial,
                                              weight == nullptr ? 1 : weight[channel],
                                              bias == nullptr ? 0 : bias[channel]);
                                }
                              }
                            });
  });
}

KernelResult MakeRmsNorm(const KernelRequest& r) {
  for (int i = 0; i < 2; ++i) {
    if (!IsF32(r, i)) return Refuse(r.inputs[i]);
  }
  const int64_t n = NumElements(r.inputs[1].shape.dims());
  if (n == 0 || NumElements(r.inputs[0].shape.dims()) == 0)
    return absl::UnimplementedError("an empty tensor");
  const int64_t lines = NumElements(r.inputs[0].shape.dims()) / n;
  const float epsilon = static_cast<float>(r.node->attrs().Float("epsilon"));
  KernelTraits traits;
  traits.implementation = SimdName("RmsNorm");
  return FromFunction(traits, [=, &simd = Simd()](const KernelContext& c) {
    const float *from = c.input(0).as<float>(), *gamma = c.input(1).as<float>();
    float *to = c.output(0).as<float>(), *rstd = c.output(1).as<float>();
    c.threads().ParallelFor(
        lines, std::max<int64_t>(1, kElementGrain / 2 / n), [&](int64_t b, int64_t e) {
          for (int64_t i = b; i < e; ++i) {
            const float* line = from + i * n;
            float* out = to + i * n;
            simd.binary(BinaryKind::kMul, line, line, out, n);
            rstd[i] = 1 / __builtin_sqrtf(simd.sum(out, n) / static_cast<float>(n) + epsilon);
            simd.affine(line, out, n, rstd[i], 0);
            simd.binary(BinaryKind::kMul, out, gamma, out, n);
          }
        });
  });
}

namespace {

// The largest or smallest of a line, lane by lane and then over the lanes; NaN wins.
float Extreme(const SimdKernels& simd, BinaryKind kind, const float* x, int64_t n) {
  constexpr int64_t kLanes = 64;
  float lanes[kLanes];
  const int64_t width = std::min(n, kLanes);
  std::copy(x, x + width, lanes);
  for (int64_t i = width; i < n; i += kLanes)
    simd.binary(kind, lanes, x + i, lanes, std::min(kLanes, n - i));
  float best = lanes[0];
  for (int64_t i = 1; i < width; ++i) simd.binary(kind, &best, lanes + i, &best, 1);
  return best;
}

// Roots of the sums of squares down the columns of x[n, columns].
void Norms(const SimdKernels& simd, const float* x, float* y, int64_t n, int64_t columns) {
  float squares[kColumns];
  std::fill(y, y + columns, 0.0f);
  const bool row = columns == 1;  // whose neighbours are added up
  const int64_t width = row ? n : columns;
  for (int64_t k = 0; k < (row ? 1 : n); ++k) {
    for (int64_t at = 0; at < width; at += kColumns) {
      const int64_t count = std::min(kColumns, width - at);
      simd.unary(UnaryKind::kSquare, x + k * columns + at, squares, count, 0);
      if (row) {
        y[0] += simd.sum(squares, count);
      } else {
        simd.binary(BinaryKind::kAdd, y + at, squares, y + at, count);
      }
    }
  }
  simd.unary(UnaryKind::kSqrt, y, y, columns, 0);
  for (int64_t i = 0; i < columns; ++i) {
    if (y[i] > 1e-15f && y[i] < HUGE_VALF) continue;
    double sum = 0;  // the squares do not fit
    for (int64_t k = 0; k < n; ++k)
      sum += static_cast<double>(x[k * columns + i]) * static_cast<double>(x[k * columns + i]);
    y[i] = static_cast<float>(std::sqrt(sum));
  }
}

}  // namespace

KernelResult MakeReduce(const KernelRequest& r) {
  if (!IsF32(r, 0) || r.outputs[0].dtype != DType::kFloat32) return Refuse(r.inputs[0]);
  const Dims& x = r.inputs[0].shape.dims();
  std::vector<int64_t> given;
  if (r.has_input(1)) {
    if (r.constants[1] == nullptr) return absl::UnimplementedError("computed axes");
    MIRIN_ASSIGN_OR_RETURN(given, r.constants[1]->ToInt64s());
  }
  if (given.empty() && r.node->attrs().Bool("skip_mode"))
    return absl::UnimplementedError("skip_mode");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int> axes,
                         ops::NormalizeAxes(given, static_cast<int>(x.size())));
  // Contiguous axes: [outer, n, inner].
  if (axes.empty() || axes.back() - axes.front() + 1 != static_cast<int>(axes.size()))
    return absl::UnimplementedError("axes that are not neighbours");
  int64_t outer = 1, n = 1, inner = 1;
  for (int i = 0; i < static_cast<int>(x.size()); ++i)
    (i < axes.front() ? outer : i <= axes.back() ? n : inner) *= x[i];
  if (n == 0) return absl::UnimplementedError("nothing to reduce");
  const std::string& op = r.node->op();
  const bool mean = op == "ReduceMean" || op == "MeanExt", norm = op == "ReduceL2";
  const BinaryKind kind = op == "ReduceMax"   ? BinaryKind::kMax
                          : op == "ReduceMin" ? BinaryKind::kMin
                                              : BinaryKind::kAdd;
  KernelTraits traits;
  traits.implementation = SimdName(op);
  return FromFunction(traits, [=, &simd = Simd()](const KernelContext& c) {
    const float* from = c.input(0).as<float>();
    float* to = c.output(0).as<float>();
    const float scale = mean ? 1.0f / static_cast<float>(n) : 1.0f;
    c.threads().ParallelFor(
        outer, std::max<int64_t>(1, kElementGrain / (n * std::max<int64_t>(1, inner))),
        [&](int64_t b, int64_t e) {
          for (int64_t o = b; o < e; ++o) {
            const float* line = from + o * n * inner;
            if (norm) {
              Norms(simd, line, to + o * inner, n, inner);
              continue;
            }
            if (inner == 1) {
              to[o] = kind == BinaryKind::kAdd ? simd.sum(line, n) * scale
                                               : Extreme(simd, kind, line, n);
              continue;
            }
            float* out = to + o * inner;
            std::copy(line, line + inner, out);
            for (int64_t k = 1; k < n; ++k) simd.binary(kind, out, line + k * inner, out, inner);
            if (mean) simd.binary_scalar(BinaryKind::kMul, out, scale, out, inner, false);
          }
        });
  });
}

}  // namespace mirin::cpu
