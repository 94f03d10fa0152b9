#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

// Source position of output index i for one axis.
enum class Coordinates { kAsymmetric, kAlignCorners, kHalfPixel };

double SourceOf(int64_t i, int64_t in, int64_t out, Coordinates mode) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  switch (mode) {
    case Coordinates::kAlignCorners:
      return out == 1 ? 0
                      : static_cast<double>(i) * static_cast<double>(in - 1) /
                            static_cast<double>(out - 1);
    case Coordinates::kHalfPixel:
      return (static_cast<double>(i) + 0.5) * scale - 0.5;
    case Coordinates::kAsymmetric:
      break;
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
    const double r = nearest_mode == 1   ? std::ceil(s - 0.5)
                     : nearest_mode == 2 ? std::floor(s + 0.5)
                     : nearest_mode == 4 ? std::ceil(s)
                                         : std::floor(s);
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
  return node.attrs().Bool("half_pixel_centers") ? Coordinates::kHalfPixel
                                                 : Coordinates::kAsymmetric;
}

absl::Status NearestByFlags(const ir::Node& node, const KernelContext& c) {
  const Coordinates mode = FlagsOf(node);
  Nearest(c, mode,
          mode == Coordinates::kAlignCorners ? 2
          : mode == Coordinates::kHalfPixel  ? 2
                                             : 3);
  return absl::OkStatus();
}

// Keys' kernel with a = -0.75, taps outside the image repeat its border.
void Cubic(const KernelContext& c, Coordinates mode) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t ih = x.dims[2], iw = x.dims[3], oh = y.dims[2], ow = y.dims[3];
  const std::vector<double> xs = ReadAll<double>(x);
  const auto weights = [](double t, double* w) {
    constexpr double a = -0.75;
    const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
    const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
    w[0] = far(t + 1);
    w[1] = near(t);
    w[2] = near(1 - t);
    w[3] = far(2 - t);
  };
  std::vector<double> ys;
  for (int64_t p = 0; p < x.dims[0] * x.dims[1]; ++p) {
    const double* from = xs.data() + p * ih * iw;
    for (int64_t r = 0; r < oh; ++r) {
      const double sr = SourceOf(r, ih, oh, mode);
      double wr[4];
      weights(sr - std::floor(sr), wr);
      for (int64_t k = 0; k < ow; ++k) {
        const double sk = SourceOf(k, iw, ow, mode);
        double wk[4], sum = 0;
        weights(sk - std::floor(sk), wk);
        for (int64_t a = 0; a < 4; ++a) {
          const int64_t row =
              std::clamp(static_cast<int64_t>(std::floor(sr)) - 1 + a, int64_t{0}, ih - 1);
          for (int64_t b = 0; b < 4; ++b) {
            const int64_t column =
                std::clamp(static_cast<int64_t>(std::floor(sk)) - 1 + b, int64_t{0}, iw - 1);
            sum += wr[a] * wk[b] * from[row * iw + column];
          }
        }
        ys.push_back(sum);
      }
    }
  }
  WriteAll(y, ys);
}

}  // namespace

MIRIN_KERNEL(ResizeBicubic) {
  Cubic(c, FlagsOf(node));
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
  const int64_t coordinates = node.attrs().Int("coordinate_transform_mode"),
                method = node.attrs().Int("method");
  if (coordinates < 0 || coordinates > 2)
    return absl::UnimplementedError(absl::StrCat("coordinate_transform_mode ", coordinates));
  const Coordinates mode = coordinates == 1   ? Coordinates::kAlignCorners
                           : coordinates == 2 ? Coordinates::kHalfPixel
                                              : Coordinates::kAsymmetric;
  if (method == 0) {
    Linear(c, mode);
  } else if (method == 1) {
    Nearest(c, mode, node.attrs().Int("nearest_mode"));
  } else if (method == 2) {
    Cubic(c, mode);
  } else {
    return absl::UnimplementedError(absl::StrCat("resize method ", method));
  }
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
