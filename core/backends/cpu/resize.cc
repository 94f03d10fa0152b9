// Nearest and bilinear resizing of planes; positions and weights are worked out once, when the kernel is made.
#include <algorithm>
#include <cmath>

#include "core/backends/cpu/kernel.h"

namespace mirin::cpu {
namespace {

enum class Coordinates { kAsymmetric, kAlignCorners, kHalfPixel };

Coordinates FlagsOf(const ir::Node& node) {
  if (node.attrs().Bool("align_corners")) return Coordinates::kAlignCorners;
  return node.attrs().Bool("half_pixel_centers") ? Coordinates::kHalfPixel
                                                 : Coordinates::kAsymmetric;
}

double SourceOf(int64_t i, int64_t in, int64_t out, Coordinates mode) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  if (mode == Coordinates::kHalfPixel) return (static_cast<double>(i) + 0.5) * scale - 0.5;
  if (mode == Coordinates::kAsymmetric) return static_cast<double>(i) * scale;
  return out == 1
             ? 0
             : static_cast<double>(i) * static_cast<double>(in - 1) / static_cast<double>(out - 1);
}

// Between low and high, so much nearer to high.
struct Position {
  int64_t low, high;
  float weight;
};

std::vector<Position> Linear(int64_t in, int64_t out, Coordinates mode) {
  std::vector<Position> positions;
  for (int64_t i = 0; i < out; ++i) {
    const double s = std::max(0.0, SourceOf(i, in, out, mode));
    const int64_t low = std::min(static_cast<int64_t>(s), in - 1);
    positions.push_back(
        {low, std::min(low + 1, in - 1), static_cast<float>(s - static_cast<double>(low))});
  }
  return positions;
}

std::vector<int64_t> Nearest(int64_t in, int64_t out, Coordinates mode) {
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < out; ++i) {
    const double s = SourceOf(i, in, out, mode);
    const double r = mode == Coordinates::kAsymmetric ? std::floor(s) : std::floor(s + 0.5);
    positions.push_back(std::clamp(static_cast<int64_t>(r), int64_t{0}, in - 1));
  }
  return positions;
}

}  // namespace

KernelResult MakeResize(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  const Dims &x = r.inputs[0].shape.dims(), &y = r.outputs[0].shape.dims();
  if (NumElements(x) == 0) return absl::UnimplementedError("an empty tensor");
  const Coordinates mode = FlagsOf(*r.node);
  const int64_t planes = x[0] * x[1], ih = x[2], iw = x[3], oh = y[2], ow = y[3];
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  const int64_t grain = std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, oh * ow));
  if (absl::string_view(r.node->op()).substr(0, 13) == "ResizeNearest") {
    return FromFunction(traits, [=, rows = Nearest(ih, oh, mode),
                                 columns = Nearest(iw, ow, mode)](const KernelContext& c) {
      const float* from = c.input(0).as<float>();
      float* to = c.output(0).as<float>();
      c.threads().ParallelFor(planes, grain, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p) {
          for (int64_t i = 0; i < oh; ++i) {
            const float* line = from + (p * ih + rows[static_cast<size_t>(i)]) * iw;
            float* out = to + (p * oh + i) * ow;
            for (int64_t k = 0; k < ow; ++k) out[k] = line[columns[static_cast<size_t>(k)]];
          }
        }
      });
    });
  }
  return FromFunction(traits, [=, rows = Linear(ih, oh, mode),
                               columns = Linear(iw, ow, mode)](const KernelContext& c) {
    const float* from = c.input(0).as<float>();
    float* to = c.output(0).as<float>();
    c.threads().ParallelFor(planes, grain, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        for (int64_t i = 0; i < oh; ++i) {
          const Position& row = rows[static_cast<size_t>(i)];
          const float *top = from + (p * ih + row.low) * iw,
                      *bottom = from + (p * ih + row.high) * iw;
          float* out = to + (p * oh + i) * ow;
          for (int64_t k = 0; k < ow; ++k) {
            const Position& column = columns[static_cast<size_t>(k)];
            const float upper =
                top[column.low] + (top[column.high] - top[column.low]) * column.weight;
            const float lower =
                bottom[column.low] + (bottom[column.high] - bottom[column.low]) * column.weight;
            out[k] = upper + (lower - upper) * row.weight;
          }
        }
      }
    });
  });
}

}  // namespace mirin::cpu
