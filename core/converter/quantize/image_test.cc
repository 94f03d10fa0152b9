#include "core/converter/quantize/image.h"

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace mirin::converter {
namespace {

// 3 x 2 pixels of three channels; 2 x 1 of one; 8 x 8 of (200, 100, 50).
const char kColours[] =
    "89504e470d0a1a0a0000000d49484452000000030000000208020000001216f14d0000001749444154789c63f8cfc0"
    "c000c15c22721a46366e015100"
    "335904c0e42498cb0000000049454e44ae426082";
const char kGrey[] =
    "89504e470d0a1a0a0000000d4948445200000002000000010800000000d14920560000000b49444154789c63603f01"
    "0000d900d0d7a6223c00000000"
    "49454e44ae426082";
const char kJpeg[] =
    "ffd8ffe000104a46494600010100000100010000ffdb00430002010101010102010101020202020204030202020205"
    "04040304060506060605060606"
    "070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0affdb004301020202020202050303050a0706"
    "070a0a0a0a0a0a0a0a0a0a0a0a"
    "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0affc000110800080008"
    "03012200021101031101ffc400"
    "1500010100000000000000000000000000000005ffc40014100100000000000000000000000000000000ffc4001401"
    "01000000000000000000000000"
    "00000008ffc40014110100000000000000000000000000000000ffda000c03010002110311003f009e00ae6c3fffd"
    "9";

std::string File(const char* hex) { return absl::HexStringToBytes(hex); }

TEST(DecodeImage, ReadsPng) {
  const auto colours = DecodeImage(File(kColours));
  ASSERT_TRUE(colours.ok()) << colours.status();
  EXPECT_EQ(colours->width, 3);
  EXPECT_EQ(colours->height, 2);
  EXPECT_EQ(colours->channels, 3);
  EXPECT_EQ(colours->pixels, (std::vector<float>{255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40,
                                                 50, 60, 70, 80, 90}));
  const auto grey = DecodeImage(File(kGrey));
  ASSERT_TRUE(grey.ok()) << grey.status();
  EXPECT_EQ(grey->channels, 1);
  EXPECT_EQ(grey->pixels, (std::vector<float>{7, 200}));
}

TEST(DecodeImage, ReadsJpeg) {
  const auto image = DecodeImage(File(kJpeg));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->width, 8);
  EXPECT_EQ(image->height, 8);
  ASSERT_EQ(image->pixels.size(), 192u);
  for (size_t i = 0; i < image->pixels.size(); ++i)
    EXPECT_NEAR(image->pixels[i], i % 3 == 0 ? 200 : i % 3 == 1 ? 100 : 50, 2);
}

TEST(DecodeImage, RefusesWhatIsDamaged) {
  for (const char* file : {kColours, kJpeg}) {
    const std::string bytes = File(file);
    EXPECT_TRUE(absl::IsDataLoss(DecodeImage(bytes.substr(0, bytes.size() / 4)).status()));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(DecodeImage("GIF89a").status()));
}

TEST(Resized, SamplesAtTheMiddleOfPixels) {
  const Image image{2, 1, 1, {0, 100}};
  EXPECT_EQ(Resized(image, 4, 1, CalibrationData::Resize::kNearest).pixels,
            (std::vector<float>{0, 0, 100, 100}));
  EXPECT_EQ(Resized(image, 4, 1, CalibrationData::Resize::kLinear).pixels,
            (std::vector<float>{0, 25, 75, 100}));
  EXPECT_EQ(Resized(image, 2, 2, CalibrationData::Resize::kLinear).pixels,
            (std::vector<float>{0, 100, 0, 100}));
  // A flat picture stays flat, whatever the method.
  const Image flat{3, 3, 3, std::vector<float>(27, 9)};
  for (const float v : Resized(flat, 5, 4, CalibrationData::Resize::kCubic).pixels)
    EXPECT_NEAR(v, 9, 1e-5);
  // Weights -0.10546875, 0.87890625, 0.26171875, -0.03515625 at a quarter; the edge is repeated.
  EXPECT_NEAR(
      Resized(Image{4, 1, 1, {0, 0, 64, 0}}, 8, 1, CalibrationData::Resize::kCubic).pixels[3],
      64 * 0.26171875, 1e-4);
}

TEST(CenterCropped, TakesTheMiddle) {
  const auto cropped = CenterCropped(Image{4, 3, 1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}, 2, 1);
  ASSERT_TRUE(cropped.ok());
  EXPECT_EQ(cropped->pixels, (std::vector<float>{5, 6}));
  EXPECT_TRUE(absl::IsInvalidArgument(CenterCropped(Image{1, 1, 1, {0}}, 2, 1).status()));
}

TEST(InFormat, OrdersChannels) {
  const Image image{1, 1, 3, {100, 50, 10}};
  EXPECT_EQ(InFormat(image, "BGR").pixels, (std::vector<float>{10, 50, 100}));
  EXPECT_EQ(InFormat(image, "RGB").pixels, image.pixels);
  EXPECT_NEAR(InFormat(image, "GRAY").pixels[0], 0.299 * 100 + 0.587 * 50 + 0.114 * 10, 1e-4);
  EXPECT_EQ(InFormat(Image{1, 1, 1, {7}}, "RGB").pixels, (std::vector<float>{7, 7, 7}));
}

TEST(Preprocessed, DoesTheStepsInOrder) {
  CalibrationData steps;
  steps.image_to_format = "BGR";
  steps.resize_width = steps.resize_height = 2;
  steps.center_crop_width = 1;
  steps.center_crop_height = 2;
  steps.normalize_mean = {1, 2, 3};
  steps.normalize_std = {1, 2, 4};
  const auto image = Preprocessed(Image{1, 1, 3, {11, 6, 4}}, steps);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->width, 1);
  EXPECT_EQ(image->height, 2);
  EXPECT_EQ(image->pixels, (std::vector<float>{3, 2, 2, 3, 2, 2}));
  steps.normalize_mean = {1};
  EXPECT_TRUE(absl::IsInvalidArgument(Preprocessed(Image{1, 1, 3, {11, 6, 4}}, steps).status()));
}

}  // namespace
}  // namespace mirin::converter
