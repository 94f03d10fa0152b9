#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

namespace mirin::reference::kernels {

absl::Status GridSampler2D(const ir::Node& node, const KernelContext& c) {
  const TensorView &x = c.input(0), &grid = c.input(1), &y = c.output(0);
  const auto chosen = [&](const char* name, const char* text, int64_t number) {
    return node.attrs().String(name) == text || node.attrs().Int(name, -1) == number;
  };
  const bool nearest = chosen("interpolation_mode", "nearest", 1),
             border = chosen("padding_mode", "border", 1),
             corners = node.attrs().Bool("align_corners");
  const int64_t channels = x.dims[1], ih = x.dims[2], iw = x.dims[3], oh = y.dims[2],
                ow = y.dims[3];
  const std::vector<double> xs = ReadAll<double>(x), gs = ReadAll<double>(grid);
  const auto position = [&](double g, int64_t size) {
    double p = corners ? (g + 1) / 2 * static_cast<double>(size - 1)
                       : ((g + 1) * static_cast<double>(size) - 1) / 2;
    if (border) p = std::clamp(p, 0.0, static_cast<double>(size - 1));
    // far outside is outside: keeps the conversion to an index safe
    return std::isfinite(p) ? std::clamp(p, -2.0, static_cast<double>(size) + 1) : -2.0;
  };
  std::vector<double> ys(static_cast<size_t>(y.elements()));
  for (int64_t n = 0; n < x.dims[0]; ++n) {
    for (int64_t p = 0; p < oh * ow; ++p) {
      const double* g = gs.data() + (n * oh * ow + p) * 2;
      const double px = position(g[0], iw), py = position(g[1], ih);
      for (int64_t ch = 0; ch < channels; ++ch) {
        const double* image = xs.data() + (n * channels + ch) * ih * iw;
        const auto at = [&](double row, double column) {
          const auto r = static_cast<int64_t>(row), k = static_cast<int64_t>(column);
          return r < 0 || r >= ih || k < 0 || k >= iw ? 0.0 : image[r * iw + k];
        };
        double& to = ys[static_cast<size_t>((n * channels + ch) * oh * ow + p)];
        if (nearest) {
          to = at(std::nearbyint(py), std::nearbyint(px));
          continue;
        }
        const double r = std::floor(py), k = std::floor(px), fr = py - r, fk = px - k;
        to = (at(r, k) * (1 - fk) + at(r, k + 1) * fk) * (1 - fr) +
             (at(r + 1, k) * (1 - fk) + at(r + 1, k + 1) * fk) * fr;
      }
    }
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
