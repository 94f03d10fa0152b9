#include <algorithm>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/backends/reference/spatial.h"
#include "core/ops/activation_kind.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference {

using ops::WindowAxis;

absl::StatusOr<std::vector<double>> Convolved(const ir::Node& node, const KernelContext& c,
                                              const std::vector<double>& xs,
                                              const std::vector<double>& ws) {
  const TensorView &x = c.input(0), &w = c.input(1), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(std::vector<WindowAxis> axes,
                         ops::PlanWindow(node.attrs(), Spatial(x), Spatial(w)));
  axes = Three(std::move(axes));
  const WindowAxis &d = axes[0], &h = axes[1], &v = axes[2];
  const int64_t group = node.attrs().Int("group", 1), batch = x.dims[0], in = w.dims[1],
                out = w.dims[0] / group;
  std::vector<double> ys(static_cast<size_t>(y.elements()), 0);
  const int64_t x_plane = d.input * h.input * v.input, y_plane = d.output * h.output * v.output,
                taps = d.kernel * h.kernel * v.kernel;
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
                    to[(od * h.output + oh) * v.output + ow] +=
                        weight * from[(id * h.input + ih) * v.input + iw];
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  return ys;
}

namespace kernels {
namespace {

absl::Status Convolve(const ir::Node& node, const KernelContext& c) {
  const TensorView& y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind activation,
                         ops::ParseActivation(node.attrs().String("activation")));
  MIRIN_ASSIGN_OR_RETURN(std::vector<double> ys, Convolved(node, c, ReadAll<double>(c.input(0)),
                                                           ReadAll<double>(c.input(1))));
  const int64_t plane = NumElements(y.dims.subspan(2));
  if (c.has_input(2)) {
    const std::vector<double> bias = ReadAll<double>(c.input(2));
    for (size_t k = 0; k < ys.size(); ++k)
      ys[k] += bias[(static_cast<int64_t>(k) / plane) % static_cast<int64_t>(bias.size())];
  }
  if (c.has_input(3)) {
    const std::vector<double> residual = ReadAll<double>(c.input(3));
    for (size_t k = 0; k < ys.size(); ++k) ys[k] += residual[k];
  }
  for (double& e : ys) e = ops::Apply(activation, e);
  WriteAll(y, ys);
  return absl::OkStatus();
}

// The gradient of a convolution: every input element spreads over a window of the output.
absl::Status ConvolveTransposed(const ir::Node& node, const KernelContext& c, int bias_input) {
  const TensorView &x = c.input(0), &w = c.input(1), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(
      std::vector<WindowAxis> axes,
      ops::PlanTransposedWindow(node.attrs(), Spatial(x), Spatial(w), Spatial(y)));
  axes = Three(std::move(axes));
  const WindowAxis &d = axes[0], &h = axes[1], &v = axes[2];
  const int64_t group = node.attrs().Int("group", 1), in = w.dims[0] / group, out = w.dims[1];
  const int64_t x_plane = d.input * h.input * v.input, y_plane = d.output * h.output * v.output,
                taps = d.kernel * h.kernel * v.kernel;
  const std::vector<double> xs = ReadAll<double>(x), ws = ReadAll<double>(w);
  std::vector<double> ys(static_cast<size_t>(y.elements()), 0);
  for (int64_t n = 0; n < x.dims[0]; ++n) {
    for (int64_t i = 0; i < in * group; ++i) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      const double* from = xs.data() + (n * in * group + i) * x_plane;
      for (int64_t o = 0; o < out; ++o) {
        double* to = ys.data() + ((n * group + i / in) * out + o) * y_plane;
        const double* kernel = ws.data() + (i * out + o) * taps;
        for (int64_t k = 0; k < taps; ++k) {
          const int64_t kd = k / (h.kernel * v.kernel), kh = k / v.kernel % h.kernel,
                        kw = k % v.kernel;
          for (int64_t e = 0; e < x_plane; ++e) {
            const int64_t od = e / (h.input * v.input) * d.stride - d.pad_before + kd * d.dilation;
            const int64_t oh = e / v.input % h.input * h.stride - h.pad_before + kh * h.dilation;
            const int64_t ow = e % v.input * v.stride - v.pad_before + kw * v.dilation;
            if (od < 0 || od >= d.output || oh < 0 || oh >= h.output || ow < 0 || ow >= v.output)
              continue;
            to[(od * h.output + oh) * v.output + ow] += from[e] * kernel[k];
          }
        }
      }
    }
  }
  if (c.has_input(bias_input)) {
    const std::vector<double> bias = ReadAll<double>(c.input(bias_input));
    for (size_t k = 0; k < ys.size(); ++k)
      ys[k] += bias[(static_cast<int64_t>(k) / y_plane) % static_cast<int64_t>(bias.size())];
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(Conv2D) { return Convolve(node, c); }
MIRIN_KERNEL(Conv3D) { return Convolve(node, c); }
MIRIN_KERNEL(Conv2DTranspose) { return ConvolveTransposed(node, c, 3); }
MIRIN_KERNEL(Conv3DTranspose) { return ConvolveTransposed(node, c, 2); }

}  // namespace kernels
}  // namespace mirin::reference
