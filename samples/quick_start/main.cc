// Classifies PNG images of handwritten digits with a MindIR model through MindSpore Lite's C++ API.
//   quick_start_cc [DIRECTORY]   DIRECTORY holds digits.mindir and images/ (default: the data of
//   this sample)
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "include/api/model.h"

namespace {

constexpr int kSide = 8, kDigits = 10;

// Reads an 8 x 8 image as grey values in 0..1.
bool ReadImage(const std::string& path, float* pixels) {
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) return false;
  image.format = PNG_FORMAT_GRAY;
  std::array<unsigned char, kSide * kSide> bytes;
  if (image.width != kSide || image.height != kSide ||
      png_image_finish_read(&image, nullptr, bytes.data(), 0, nullptr) == 0) {
    png_image_free(&image);
    return false;
  }
  for (const unsigned char byte : bytes) *pixels++ = static_cast<float>(byte) / 255.0f;
  return true;
}

mindspore::Status Classify(mindspore::Model* model, const std::filesystem::path& image) {
  std::vector<mindspore::MSTensor> inputs = model->GetInputs(), outputs;
  if (!ReadImage(image.string(), static_cast<float*>(inputs[0].MutableData()))) {
    return mindspore::Status(mindspore::kLiteFileError, image.string() + " is no 8 x 8 PNG");
  }
  mindspore::Status status = model->Predict(inputs, &outputs);
  if (status.IsError()) return status;
  const auto* logits = static_cast<const float*>(outputs[0].Data().get());
  const auto best = std::max_element(logits, logits + kDigits) - logits;
  float sum = 0;
  for (int d = 0; d < kDigits; ++d) sum += std::exp(logits[d] - logits[best]);
  std::printf("%s  %d  %.2f\n", image.filename().c_str(), static_cast<int>(best), 1.0 / sum);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "samples/quick_start/data";
  auto context = std::make_shared<mindspore::Context>();
  context->MutableDeviceInfo().push_back(std::make_shared<mindspore::CPUDeviceInfo>());
  mindspore::Model model;
  mindspore::Status status = model.Build(directory + "/digits.mindir", mindspore::kMindIR, context);

  std::vector<std::filesystem::path> images;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/images", error)) {
    if (entry.path().extension() == ".png") images.push_back(entry.path());
  }
  if (error) status = mindspore::Status(mindspore::kLiteFileError, error.message());
  std::sort(images.begin(), images.end());
  for (const auto& image : images) {
    if (status.IsOk()) status = Classify(&model, image);
  }
  if (status.IsError()) std::cerr << "quick_start: " << status << "\n";
  return status.IsOk() ? 0 : 1;
}
