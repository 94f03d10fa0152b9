// Decoding by the system's libraries, which only calibration with pictures needs: they are opened then, not linked.
#include <dlfcn.h>

#include <csetjmp>
#include <cstdio>

// clang-format off
#include <jpeglib.h>  // names FILE without including <cstdio>
#include <png.h>
// clang-format on

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/converter/quantize/image.h"
#include "core/converter/report.h"

namespace mirin::converter {
namespace {

constexpr int kMaxSide = 1 << 15;
constexpr int64_t kMaxPixels = int64_t{1} << 27;

absl::Status CheckSize(int64_t width, int64_t height) {
  if (width >= 1 && height >= 1 && width <= kMaxSide && height <= kMaxSide &&
      width * height <= kMaxPixels)
    return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("a picture of ", width, " x ", height));
}

// A library that stays open.
class Library {
 public:
  explicit Library(const char* name) : name_(name), handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {}
  template <typename Fn>
  bool Find(const char* symbol, Fn** out) const {
    *out = handle_ == nullptr ? nullptr : reinterpret_cast<Fn*>(dlsym(handle_, symbol));
    return *out != nullptr;
  }
  absl::Status Missing(absl::string_view kind) const {
    return Refuse(absl::StrCat(kind, " pictures: the library ", name_, " cannot be opened"),
                  "install it, or give the data as BIN or NPZ");
  }

 private:
  const char* name_;
  void* handle_;
};

Image FromBytes(int width, int height, int channels, const std::vector<unsigned char>& bytes) {
  return {width, height, channels, std::vector<float>(bytes.begin(), bytes.end())};
}

struct Png {
  Library library{"libpng16.so.16"};
  decltype(&png_image_begin_read_from_memory) begin;
  decltype(&png_image_finish_read) finish;
  decltype(&png_image_free) release;
  bool complete = false;

  Png() {
    complete = library.Find("png_image_begin_read_from_memory", &begin) &&
               library.Find("png_image_finish_read", &finish) &&
               library.Find("png_image_free", &release);
  }
};

absl::StatusOr<Image> DecodePng(absl::string_view bytes) {
  static const Png* const kPng = new Png();
  if (!kPng->complete) return kPng->library.Missing("PNG");
  png_image picture = {};
  picture.version = PNG_IMAGE_VERSION;
  if (kPng->begin(&picture, bytes.data(), bytes.size()) == 0)
    return absl::DataLossError(absl::StrCat("PNG: ", picture.message));
  const absl::Status size = CheckSize(picture.width, picture.height);
  if (!size.ok()) {
    kPng->release(&picture);
    return size;
  }
  const bool grey = (picture.format & PNG_FORMAT_FLAG_COLOR) == 0;
  picture.format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::vector<unsigned char> pixels(PNG_IMAGE_SIZE(picture));
  // What is transparent lies on black.
  const png_color black = {0, 0, 0};
  if (kPng->finish(&picture, &black, pixels.data(), 0, nullptr) == 0) {
    kPng->release(&picture);
    return absl::DataLossError(absl::StrCat("PNG: ", picture.message));
  }
  return FromBytes(static_cast<int>(picture.width), static_cast<int>(picture.height), grey ? 1 : 3,
                   pixels);
}

struct Jpeg {
  Library library{"libjpeg.so.62"};
  decltype(&jpeg_std_error) std_error;
  decltype(&jpeg_CreateDecompress) create;
  decltype(&jpeg_mem_src) source;
  decltype(&jpeg_read_header) read_header;
  decltype(&jpeg_start_decompress) start;
  decltype(&jpeg_read_scanlines) read_lines;
  decltype(&jpeg_destroy_decompress) destroy;
  bool complete = false;

  Jpeg() {
    complete = library.Find("jpeg_std_error", &std_error) &&
               library.Find("jpeg_CreateDecompress", &create) &&
               library.Find("jpeg_mem_src", &source) &&
               library.Find("jpeg_read_header", &read_header) &&
               library.Find("jpeg_start_decompress", &start) &&
               library.Find("jpeg_read_scanlines", &read_lines) &&
               library.Find("jpeg_destroy_decompress", &destroy);
  }
};

// libjpeg leaves by longjmp.
struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf leave;
  char message[JMSG_LENGTH_MAX];
};

// Nothing with a destructor lives in here: libjpeg may jump out. `step` 0 reads the header, 1 the pixels too.
bool ReadJpeg(const Jpeg& jpeg, jpeg_decompress_struct* d, JpegErrors* errors,
              absl::string_view bytes, unsigned char* pixels) {
  d->err = jpeg.std_error(&errors->base);
  errors->base.error_exit = [](j_common_ptr common) {
    auto* own = reinterpret_cast<JpegErrors*>(common->err);
    common->err->format_message(common, own->message);
    std::longjmp(own->leave, 1);
  };
  errors->base.output_message = [](j_common_ptr) {};
  if (setjmp(errors->leave) != 0) return false;
  jpeg.create(d, JPEG_LIB_VERSION, sizeof(jpeg_decompress_struct));
  jpeg.source(d, reinterpret_cast<const unsigned char*>(bytes.data()),
              static_cast<unsigned long>(bytes.size()));
  jpeg.read_header(d, 1);
  if (pixels == nullptr) return true;
  d->out_color_space = d->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg.start(d);
  while (d->output_scanline < d->output_height) {
    unsigned char* row = pixels + static_cast<size_t>(d->output_scanline) * d->output_width *
                                      static_cast<size_t>(d->output_components);
    jpeg.read_lines(d, &row, 1);
  }
  return true;
}

absl::StatusOr<Image> DecodeJpeg(absl::string_view bytes) {
  static const Jpeg* const kJpeg = new Jpeg();
  if (!kJpeg->complete) return kJpeg->library.Missing("JPEG");
  jpeg_decompress_struct d = {};
  JpegErrors errors = {};
  bool read = ReadJpeg(*kJpeg, &d, &errors, bytes, nullptr);
  const int width = static_cast<int>(d.image_width), height = static_cast<int>(d.image_height),
            channels = d.num_components == 1 ? 1 : 3;
  kJpeg->destroy(&d);
  if (read) {
    MIRIN_RETURN_IF_ERROR(CheckSize(width, height));
    std::vector<unsigned char> pixels(static_cast<size_t>(width) * static_cast<size_t>(height) *
                                      static_cast<size_t>(channels));
    d = {};
    read = ReadJpeg(*kJpeg, &d, &errors, bytes, pixels.data());
    kJpeg->destroy(&d);
    if (read) return FromBytes(width, height, channels, pixels);
  }
  return absl::DataLossError(absl::StrCat("JPEG: ", errors.message));
}

}  // namespace

absl::StatusOr<Image> DecodeImage(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "\x89PNG\r\n\x1a\n")) return DecodePng(bytes);
  if (absl::StartsWith(bytes, "\xff\xd8\xff")) return DecodeJpeg(bytes);
  return absl::InvalidArgumentError("the file is no PNG or JPEG picture");
}

}  // namespace mirin::converter
