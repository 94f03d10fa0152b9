#include <algorithm>
#include <limits>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/backends/reference/spatial.h"

#define MIRIN_KERNEL(Name) absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

using ops::WindowAxis;

// Windows over the last two or three axes.
absl::Status Pool(const ir::Node& node, const KernelContext& c, bool average) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int spatial = x.rank() - 2;
  std::vector<WindowAxis> axes(static_cast<size_t>(spatial));
  if (node.attrs().Bool("global")) {
    for (int i = 0; i < spatial; ++i) {
      axes[i].kernel = axes[i].input = x.dims[2 + i];
      axes[i].output = 1;
    }
  } else {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, ops::SpatialAttribute(node.attrs(), "kernel_size", spatial, 1, 1));
    ops::WindowOptions options;
    options.ceil_mode = node.attrs().Int("round_mode") == 1;
    MIRIN_ASSIGN_OR_RETURN(axes, ops::PlanWindow(node.attrs(), Spatial(x), kernel, options));
  }
  axes = Three(std::move(axes));
  const WindowAxis &d = axes[0], &h = axes[1], &w = axes[2];
  const bool count_padding = node.attrs().Bool("count_include_pad");
  const int64_t divisor = node.attrs().Int("divisor_override"), taps = d.kernel * h.kernel * w.kernel;
  const std::vector<double> xs = ReadAll<double>(x);
  std::vector<double> ys;
  for (int64_t o = 0; o < y.elements(); ++o) {
    if (o % 4096 == 0 && c.cancelled()) return absl::CancelledError("the run was cancelled");
    const int64_t ow = o % w.output, oh = o / w.output % h.output, od = o / (w.output * h.output) % d.output;
    const double* from = xs.data() + o / (w.output * h.output * d.output) * d.input * h.input * w.input;
    double acc = average ? 0 : -std::numeric_limits<double>::infinity();
    int64_t count = 0;
    for (int64_t k = 0; k < taps; ++k) {
      const int64_t id = od * d.stride - d.pad_before + k / (h.kernel * w.kernel);
      const int64_t ih = oh * h.stride - h.pad_before + k / w.kernel % h.kernel;
      const int64_t iw = ow * w.stride - w.pad_before + k % w.kernel;
      if (id < 0 || id >= d.input || ih < 0 || ih >= h.input || iw < 0 || iw >= w.input) continue;
      const double e = from[(id * h.input + ih) * w.input + iw];
      acc = average ? acc + e : (e > acc || std::isnan(e) ? e : acc);
      ++count;
    }
    if (count_padding) count = taps;
    if (divisor > 0) count = divisor;
    ys.push_back(average ? acc / static_cast<double>(std::max<int64_t>(1, count)) : acc);
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(MaxPool) { return Pool(node, c, false); }
MIRIN_KERNEL(AvgPool) { return Pool(node, c, true); }
MIRIN_KERNEL(MaxPool3D) { return Pool(node, c, false); }
MIRIN_KERNEL(AvgPool3D) { return Pool(node, c, true); }

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

}  // namespace mirin::reference::kernels
