#include <algorithm>
#include <functional>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/activation_kind.h"
#include "core/ops/window.h"

#define MIRIN_KERNEL(Name) absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

using ops::WindowAxis;

std::vector<int64_t> Spatial(const TensorView& view) { return std::vector<int64_t>(view.dims.begin() + 2, view.dims.end()); }

// Sizes padded to three spatial axes in front, so that one loop serves 1-D to 3-D.
std::vector<WindowAxis> Three(std::vector<WindowAxis> axes) {
  while (axes.size() < 3) {
    WindowAxis one;
    one.input = one.output = 1;
    axes.insert(axes.begin(), one);
  }
  return axes;
}

absl::Status Convolve(const ir::Node& node, const KernelContext& c) {
  const TensorView &x = c.input(0), &w = c.input(1), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind activation, ops::ParseActivation(node.attrs().String("activation")));
  MIRIN_ASSIGN_OR_RETURN(std::vector<WindowAxis> axes, ops::PlanWindow(node.attrs(), Spatial(x), Spatial(w)));
  axes = Three(std::move(axes));
  const WindowAxis &d = axes[0], &h = axes[1], &v = axes[2];
  const int64_t group = node.attrs().Int("group", 1), batch = x.dims[0], in = w.dims[1], out = w.dims[0] / group;
  const std::vector<double> xs = ReadAll<double>(x), ws = ReadAll<double>(w);
  std::vector<double> ys(static_cast<size_t>(y.elements()), 0);
  const int64_t x_plane = d.input * h.input * v.input, y_plane = d.output * h.output * v.output, taps = d.kernel * h.kernel * v.kernel;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t o = 0; o < out * group; ++o) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      double* to = ys.data() + (n * out * group + o) * y_plane;
      for (int64_t i = 0; i < in; ++i) {
        const double* from = xs.data() + (n * in * group + o / out * in + i) * x_plane;
        const double* kernel = ws.data() + (o * in + i) * taps;
        for (int64_t kd = 0; kd < d.kernel; ++kd) {
          for (int64_t kh = 0; kh < h.kernel; ++kh) {
            for (int64_t kw = 0; kw < v.kernel; ++kw) {
              const double weight = *kernel++;
              for (int64_t od = 0; od < d.output; ++od) {
                const int64_t id = od * d.stride - d.pad_before + kd * d.dilation;
                if (id < 0 || id >= d.input) continue;
                for (int64_t oh = 0; oh < h.output; ++oh) {
                  const int64_t ih = oh * h.stride - h.pad_before + kh * h.dilation;
                  if (ih < 0 || ih >= h.input) continue;
                  for (int64_t ow = 0; ow < v.output; ++ow) {
                    const int64_t iw = ow * v.stride - v.pad_before + kw * v.dilation;
                    if (iw < 0 || iw >= v.input) continue;
                    to[(od * h.output + oh) * v.output + ow] += weight * from[(id * h.input + ih) * v.input + iw];
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  if (c.has_input(2)) {
    const std::vector<double> bias = ReadAll<double>(c.input(2));
    for (size_t k = 0; k < ys.size(); ++k) ys[k] += bias[(static_cast<int64_t>(k) / y_plane) % static_cast<int64_t>(bias.size())];
  }
  if (c.has_input(3)) {
    const std::vector<double> residual = ReadAll<double>(c.input(3));
    for (size_t k = 0; k < ys.size(); ++k) ys[k] += residual[k];
  }
  for (double& e : ys) e = ops::Apply(activation, e);
  WriteAll(y, ys);
  return absl::OkStatus();
}

absl::Status Pool(const ir::Node& node, const KernelContext& c, bool average) {
  const TensorView &x = c.input(0), &y = c.output(0);
  std::vector<WindowAxis> axes(2);
  if (node.attrs().Bool("global")) {
    for (int i = 0; i < 2; ++i) {
      axes[i].kernel = axes[i].input = x.dims[2 + i];
      axes[i].output = 1;
    }
  } else {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, ops::SpatialAttribute(node.attrs(), "kernel_size", 2, 1, 1));
    ops::WindowOptions options;
    options.ceil_mode = node.attrs().Int("round_mode") == 1;
    MIRIN_ASSIGN_OR_RETURN(axes, ops::PlanWindow(node.attrs(), Spatial(x), kernel, options));
  }
  const WindowAxis &h = axes[0], &w = axes[1];
  const bool count_padding = node.attrs().Bool("count_include_pad");
  const std::vector<double> xs = ReadAll<double>(x);
  std::vector<double> ys;
  for (int64_t plane = 0; plane < x.dims[0] * x.dims[1]; ++plane) {
    const double* from = xs.data() + plane * h.input * w.input;
    for (int64_t oh = 0; oh < h.output; ++oh) {
      for (int64_t ow = 0; ow < w.output; ++ow) {
        double acc = average ? 0 : -std::numeric_limits<double>::infinity();
        int64_t count = 0;
        for (int64_t kh = 0; kh < h.kernel; ++kh) {
          const int64_t ih = oh * h.stride - h.pad_before + kh;
          if (ih < 0 || ih >= h.input) continue;
          for (int64_t kw = 0; kw < w.kernel; ++kw) {
            const int64_t iw = ow * w.stride - w.pad_before + kw;
            if (iw < 0 || iw >= w.input) continue;
            const double v = from[ih * w.input + iw];
            acc = average ? acc + v : (v > acc || std::isnan(v) ? v : acc);
            ++count;
          }
        }
        if (count_padding) count = h.kernel * w.kernel;
        ys.push_back(average ? acc / static_cast<double>(std::max<int64_t>(1, count)) : acc);
      }
    }
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

absl::Status Multiply(const ir::Node& node, const KernelContext& c) {
  const TensorView &a = c.input(0), &b = c.input(1), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind activation, ops::ParseActivation(node.attrs().String("activation")));
  const bool ta = node.attrs().Bool("transpose_a") && a.rank() > 1, tb = node.attrs().Bool("transpose_b") && b.rank() > 1;
  const auto dim = [](const TensorView& t, int from_end) { return t.dims[t.rank() - from_end]; };
  const int64_t m = a.rank() == 1 ? 1 : dim(a, ta ? 1 : 2), k = a.rank() == 1 ? a.dims[0] : dim(a, ta ? 2 : 1);
  const int64_t n = b.rank() == 1 ? 1 : dim(b, tb ? 2 : 1);
  const size_t batch_rank = y.dims.size() - (a.rank() > 1) - (b.rank() > 1);
  const auto batch = y.dims.subspan(0, batch_rank);
  const Dims strides_a = BroadcastStrides(a.dims.subspan(0, static_cast<size_t>(std::max(0, a.rank() - 2))), batch);
  const Dims strides_b = BroadcastStrides(b.dims.subspan(0, static_cast<size_t>(std::max(0, b.rank() - 2))), batch);
  std::vector<int64_t> at_a, at_b;
  ForEachOffset(batch, strides_a, [&](int64_t o) { at_a.push_back(o * m * k); });
  ForEachOffset(batch, strides_b, [&](int64_t o) { at_b.push_back(o * k * n); });
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    const std::vector<N> as = ReadAll<N>(a), bs = ReadAll<N>(b);
    std::vector<N> ys(static_cast<size_t>(y.elements()), 0);
    for (size_t t = 0; t < at_a.size(); ++t) {
      N* to = ys.data() + static_cast<int64_t>(t) * m * n;
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t p = 0; p < k; ++p) {
          const N left = as[at_a[t] + (ta ? p * m + i : i * k + p)];
          for (int64_t j = 0; j < n; ++j) to[i * n + j] += left * bs[at_b[t] + (tb ? j * k + p : p * n + j)];
        }
      }
    }
    if (c.has_input(2)) {
      const std::vector<N> bias = ReadAll<N>(c.input(2));
      for (size_t i = 0; i < ys.size(); ++i) ys[i] += bias[i % bias.size()];
    }
    if constexpr (std::is_same_v<N, double>) {
      for (N& e : ys) e = ops::Apply(activation, e);
    }
    WriteAll(y, ys);
  };
  IsFloat(a.dtype) ? run(0.0) : run(int64_t{0});
  return absl::OkStatus();
}

// Source position of output index i for one axis.
enum class Coordinates { kAsymmetric, kAlignCorners, kHalfPixel };

double SourceOf(int64_t i, int64_t in, int64_t out, Coordinates mode) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  switch (mode) {
    case Coordinates::kAlignCorners: return out == 1 ? 0 : static_cast<double>(i) * static_cast<double>(in - 1) / static_cast<double>(out - 1);
    case Coordinates::kHalfPixel: return (static_cast<double>(i) + 0.5) * scale - 0.5;
    case Coordinates::kAsymmetric: break;
  }
  return static_cast<double>(i) * scale;
}

void Linear(const KernelContext& c, Coordinates mode) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t ih = x.dims[2], iw = x.dims[3], oh = y.dims[2], ow = y.dims[3];
  const std::vector<double> xs = ReadAll<double>(x);
  std::vector<double> ys;
  const auto at = [&](int64_t i, int64_t in, int64_t out, int64_t* low, int64_t* high) {
    const double s = std::max(0.0, SourceOf(i, in, out, mode));
    *low = std::min(static_cast<int64_t>(s), in - 1);
    *high = std::min(*low + 1, in - 1);
    return s - static_cast<double>(*low);
  };
  for (int64_t p = 0; p < x.dims[0] * x.dims[1]; ++p) {
    const double* from = xs.data() + p * ih * iw;
    for (int64_t r = 0; r < oh; ++r) {
      int64_t r0, r1;
      const double fr = at(r, ih, oh, &r0, &r1);
      for (int64_t k = 0; k < ow; ++k) {
        int64_t k0, k1;
        const double fk = at(k, iw, ow, &k0, &k1);
        const double top = from[r0 * iw + k0] * (1 - fk) + from[r0 * iw + k1] * fk;
        const double bottom = from[r1 * iw + k0] * (1 - fk) + from[r1 * iw + k1] * fk;
        ys.push_back(top * (1 - fr) + bottom * fr);
      }
    }
  }
  WriteAll(y, ys);
}

// nearest_mode: 0 and 3 floor, 1 round half down, 2 round half up, 4 ceil.
void Nearest(const KernelContext& c, Coordinates mode, int64_t nearest_mode) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const auto source = [&](int64_t i, int64_t in, int64_t out) {
    const double s = SourceOf(i, in, out, mode);
    const double r = nearest_mode == 1 ? std::ceil(s - 0.5) : nearest_mode == 2 ? std::floor(s + 0.5) : nearest_mode == 4 ? std::ceil(s) : std::floor(s);
    return std::clamp(static_cast<int64_t>(r), int64_t{0}, in - 1);
  };
  const int64_t ih = x.dims[2], iw = x.dims[3], oh = y.dims[2], ow = y.dims[3];
  const ElementMover mover(x, y);
  int64_t to = 0;
  for (int64_t p = 0; p < x.dims[0] * x.dims[1]; ++p) {
    for (int64_t r = 0; r < oh; ++r) {
      const int64_t row = p * ih + source(r, ih, oh);
      for (int64_t k = 0; k < ow; ++k) mover.Move(row * iw + source(k, iw, ow), to++);
    }
  }
}

Coordinates FlagsOf(const ir::Node& node) {
  if (node.attrs().Bool("align_corners")) return Coordinates::kAlignCorners;
  return node.attrs().Bool("half_pixel_centers") ? Coordinates::kHalfPixel : Coordinates::kAsymmetric;
}

absl::Status NearestByFlags(const ir::Node& node, const KernelContext& c) {
  const Coordinates mode = FlagsOf(node);
  Nearest(c, mode, mode == Coordinates::kAlignCorners ? 2 : mode == Coordinates::kHalfPixel ? 2 : 3);
  return absl::OkStatus();
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// One direction of one LSTM layer. Rows of w [4H, I] and r [4H, H] and of bias [4H] are gates in the order given by g.
struct LstmWeights {
  const double* w;
  const double* r;
  const double* bias;  // null: none
  int i, f, g, o;      // positions of the gates
};

void LstmDirection(const LstmWeights& weights, const double* x, int64_t steps, int64_t batch, int64_t input, int64_t hidden, bool reverse,
                   double* h, double* cell, const std::function<double*(int64_t step, int64_t n)>& out) {
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
        state = Sigmoid(gate(weights.f)) * state + Sigmoid(gate(weights.i)) * std::tanh(gate(weights.g));
        to[j] = next[n * hidden + j] = Sigmoid(gate(weights.o)) * std::tanh(state);
      }
    }
    std::copy(next.begin(), next.end(), h);
  }
}

}  // namespace

MIRIN_KERNEL(Conv2D) { return Convolve(node, c); }
MIRIN_KERNEL(Conv3D) { return Convolve(node, c); }

MIRIN_KERNEL(Conv2DTranspose) {
  const TensorView &x = c.input(0), &w = c.input(1), &y = c.output(0);
  const std::vector<int64_t> wanted(y.dims.begin() + 2, y.dims.end());
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes, ops::PlanTransposedWindow(node.attrs(), Spatial(x), Spatial(w), wanted));
  const WindowAxis &h = axes[0], &v = axes[1];
  const int64_t group = node.attrs().Int("group", 1), in = w.dims[0] / group, out = w.dims[1];
  const std::vector<double> xs = ReadAll<double>(x), ws = ReadAll<double>(w);
  std::vector<double> ys(static_cast<size_t>(y.elements()), 0);
  for (int64_t n = 0; n < x.dims[0]; ++n) {
    for (int64_t i = 0; i < in * group; ++i) {
      for (int64_t o = 0; o < out; ++o) {
        double* to = ys.data() + ((n * group + i / in) * out + o) * h.output * v.output;
        const double* kernel = ws.data() + (i * out + o) * h.kernel * v.kernel;
        const double* from = xs.data() + (n * in * group + i) * h.input * v.input;
        for (int64_t ih = 0; ih < h.input; ++ih) {
          for (int64_t iw = 0; iw < v.input; ++iw) {
            for (int64_t kh = 0; kh < h.kernel; ++kh) {
              const int64_t oh = ih * h.stride - h.pad_before + kh * h.dilation;
              if (oh < 0 || oh >= h.output) continue;
              for (int64_t kw = 0; kw < v.kernel; ++kw) {
                const int64_t ow = iw * v.stride - v.pad_before + kw * v.dilation;
                if (ow >= 0 && ow < v.output) to[oh * v.output + ow] += from[ih * v.input + iw] * kernel[kh * v.kernel + kw];
              }
            }
          }
        }
      }
    }
  }
  if (c.has_input(3)) {
    const std::vector<double> bias = ReadAll<double>(c.input(3));
    const int64_t plane = h.output * v.output;
    for (size_t k = 0; k < ys.size(); ++k) ys[k] += bias[(static_cast<int64_t>(k) / plane) % static_cast<int64_t>(bias.size())];
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

MIRIN_KERNEL(MaxPool) { return Pool(node, c, false); }
MIRIN_KERNEL(AvgPool) { return Pool(node, c, true); }

MIRIN_KERNEL(AdaptiveAvgPool2D) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t ih = x.dims[x.rank() - 2], iw = x.dims[x.rank() - 1], oh = y.dims[x.rank() - 2], ow = y.dims[x.rank() - 1];
  const std::vector<double> xs = ReadAll<double>(x);
  std::vector<double> ys;
  for (int64_t p = 0; p < x.elements() / std::max<int64_t>(1, ih * iw); ++p) {
    for (int64_t r = 0; r < oh; ++r) {
      for (int64_t k = 0; k < ow; ++k) {
        double sum = 0;
        const int64_t r0 = r * ih / oh, r1 = ((r + 1) * ih + oh - 1) / oh, k0 = k * iw / ow, k1 = ((k + 1) * iw + ow - 1) / ow;
        for (int64_t a = r0; a < r1; ++a) {
          for (int64_t b = k0; b < k1; ++b) sum += xs[(p * ih + a) * iw + b];
        }
        ys.push_back(sum / static_cast<double>((r1 - r0) * (k1 - k0)));
      }
    }
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

MIRIN_KERNEL(MatMul) { return Multiply(node, c); }
MIRIN_KERNEL(BatchMatMul) { return Multiply(node, c); }
MIRIN_KERNEL(MatMulExt) { return Multiply(node, c); }
MIRIN_KERNEL(Dense) { return Multiply(node, c); }

MIRIN_KERNEL(LayerNorm) {
  const TensorView& x = c.input(0);
  const int axis = Axis(node.attrs().Int("begin_norm_axis"), x.rank());
  const double epsilon = node.attrs().Float("epsilon");
  const int64_t inner = NumElements(x.dims.subspan(axis));
  std::vector<double> v = ReadAll<double>(x);
  const std::vector<double> gamma = ReadAll<double>(c.input(1)), beta = ReadAll<double>(c.input(2));
  std::vector<double> means, variances;
  for (int64_t o = 0; inner > 0 && o < x.elements() / inner; ++o) {
    double* line = v.data() + o * inner;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < inner; ++i) mean += line[i];
    mean /= static_cast<double>(inner);
    for (int64_t i = 0; i < inner; ++i) variance += (line[i] - mean) * (line[i] - mean);
    variance /= static_cast<double>(inner);
    const double scale = 1 / std::sqrt(variance + epsilon);
    for (int64_t i = 0; i < inner; ++i) {
      const size_t p = static_cast<size_t>(o * inner + i);
      line[i] = (line[i] - mean) * scale * gamma[p % gamma.size()] + beta[p % beta.size()];
    }
    means.push_back(mean);
    variances.push_back(variance);
  }
  WriteAll(c.output(0), v);
  WriteAll(c.output(1), means);
  WriteAll(c.output(2), variances);
  return absl::OkStatus();
}

MIRIN_KERNEL(BatchNorm) {
  const TensorView& x = c.input(0);
  const double epsilon = node.attrs().Float("epsilon");
  std::vector<double> p[4];
  for (int i = 0; i < 4; ++i) p[i] = ReadAll<double>(c.input(i + 1));
  const AxisView axis(x.dims, 1);
  std::vector<double> v = ReadAll<double>(x);
  for (size_t k = 0; k < v.size(); ++k) {
    const int64_t ch = (static_cast<int64_t>(k) / axis.inner) % axis.n;
    v[k] = (v[k] - p[2][ch]) / std::sqrt(p[3][ch] + epsilon) * p[0][ch] + p[1][ch];
  }
  WriteAll(c.output(0), v);
  static constexpr int kOrder[] = {2, 3, 2, 3};
  for (int i = 0; i < 4; ++i) WriteAll(c.output(i + 1), p[kOrder[i]]);
  return absl::OkStatus();
}

MIRIN_KERNEL(GroupNorm) {
  const TensorView& x = c.input(0);
  const int64_t groups = node.attrs().Int("num_groups"), channels = x.dims[1];
  const double eps = node.attrs().Float("eps");
  const int64_t spatial = NumElements(x.dims.subspan(2)), inner = channels / groups * spatial;
  std::vector<double> v = ReadAll<double>(x), means, rstds;
  const std::vector<double> weight = c.has_input(1) ? ReadAll<double>(c.input(1)) : std::vector<double>(static_cast<size_t>(channels), 1);
  const std::vector<double> bias = c.has_input(2) ? ReadAll<double>(c.input(2)) : std::vector<double>(static_cast<size_t>(channels), 0);
  for (int64_t o = 0; o < x.dims[0] * groups; ++o) {
    double* line = v.data() + o * inner;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < inner; ++i) mean += line[i];
    mean /= static_cast<double>(inner);
    for (int64_t i = 0; i < inner; ++i) variance += (line[i] - mean) * (line[i] - mean);
    const double rstd = 1 / std::sqrt(variance / static_cast<double>(inner) + eps);
    for (int64_t i = 0; i < inner; ++i) {
      const int64_t ch = o % groups * (channels / groups) + i / spatial;
      line[i] = (line[i] - mean) * rstd * weight[ch] + bias[ch];
    }
    means.push_back(mean);
    rstds.push_back(rstd);
  }
  WriteAll(c.output(0), v);
  WriteAll(c.output(1), means);
  WriteAll(c.output(2), rstds);
  return absl::OkStatus();
}

MIRIN_KERNEL(RmsNorm) {
  const double epsilon = node.attrs().Float("epsilon");
  std::vector<double> v = ReadAll<double>(c.input(0)), rstds;
  const std::vector<double> gamma = ReadAll<double>(c.input(1));
  const int64_t inner = static_cast<int64_t>(gamma.size());
  for (int64_t o = 0; inner > 0 && o < static_cast<int64_t>(v.size()) / inner; ++o) {
    double* line = v.data() + o * inner;
    double sum = 0;
    for (int64_t i = 0; i < inner; ++i) sum += line[i] * line[i];
    const double rstd = 1 / std::sqrt(sum / static_cast<double>(inner) + epsilon);
    for (int64_t i = 0; i < inner; ++i) line[i] *= rstd * gamma[i];
    rstds.push_back(rstd);
  }
  WriteAll(c.output(0), v);
  WriteAll(c.output(1), rstds);
  return absl::OkStatus();
}

MIRIN_KERNEL(LRN) {
  const TensorView& x = c.input(0);
  const int64_t radius = node.attrs().Int("depth_radius");
  const double bias = node.attrs().Float("bias"), alpha = node.attrs().Float("alpha"), beta = node.attrs().Float("beta");
  const AxisView axis(x.dims, 1);
  const std::vector<double> v = ReadAll<double>(x);
  std::vector<double> out(v.size());
  for (size_t k = 0; k < v.size(); ++k) {
    const int64_t ch = (static_cast<int64_t>(k) / axis.inner) % axis.n;
    double sum = 0;
    for (int64_t j = std::max<int64_t>(0, ch - radius); j <= std::min(axis.n - 1, ch + radius); ++j) {
      const double e = v[static_cast<int64_t>(k) + (j - ch) * axis.inner];
      sum += e * e;
    }
    out[k] = v[k] / std::pow(bias + alpha * sum, beta);
  }
  WriteAll(c.output(0), out);
  return absl::OkStatus();
}

MIRIN_KERNEL(ResizeBilinear) {
  Linear(c, FlagsOf(node));
  return absl::OkStatus();
}
MIRIN_KERNEL(ResizeBilinearV2) { return ResizeBilinear(node, c); }
MIRIN_KERNEL(ResizeNearestNeighbor) { return NearestByFlags(node, c); }
MIRIN_KERNEL(ResizeNearestNeighborV2) { return NearestByFlags(node, c); }
MIRIN_KERNEL(Resize) {
  const int64_t coordinates = node.attrs().Int("coordinate_transform_mode"), method = node.attrs().Int("method");
  if (coordinates < 0 || coordinates > 2) return absl::UnimplementedError(absl::StrCat("coordinate_transform_mode ", coordinates));
  const Coordinates mode = coordinates == 1 ? Coordinates::kAlignCorners : coordinates == 2 ? Coordinates::kHalfPixel : Coordinates::kAsymmetric;
  if (method == 0) {
    Linear(c, mode);
  } else if (method == 1) {
    Nearest(c, mode, node.attrs().Int("nearest_mode"));
  } else {
    return absl::UnimplementedError(absl::StrCat("resize method ", method));
  }
  return absl::OkStatus();
}

MIRIN_KERNEL(LSTM) {
  const TensorView& x = c.input(0);
  const int64_t steps = x.dims[0], batch = x.dims[1], hidden = node.attrs().Int("hidden_size"), layers = node.attrs().Int("num_layers");
  const int64_t directions = node.attrs().Bool("bidirectional") ? 2 : 1;
  const bool has_bias = node.attrs().Bool("has_bias");
  std::vector<double> layer_input = ReadAll<double>(x), h = ReadAll<double>(c.input(1)), cell = ReadAll<double>(c.input(2));
  const std::vector<double> weights = ReadAll<double>(c.input(3));
  // The flat weight holds all W_ih and W_hh first, then all biases.
  int64_t at = 0, bias_at = 0;
  for (int64_t l = 0; l < layers; ++l) bias_at += directions * 4 * hidden * ((l == 0 ? x.dims[2] : hidden * directions) + hidden);
  int64_t input = x.dims[2];
  for (int64_t l = 0; l < layers; ++l) {
    std::vector<double> out(static_cast<size_t>(steps * batch * hidden * directions));
    for (int64_t d = 0; d < directions; ++d) {
      LstmWeights w = {weights.data() + at, weights.data() + at + 4 * hidden * input, has_bias ? weights.data() + bias_at : nullptr, 0, 1, 2, 3};
      at += 4 * hidden * (input + hidden);
      bias_at += has_bias ? 4 * hidden : 0;
      const int64_t state = (l * directions + d) * batch * hidden;
      LstmDirection(w, layer_input.data(), steps, batch, input, hidden, d == 1, h.data() + state, cell.data() + state,
                    [&](int64_t step, int64_t n) { return out.data() + ((step * batch + n) * directions + d) * hidden; });
    }
    layer_input = std::move(out);
    input = hidden * directions;
  }
  WriteAll(c.output(0), layer_input);
  WriteAll(c.output(1), h);
  WriteAll(c.output(2), cell);
  for (int i = 3; i < 5; ++i) WriteAll(c.output(i), std::vector<double>(static_cast<size_t>(c.output(i).elements()), 0));
  return absl::OkStatus();
}

MIRIN_KERNEL(LSTMOnnx) {
  const TensorView &x = c.input(0), &r = c.input(2);
  const int64_t steps = x.dims[0], batch = x.dims[1], input = x.dims[2], directions = r.dims[0], hidden = r.dims[2];
  const std::vector<double> xs = ReadAll<double>(x), ws = ReadAll<double>(c.input(1)), rs = ReadAll<double>(r);
  std::vector<double> bias(static_cast<size_t>(directions * 4 * hidden), 0);
  if (c.has_input(3)) {
    const std::vector<double> b = ReadAll<double>(c.input(3));
    for (int64_t d = 0; d < directions; ++d) {
      for (int64_t k = 0; k < 4 * hidden; ++k) bias[d * 4 * hidden + k] = b[d * 8 * hidden + k] + b[d * 8 * hidden + 4 * hidden + k];
    }
  }
  const size_t state_size = static_cast<size_t>(directions * batch * hidden);
  std::vector<double> h = c.has_input(4) ? ReadAll<double>(c.input(4)) : std::vector<double>(state_size, 0);
  std::vector<double> cell = c.has_input(5) ? ReadAll<double>(c.input(5)) : std::vector<double>(state_size, 0);
  std::vector<double> out(static_cast<size_t>(c.output(0).elements()));
  for (int64_t d = 0; d < directions; ++d) {
    const LstmWeights w = {ws.data() + d * 4 * hidden * input, rs.data() + d * 4 * hidden * hidden, bias.data() + d * 4 * hidden, 0, 2, 3, 1};
    LstmDirection(w, xs.data(), steps, batch, input, hidden, d == 1, h.data() + d * batch * hidden, cell.data() + d * batch * hidden,
                  [&](int64_t step, int64_t n) { return out.data() + ((step * directions + d) * batch + n) * hidden; });
  }
  WriteAll(c.output(0), out);
  WriteAll(c.output(1), h);
  WriteAll(c.output(2), cell);
  return absl::OkStatus();
}

namespace {

// Index of the scale for element k: one for all, or by axis.
size_t ScaleIndex(const ir::Node& node, const TensorView& x, size_t scales, size_t k) {
  if (scales == 1 || x.rank() == 0) return 0;
  const AxisView axis(x.dims, Axis(node.attrs().Int("axis"), x.rank()));
  return static_cast<size_t>((static_cast<int64_t>(k) / axis.inner) % axis.n) % scales;
}

}  // namespace

MIRIN_KERNEL(QuantizeLinear) {
  const TensorView& x = c.input(0);
  std::vector<double> v = ReadAll<double>(x);
  const std::vector<double> scale = ReadAll<double>(c.input(1)), zero = c.has_input(2) ? ReadAll<double>(c.input(2)) : std::vector<double>();
  for (size_t k = 0; k < v.size(); ++k) {
    const size_t i = ScaleIndex(node, x, scale.size(), k);
    v[k] = std::nearbyint(v[k] / scale[i]) + (zero.empty() ? 0 : zero[i % zero.size()]);
  }
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}
MIRIN_KERNEL(DequantizeLinear) {
  const TensorView& x = c.input(0);
  std::vector<double> v = ReadAll<double>(x);
  const std::vector<double> scale = ReadAll<double>(c.input(1)), zero = c.has_input(2) ? ReadAll<double>(c.input(2)) : std::vector<double>();
  for (size_t k = 0; k < v.size(); ++k) {
    const size_t i = ScaleIndex(node, x, scale.size(), k);
    v[k] = (v[k] - (zero.empty() ? 0 : zero[i % zero.size()])) * scale[i];
  }
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}
MIRIN_KERNEL(Dropout) {
  if (c.input(0).bytes() > 0) std::memcpy(c.output(0).data, c.input(0).data, c.input(0).bytes());
  WriteAll(c.output(1), std::vector<double>(static_cast<size_t>(c.output(1).elements()), 1));
  return absl::OkStatus();
}
MIRIN_KERNEL(DepthToSpace) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t b = node.attrs().Int("block_size");
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, y);
  int64_t to = 0;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> i) {
    const int64_t ch = (i[2] % b * b + i[3] % b) * y.dims[1] + i[1];
    mover.Move(i[0] * strides[0] + ch * strides[1] + i[2] / b * strides[2] + i[3] / b, to++);
  });
  return absl::OkStatus();
}
MIRIN_KERNEL(SpaceToDepth) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t b = node.attrs().Int("block_size");
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, y);
  int64_t to = 0;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> i) {
    const int64_t block = i[1] / x.dims[1], ch = i[1] % x.dims[1];
    mover.Move(i[0] * strides[0] + ch * strides[1] + (i[2] * b + block / b) * strides[2] + i[3] * b + block % b, to++);
  });
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
