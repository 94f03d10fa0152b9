#include "core/ops/fold.h"

#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/backends/reference/spatial.h"

#define MIRIN_KERNEL(Name) absl::Status Name(const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {

MIRIN_KERNEL(Fold) {
  const TensorView &x = c.input(0), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanFold(node.attrs(), Spatial(y), Ints(c, 2)));
  Dims block, blocks;
  for (const ops::WindowAxis& a : axes) {
    block.push_back(a.kernel);
    blocks.push_back(a.output);
  }
  const Dims image(y.dims.begin() + 2, y.dims.end()), strides = Strides(image);
  const int64_t plane = NumElements(image), planes = y.dims[0] * y.dims[1];
  WithExact(x.dtype, [&](auto zero) {
    using N = decltype(zero);
    const std::vector<N> xs = ReadAll<N>(x);
    std::vector<N> ys(static_cast<size_t>(y.elements()), 0);
    size_t from = 0;
    for (int64_t p = 0; p < planes; ++p) {
      ForEachIndex(block, [&](absl::Span<const int64_t> tap) {
        ForEachIndex(blocks, [&](absl::Span<const int64_t> at) {
          int64_t to = p * plane;
          bool inside = true;
          for (size_t i = 0; i < axes.size(); ++i) {
            const int64_t place =
                at[i] * axes[i].stride - axes[i].pad_before + tap[i] * axes[i].dilation;
            inside &= place >= 0 && place < axes[i].input;
            to += place * strides[i];
          }
          if (inside) ys[static_cast<size_t>(to)] += xs[from];
          ++from;
        });
      });
    }
    WriteAll(y, ys);
  });
  return absl::OkStatus();
}

namespace {

// Bilinear, zero outside.
double Sample(const double* plane, int64_t height, int64_t width, double y, double x) {
  if (!(y > -1 && y < static_cast<double>(height) && x > -1 && x < static_cast<double>(width)))
    return 0;
  const auto top = static_cast<int64_t>(std::floor(y)), left = static_cast<int64_t>(std::floor(x));
  const double down = y - std::floor(y), right = x - std::floor(x);
  const auto at = [&](int64_t r, int64_t k) {
    return r < 0 || r >= height || k < 0 || k >= width ? 0.0 : plane[r * width + k];
  };
  return (at(top, left) * (1 - right) + at(top, left + 1) * right) * (1 - down) +
         (at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right) * down;
}

}  // namespace

MIRIN_KERNEL(DeformableConv) {
  const TensorView &x = c.input(0), &w = c.input(1), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanWindow(node.attrs(), Spatial(x), Spatial(w)));
  const ops::WindowAxis &v = axes[0], &h = axes[1];
  const int64_t group = node.attrs().Int("group"), offset_group = node.attrs().Int("offset_group");
  const int64_t in = x.dims[1], per_group = w.dims[1], out = w.dims[0], taps = v.kernel * h.kernel,
                points = v.output * h.output;
  const std::vector<double> xs = ReadAll<double>(x), ws = ReadAll<double>(w),
                            offsets = ReadAll<double>(c.input(2));
  const std::vector<double> mask =
      c.has_input(4) ? ReadAll<double>(c.input(4)) : std::vector<double>();
  const std::vector<double> bias = c.has_input(3)
                                       ? ReadAll<double>(c.input(3))
                                       : std::vector<double>(static_cast<size_t>(out), 0);
  std::vector<double> ys(static_cast<size_t>(y.elements()));
  std::vector<double> columns(static_cast<size_t>(in * taps));  // what one output place reads
  for (int64_t n = 0; n < x.dims[0]; ++n) {
    for (int64_t p = 0; p < points; ++p) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      for (int64_t ch = 0; ch < in; ++ch) {
        const int64_t og = ch / (in / offset_group);
        const double* plane = xs.data() + (n * in + ch) * v.input * h.input;
        for (int64_t k = 0; k < taps; ++k) {
          const int64_t at = (n * offset_group + og) * taps + k;
          const double row = static_cast<double>(p / h.output * v.stride - v.pad_before +
                                                 k / h.kernel * v.dilation) +
                             offsets[static_cast<size_t>(2 * at * points + p)];
          const double column = static_cast<double>(p % h.output * h.stride - h.pad_before +
                                                    k % h.kernel * h.dilation) +
                                offsets[static_cast<size_t>((2 * at + 1) * points + p)];
          const double weight = mask.empty() ? 1 : mask[static_cast<size_t>(at * points + p)];
          columns[static_cast<size_t>(ch * taps + k)] =
              weight * Sample(plane, v.input, h.input, row, column);
        }
      }
      for (int64_t o = 0; o < out; ++o) {
        const double* from = columns.data() + o / (out / group) * per_group * taps;
        double sum = bias[static_cast<size_t>(o)];
        for (int64_t k = 0; k < per_group * taps; ++k)
          sum += ws[static_cast<size_t>(o * per_group * taps + k)] * from[k];
        ys[static_cast<size_t>((n * out + o) * points + p)] = sum;
      }
    }
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
