#include "core/converter/quantize/image.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::converter {
namespace {

// The samples that make up one sample of a resized axis.
struct Taps {
  int first = 0;  // may lie outside: the edge is repeated
  int count = 1;
  double weights[4] = {1, 0, 0, 0};
};

Taps TapsAt(int to, double scale, CalibrationData::Resize method) {
  Taps t;
  if (method == CalibrationData::Resize::kNearest) {
    t.first = static_cast<int>(to * scale);
    return t;
  }
  const double at = (to + 0.5) * scale - 0.5, below = std::floor(at), part = at - below;
  if (method == CalibrationData::Resize::kLinear) {
    t.first = static_cast<int>(below);
    t.count = 2;
    t.weights[0] = 1 - part;
    t.weights[1] = part;
    return t;
  }
  constexpr double kA = -0.75;
  t.first = static_cast<int>(below) - 1;
  t.count = 4;
  for (int i = 0; i < 4; ++i) {
    const double d = std::fabs(part + 1 - i);
    t.weights[i] = d <= 1  ? ((kA + 2) * d - (kA + 3)) * d * d + 1
                   : d < 2 ? (((d - 5) * d + 8) * d - 4) * kA
                           : 0;
  }
  return t;
}

}  // namespace

Image Resized(const Image& image, int width, int height, CalibrationData::Resize method) {
  Image out{width, height, image.channels, {}};
  out.pixels.resize(static_cast<size_t>(width) * static_cast<size_t>(height) *
                    static_cast<size_t>(image.channels));
  for (int y = 0; y < height; ++y) {
    const Taps rows = TapsAt(y, static_cast<double>(image.height) / height, method);
    for (int x = 0; x < width; ++x) {
      const Taps columns = TapsAt(x, static_cast<double>(image.width) / width, method);
      for (int c = 0; c < image.channels; ++c) {
        double sum = 0;
        for (int i = 0; i < rows.count; ++i) {
          for (int j = 0; j < columns.count; ++j) {
            const int from_y = std::clamp(rows.first + i, 0, image.height - 1),
                      from_x = std::clamp(columns.first + j, 0, image.width - 1);
            sum += rows.weights[i] * columns.weights[j] * image.at(from_x, from_y)[c];
          }
        }
        out.at(x, y)[c] = static_cast<float>(sum);
      }
    }
  }
  return out;
}

absl::StatusOr<Image> CenterCropped(const Image& image, int width, int height) {
  if (width > image.width || height > image.height) {
    return absl::InvalidArgumentError(absl::StrCat("a picture of ", image.width, " x ",
                                                   image.height, " is smaller than the crop of ",
                                                   width, " x ", height));
  }
  const int left = (image.width - width) / 2, top = (image.height - height) / 2;
  Image out{width, height, image.channels, {}};
  for (int y = 0; y < height; ++y) {
    const float* row = image.at(left, top + y);
    out.pixels.insert(out.pixels.end(), row,
                      row + static_cast<size_t>(width) * static_cast<size_t>(image.channels));
  }
  return out;
}

Image InFormat(const Image& image, const std::string& format) {
  const int channels = format == "GRAY" ? 1 : 3;
  Image out{image.width, image.height, channels, {}};
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const float* p = image.at(x, y);
      const float r = p[0], g = image.channels == 1 ? r : p[1], b = image.channels == 1 ? r : p[2];
      if (format == "GRAY") {
        out.pixels.push_back(image.channels == 1 ? r : 0.299f * r + 0.587f * g + 0.114f * b);
      } else if (format == "BGR") {
        out.pixels.insert(out.pixels.end(), {b, g, r});
      } else {
        out.pixels.insert(out.pixels.end(), {r, g, b});
      }
    }
  }
  return out;
}

absl::StatusOr<Image> Preprocessed(Image image, const CalibrationData& steps) {
  if (!steps.image_to_format.empty()) image = InFormat(image, steps.image_to_format);
  if (steps.resize_width > 0)
    image = Resized(image, steps.resize_width, steps.resize_height, steps.resize_method);
  if (steps.center_crop_width > 0) {
    MIRIN_ASSIGN_OR_RETURN(image,
                           CenterCropped(image, steps.center_crop_width, steps.center_crop_height));
  }
  if (steps.normalize_mean.empty()) return image;
  const auto channels = static_cast<size_t>(image.channels);
  if (steps.normalize_mean.size() != channels) {
    return absl::InvalidArgumentError(
        absl::StrCat("normalize_mean has ", steps.normalize_mean.size(), " numbers, the picture ",
                     channels, " channels"));
  }
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<float>((image.pixels[i] - steps.normalize_mean[i % channels]) /
                                         steps.normalize_std[i % channels]);
  }
  return image;
}

}  // namespace mirin::converter
