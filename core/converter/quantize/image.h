// Pictures as calibration data: decoding, and the steps of data_preprocess_param.
#ifndef CORE_CONVERTER_QUANTIZE_IMAGE_H_
#define CORE_CONVERTER_QUANTIZE_IMAGE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/converter/quant_config.h"

namespace mirin::converter {

struct Image {
  int width = 0, height = 0;
  int channels = 0;           // 1 or 3
  std::vector<float> pixels;  // rows of pixels of channels, from 0 to 255 as decoded

  float* at(int x, int y) {
    return pixels.data() +
           (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) *
               static_cast<size_t>(channels);
  }
  const float* at(int x, int y) const { return const_cast<Image*>(this)->at(x, y); }
};

// A PNG or JPEG file: RGB, or grey where it has no colours. The system's libpng and libjpeg are opened when they are needed: Unimplemented
// where they are missing, DataLoss for a damaged picture.
absl::StatusOr<Image> DecodeImage(absl::string_view bytes);

// Sampling at the middle of pixels: NEAREST the pixel below it, LINEAR of two by two, CUBIC of four by four (a = -0.75).
Image Resized(const Image& image, int width, int height, CalibrationData::Resize method);
// InvalidArgument when the picture is smaller.
absl::StatusOr<Image> CenterCropped(const Image& image, int width, int height);
// "RGB", "BGR" or "GRAY".
Image InFormat(const Image& image, const std::string& format);

// All of it in the order: format, resize, crop, (pixel - mean) / deviation.
absl::StatusOr<Image> Preprocessed(Image image, const CalibrationData& steps);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_IMAGE_H_
