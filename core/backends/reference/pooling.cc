#include <algorithm>
#include <limits>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/backends/reference/spatial.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

using ops::WindowAxis;

// The three spatial axes of a pool.
absl::StatusOr<std::vector<WindowAxis>> AxesOf(const ir::Node& node, const TensorView& x) {
  const int spatial = x.rank() - 2;
  std::vector<WindowAxis> axes(static_cast<size_t>(spatial));
  if (node.attrs().Bool("global")) {
    for (int i = 0; i < spatial; ++i) {
      axes[i].kernel = axes[i].input = x.dims[2 + i];
      axes[i].output = 1;
    }
  } else {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel,
                           ops::SpatialAttribute(node.attrs(), "kernel_size", spatial, 1, 1));
    ops::WindowOptions options;
    options.ceil_mode = node.attrs().Int("round_mode") == 1;
    MIRIN_ASSIGN_OR_RETURN(axes, ops::PlanWindow(node.attrs(), Spatial(x), kernel, options));
  }
  return Three(std::move(axes));
}

int64_t CeilDiv(int64_t a, int64_t b) { return a <= 0 ? 0 : (a - 1) / b + 1; }

// Taps of the window at output index o that lie in the input.
struct Range {
  int64_t first, last;
};
Range Inside(const WindowAxis& a, int64_t o) {
  const int64_t start = o * a.stride - a.pad_before;
  return {CeilDiv(-start, a.dilation), std::min(a.kernel, CeilDiv(a.input - start, a.dilation))};
}

// How many taps lie in the input or its padding, not in the overhang.
int64_t Covered(const WindowAxis& a, int64_t o) {
  const int64_t start = o * a.stride - a.pad_before, end = a.input + a.pad_after - a.overhang;
  return std::min(a.kernel, CeilDiv(end - start, a.dilation));
}

// Calls fn(plane, offset in the plane) for what the window of output element o covers of the input.
template <typename Fn>
void ForWindow(const std::vector<WindowAxis>& axes, int64_t o, Fn&& fn) {
  const WindowAxis &d = axes[0], &h = axes[1], &w = axes[2];
  const int64_t ow = o % w.output, oh = o / w.output % h.output,
                od = o / (w.output * h.output) % d.output;
  const int64_t plane = o / (w.output * h.output * d.output);
  const Range in_d = Inside(d, od), in_h = Inside(h, oh), in_w = Inside(w, ow);
  for (int64_t kd = in_d.first; kd < in_d.last; ++kd) {
    const int64_t id = od * d.stride - d.pad_before + kd * d.dilation;
    for (int64_t kh = in_h.first; kh < in_h.last; ++kh) {
      const int64_t ih = oh * h.stride - h.pad_before + kh * h.dilation;
      for (int64_t kw = in_w.first; kw < in_w.last; ++kw)
        fn(plane, (id * h.input + ih) * w.input + ow * w.stride - w.pad_before + kw * w.dilation);
    }
  }
}

// Windows over the last two or three axes.
absl::Status Pool(const ir::Node& node, const KernelContext& c, bool average) {
  const TensorView &x = c.input(0), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes, AxesOf(node, x));
  const WindowAxis &d = axes[0], &h = axes[1], &w = axes[2];
  const bool count_padding = node.attrs().Bool("count_include_pad"),
             count_overhang = node.attrs().Bool("count_overhang", true);
  const int64_t divisor = node.attrs().Int("divisor_override"),
                x_plane = d.input * h.input * w.input;
  const std::vector<double> xs = ReadAll<double>(x);
  std::vector<double> ys;
  for (int64_t o = 0; o < y.elements(); ++o) {
    if (o % 4096 == 0 && c.cancelled()) return absl::CancelledError("the run was cancelled");
    double acc = average ? 0 : -std::numeric_limits<double>::infinity();
    double count = 0;
    ForWindow(axes, o, [&](int64_t plane, int64_t offset) {
      const double e = xs[static_cast<size_t>(plane * x_plane + offset)];
      acc = average ? acc + e : (e > acc || std::isnan(e) ? e : acc);
      ++count;
    });
    const auto times = [](int64_t a, int64_t b, int64_t e) {
      return static_cast<double>(a) * static_cast<double>(b) * static_cast<double>(e);
    };
    if (count_padding && count_overhang) count = times(d.kernel, h.kernel, w.kernel);
    if (count_padding && !count_overhang)
      count = times(Covered(d, o / (w.output * h.output) % d.output),
                    Covered(h, o / w.output % h.output), Covered(w, o % w.output));
    if (divisor > 0) count = static_cast<double>(divisor);
    ys.push_back(average ? acc / std::max(1.0, count) : acc);
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(MaxPool) { return Pool(node, c, false); }
MIRIN_KERNEL(AvgPool) { return Pool(node, c, true); }
MIRIN_KERNEL(MaxPool3D) { return Pool(node, c, false); }
MIRIN_KERNEL(AvgPool3D) { return Pool(node, c, true); }

MIRIN_KERNEL(MaxPoolWithIndices) {
  const TensorView &x = c.input(0), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const std::vector<WindowAxis> axes, AxesOf(node, x));
  const WindowAxis &d = axes[0], &h = axes[1], &w = axes[2];
  const bool column_major = node.attrs().Bool("column_major");
  const int64_t x_plane = d.input * h.input * w.input;
  const std::vector<double> xs = ReadAll<double>(x);
  std::vector<double> ys;
  std::vector<int64_t> indices;
  for (int64_t o = 0; o < y.elements(); ++o) {
    if (o % 4096 == 0 && c.cancelled()) return absl::CancelledError("the run was cancelled");
    double best = -std::numeric_limits<double>::infinity();
    int64_t at = -1;
    ForWindow(axes, o, [&](int64_t plane, int64_t offset) {
      const double e = xs[static_cast<size_t>(plane * x_plane + offset)];
      if (at >= 0 && !(e > best)) return;
      best = e;
      const int64_t id = offset / (h.input * w.input), ih = offset / w.input % h.input,
                    iw = offset % w.input;
      at = plane * x_plane + (column_major ? (iw * h.input + ih) * d.input + id : offset);
    });
    ys.push_back(best);
    indices.push_back(at);
  }
  WriteAll(y, ys);
  WriteAll(c.output(1), indices);
  return absl::OkStatus();
}

MIRIN_KERNEL(AdaptiveAvgPool2D) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t ih = x.dims[x.rank() - 2], iw = x.dims[x.rank() - 1], oh = y.dims[x.rank() - 2],
                ow = y.dims[x.rank() - 1];
  const std::vector<double> xs = ReadAll<double>(x);
  std::vector<double> ys;
  for (int64_t p = 0; p < x.elements() / std::max<int64_t>(1, ih * iw); ++p) {
    for (int64_t r = 0; r < oh; ++r) {
      for (int64_t k = 0; k < ow; ++k) {
        double sum = 0;
        const int64_t r0 = r * ih / oh, r1 = ((r + 1) * ih + oh - 1) / oh, k0 = k * iw / ow,
                      k1 = ((k + 1) * iw + ow - 1) / ow;
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
