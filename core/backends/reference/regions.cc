#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

#define MIRIN_KERNEL(Name) absl::Status Name(const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

// Samples of one bin and axis beyond which a region is no region of an image.
constexpr double kMaxSamples = 1 << 14;

absl::Status CheckImage(int64_t image, int64_t images) {
  if (image >= 0 && image < images) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("image ", image, " is out of range for ", images, " images"));
}

// A place between pixels of one axis: weights of the lower and the upper one.
struct Between {
  int64_t low = 0, high = 0;
  double to_high = 0;
  bool outside = false;
};

Between BetweenPixels(double at, int64_t size) {
  if (size < 1 || !(at >= -1 && at <= static_cast<double>(size))) return {0, 0, 0, true};
  at = std::max(at, 0.0);
  const auto low = static_cast<int64_t>(at);
  if (low >= size - 1) return {size - 1, size - 1, 0, false};
  return {low, low + 1, at - static_cast<double>(low), false};
}

// One axis of a region: where it begins, the extent of a bin and the samples in one.
struct Extent {
  double begin = 0, bin = 0;
  int64_t samples = 0;

  double At(int64_t bin_index, int64_t sample) const {
    return begin + (static_cast<double>(bin_index) +
                    (static_cast<double>(sample) + 0.5) / static_cast<double>(samples)) *
                       bin;
  }
};

absl::StatusOr<Extent> ExtentOf(double begin, double end, double scale, bool half_pixel,
                                int64_t bins, int64_t samples) {
  const double offset = half_pixel ? 0.5 : 0;
  Extent e;
  e.begin = begin * scale - offset;
  double size = end * scale - offset - e.begin;
  if (!half_pixel) size = std::max(size, 1.0);  // malformed regions count as one pixel
  e.bin = size / static_cast<double>(bins);
  const double wanted = samples > 0 ? static_cast<double>(samples) : std::ceil(e.bin);
  if (!(wanted <= kMaxSamples) || !std::isfinite(e.begin))
    return absl::InvalidArgumentError(
        absl::StrCat("a region of ", size, " pixels is out of range"));
  e.samples = static_cast<int64_t>(std::max(wanted, 0.0));
  return e;
}

}  // namespace

MIRIN_KERNEL(RoiAlign) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t images = x.dims[0], channels = x.dims[1], height = x.dims[2], width = x.dims[3],
                rows = y.dims[2], columns = y.dims[3];
  const bool average = node.attrs().String("mode") == "avg",
             half_pixel = node.attrs().Bool("half_pixel");
  const double scale = node.attrs().Float("spatial_scale");
  const int64_t sampling = node.attrs().Int("sampling_ratio");
  const std::vector<double> xs = ReadAll<double>(x), rois = ReadAll<double>(c.input(1));
  const std::vector<int64_t> batch = ReadAll<int64_t>(c.input(2));
  std::vector<double> ys;
  for (int64_t n = 0; n < y.dims[0]; ++n) {
    const double* roi = rois.data() + n * 4;
    MIRIN_RETURN_IF_ERROR(CheckImage(batch[static_cast<size_t>(n)], images));
    MIRIN_ASSIGN_OR_RETURN(const Extent across,
                           ExtentOf(roi[0], roi[2], scale, half_pixel, columns, sampling));
    MIRIN_ASSIGN_OR_RETURN(const Extent down,
                           ExtentOf(roi[1], roi[3], scale, half_pixel, rows, sampling));
    for (int64_t ch = 0; ch < channels; ++ch) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      const double* plane =
          xs.data() + (batch[static_cast<size_t>(n)] * channels + ch) * height * width;
      for (int64_t bin = 0; bin < rows * columns; ++bin) {
        double sum = 0, best = 0;
        for (int64_t s = 0; s < down.samples * across.samples; ++s) {
          const Between v = BetweenPixels(down.At(bin / columns, s / across.samples), height),
                        h = BetweenPixels(across.At(bin % columns, s % across.samples), width);
          double corners[4] = {0, 0, 0, 0};
          if (!v.outside && !h.outside) {
            corners[0] = (1 - v.to_high) * (1 - h.to_high) * plane[v.low * width + h.low];
            corners[1] = (1 - v.to_high) * h.to_high * plane[v.low * width + h.high];
            corners[2] = v.to_high * (1 - h.to_high) * plane[v.high * width + h.low];
            corners[3] = v.to_high * h.to_high * plane[v.high * width + h.high];
          }
          sum += corners[0] + corners[1] + corners[2] + corners[3];
          const double largest = *std::max_element(corners, corners + 4);
          best = s == 0 ? largest : std::max(best, largest);
        }
        ys.push_back(
            average ? sum / static_cast<double>(std::max<int64_t>(1, down.samples * across.samples))
                    : best);
      }
    }
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

MIRIN_KERNEL(RoiMaxPool) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t images = x.dims[0], channels = x.dims[1], rows = y.dims[2], columns = y.dims[3];
  const double scale = node.attrs().Float("spatial_scale");
  const std::vector<double> xs = ReadAll<double>(x), rois = ReadAll<double>(c.input(1));
  // The pixels of bin i of a region that begins and ends (inclusively) at whole pixels.
  const auto pixels = [](double begin, double end, int64_t bins, int64_t i, int64_t size) {
    const double bin = std::max(end - begin + 1, 1.0) / static_cast<double>(bins),
                 limit = static_cast<double>(size);
    const double low = std::floor(static_cast<double>(i) * bin) + begin,
                 high = std::ceil(static_cast<double>(i + 1) * bin) + begin;
    return std::make_pair(static_cast<int64_t>(std::clamp(low, 0.0, limit)),
                          static_cast<int64_t>(std::clamp(high, 0.0, limit)));
  };
  std::vector<double> ys;
  for (int64_t n = 0; n < y.dims[0]; ++n) {
    const double* roi = rois.data() + n * 5;
    const int64_t image = FromDouble<int64_t>(roi[0]);
    MIRIN_RETURN_IF_ERROR(CheckImage(image, images));
    double side[4];
    for (int i = 0; i < 4; ++i) {
      side[i] = std::round(roi[i + 1] * scale);
      if (!std::isfinite(side[i])) return absl::InvalidArgumentError("a region is not finite");
    }
    for (int64_t ch = 0; ch < channels; ++ch) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      const double* plane = xs.data() + (image * channels + ch) * x.dims[2] * x.dims[3];
      for (int64_t bin = 0; bin < rows * columns; ++bin) {
        const auto [top, bottom] = pixels(side[1], side[3], rows, bin / columns, x.dims[2]);
        const auto [left, right] = pixels(side[0], side[2], columns, bin % columns, x.dims[3]);
        double best = top < bottom && left < right ? plane[top * x.dims[3] + left] : 0;
        for (int64_t r = top; r < bottom; ++r) {
          for (int64_t k = left; k < right; ++k) best = std::max(best, plane[r * x.dims[3] + k]);
        }
        ys.push_back(best);
      }
    }
  }
  WriteAll(y, ys);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
