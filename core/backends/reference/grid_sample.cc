// ONNX GridSample and the grids of affine maps.
#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

namespace mirin::reference::kernels {
namespace {

enum class Padding { kZeros, kBorder, kReflection };

// One spatial axis of the image.
struct Side {
  int64_t size = 1, stride = 1;
  bool corners = false;
  Padding padding = Padding::kZeros;

  double low() const { return corners ? 0 : -0.5; }
  double high() const { return static_cast<double>(size) - (corners ? 1 : 0.5); }

  // Mirrored at the borders until it lies between them.
  double Reflect(double x) const {
    const double range = high() - low();
    if (range <= 0) return low();
    double beyond = x < low() ? low() - x : x - high();
    if (beyond <= 0) return x;
    const bool even = std::fmod(std::floor(beyond / range), 2) == 0;
    beyond = std::fmod(beyond, range);
    return (x < low()) == even ? low() + beyond : high() - beyond;
  }

  // A place in pixels for a coordinate in [-1, 1]. In the arithmetic of float32, so that ties fall as they do elsewhere.
  double Place(double coordinate, bool is_float64, const std::string& mode) const {
    double x;
    if (is_float64) {
      const auto n = static_cast<double>(size);
      x = corners ? (coordinate + 1) / 2 * (n - 1) : ((coordinate + 1) * n - 1) / 2;
    } else {
      const auto n = static_cast<float>(size), at = static_cast<float>(coordinate);
      x = corners ? (at + 1) / 2 * (n - 1) : ((at + 1) * n - 1) / 2;
    }
    if (mode == "nearest") x = std::nearbyint(x);
    if (std::isnan(x)) x = -2;
    if (x < low() || x > high()) {
      // A cubic at the border has its taps there, not its centre.
      if (padding == Padding::kBorder && mode != "cubic")
        x = std::clamp(x, 0.0, static_cast<double>(size - 1));
      if (padding == Padding::kReflection) x = std::isfinite(x) ? Reflect(x) : low();
    }
    // Far outside is outside: keeps the conversion to an index safe.
    return std::clamp(x, -4.0, static_cast<double>(size) + 3);
  }

  // The pixel that stands for index i, -1 for none.
  int64_t Pixel(int64_t i) const {
    if (i >= 0 && i < size) return i;
    if (padding == Padding::kZeros) return -1;
    if (padding == Padding::kReflection) i = static_cast<int64_t>(Reflect(static_cast<double>(i)));
    return std::clamp(i, int64_t{0}, size - 1);
  }
};

// Up to four pixels of one axis with their weights.
struct Taps {
  int count = 0;
  int64_t pixel[4];
  double weight[4];
};

Taps TapsAt(const Side& side, double x, const std::string& mode) {
  Taps taps;
  const auto add = [&](int64_t i, double w) {
    taps.pixel[taps.count] = side.Pixel(i);
    taps.weight[taps.count++] = w;
  };
  const auto base = static_cast<int64_t>(std::floor(x));
  const double t = x - std::floor(x);
  if (mode == "nearest") {
    add(static_cast<int64_t>(x), 1);
  } else if (mode == "linear") {
    add(base, 1 - t);
    add(base + 1, t);
  } else {
    constexpr double a = -0.75;
    const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
    const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
    add(base - 1, far(t + 1));
    add(base, near(t));
    add(base + 1, near(1 - t));
    add(base + 2, far(2 - t));
  }
  return taps;
}

// The sum over all combinations of taps from `axis` on.
double Sum(const double* image, const std::vector<Side>& sides, const std::vector<Taps>& taps,
           size_t axis) {
  if (axis == sides.size()) return *image;
  double sum = 0;
  for (int k = 0; k < taps[axis].count; ++k) {
    if (taps[axis].pixel[k] < 0) continue;
    const double part =
        Sum(image + taps[axis].pixel[k] * sides[axis].stride, sides, taps, axis + 1);
    sum += taps[axis].weight[k] * part;
  }
  return sum;
}

}  // namespace

absl::Status GridSample(const ir::Node& node, const KernelContext& c) {
  const TensorView &x = c.input(0), &grid = c.input(1), &y = c.output(0);
  const std::string mode = node.attrs().String("mode"),
                    padding = node.attrs().String("padding_mode");
  const size_t axes = x.dims.size() - 2;
  std::vector<Side> sides(axes);
  int64_t image = 1;
  for (size_t i = axes; i-- > 0;) {
    sides[i].size = x.dims[2 + i];
    sides[i].stride = image;
    sides[i].corners = node.attrs().Bool("align_corners");
    sides[i].padding = padding == "border"       ? Padding::kBorder
                       : padding == "reflection" ? Padding::kReflection
                                                 : Padding::kZeros;
    image *= x.dims[2 + i];
  }
  const int64_t channels = x.dims[1], points = NumElements(y.dims.subspan(2));
  const std::vector<double> xs = ReadAll<double>(x), gs = ReadAll<double>(grid);
  std::vector<double> ys(static_cast<size_t>(y.elements()));
  std::vector<Taps> taps(axes);
  for (int64_t n = 0; n < x.dims[0]; ++n) {
    for (int64_t p = 0; p < points; ++p) {
      if (p % 1024 == 0 && c.cancelled()) return absl::CancelledError("the run was cancelled");
      const double* coordinates = gs.data() + (n * points + p) * static_cast<int64_t>(axes);
      for (size_t i = 0; i < axes; ++i) {
        taps[i] = TapsAt(
            sides[i],
            sides[i].Place(coordinates[axes - 1 - i], grid.dtype == DType::kFloat64, mode), mode);
      }
      for (int64_t ch = 0; ch < channels; ++ch)
        ys[static_cast<size_t>((n * channels + ch) * points + p)] =
            Sum(xs.data() + (n * channels + ch) * image, sides, taps, 0);
    }
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

absl::Status AffineGrid(const ir::Node& node, const KernelContext& c) {
  const TensorView& y = c.output(0);
  const int64_t axes = y.dims[y.dims.size() - 1];
  const bool corners = node.attrs().Bool("align_corners");
  const std::vector<double> theta = ReadAll<double>(c.input(0));
  std::vector<double> out;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> index) {
    // Row index.back() of the matrix times (last axis, .., first axis, 1).
    const double* row = theta.data() + (index[0] * axes + index[index.size() - 1]) * (axes + 1);
    double sum = row[axes];
    for (int64_t k = 0; k < axes; ++k) {
      const auto at = static_cast<size_t>(axes - k);
      const auto i = static_cast<double>(index[at]), n = static_cast<double>(y.dims[at]);
      const double place = corners ? (n > 1 ? 2 * i / (n - 1) - 1 : 0) : (2 * i + 1) / n - 1;
      sum += row[k] * place;
    }
    out.push_back(sum);
  });
  WriteAll(y, out);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
