#include "core/converter/quantize/calibration_data.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/npz.h"
#include "core/base/status.h"
#include "core/converter/quantize/image.h"

namespace mirin::converter {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 32;

// The folder's files in the order of their names, or the file itself.
absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return absl::NotFoundError(absl::StrCat("calibrate_path: '", path, "' does not exist"));
  if (!S_ISDIR(info.st_mode)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(error)) files.push_back(it->path().string());
  }
  if (error)
    return absl::PermissionDeniedError(
        absl::StrCat("calibrate_path: '", path, "': ", error.message()));
  if (files.empty())
    return absl::NotFoundError(absl::StrCat("calibrate_path: there are no files in '", path, "'"));
  std::sort(files.begin(), files.end());
  return files;
}

int64_t Limited(int64_t samples, const CalibrationData& config) {
  return config.size > 0 ? std::min<int64_t>(samples, config.size) : samples;
}

// -- one file a sample ---------------------------------------------------------------------------------------------------

// The shape that so many bytes give the input.
absl::StatusOr<Dims> ShapeFromBytes(const CalibrationInput& input, size_t bytes) {
  const Shape& shape = input.type.shape;
  if (!shape.rank_known())
    return absl::InvalidArgumentError("its rank is not known: give the input a shape");
  Dims dims = shape.dims();
  int open = -1;
  size_t known = SizeOf(input.type.dtype);
  for (int i = 0; i < shape.rank(); ++i) {
    if (dims[static_cast<size_t>(i)] >= 0) {
      known *= static_cast<size_t>(dims[static_cast<size_t>(i)]);
    } else if (open >= 0) {
      return absl::InvalidArgumentError(absl::StrCat("more than one dim of ", ToString(shape),
                                                     " is open: give the input a shape"));
    } else {
      open = i;
    }
  }
  if (known == 0 || (open < 0 && bytes != known) || bytes % known != 0) {
    return absl::InvalidArgumentError(absl::StrCat("has ", bytes, " bytes, ",
                                                   ir::ToString(input.type), " takes ",
                                                   open < 0 ? "" : "a multiple of ", known));
  }
  if (open >= 0) dims[static_cast<size_t>(open)] = static_cast<int64_t>(bytes / known);
  return dims;
}

absl::StatusOr<Tensor> ReadBinary(const CalibrationInput& input, absl::string_view bytes) {
  MIRIN_ASSIGN_OR_RETURN(const Dims dims, ShapeFromBytes(input, bytes.size()));
  MIRIN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(input.type.dtype, dims));
  if (!bytes.empty()) std::memcpy(tensor.mutable_data(), bytes.data(), bytes.size());
  return tensor;
}

bool Fits(int64_t dim, int64_t size) { return dim < 0 || dim == size; }

absl::StatusOr<Tensor> ReadImage(const CalibrationInput& input, absl::string_view bytes,
                                 const CalibrationData& steps) {
  const Shape& shape = input.type.shape;
  const bool is_float = input.type.dtype == DType::kFloat32;
  if (!is_float && input.type.dtype != DType::kUInt8)
    return absl::InvalidArgumentError(
        absl::StrCat("pictures for an input of ", Name(input.type.dtype)));
  if (!shape.rank_known() || shape.rank() != 4 || !Fits(shape.dim(0), 1)) {
    return absl::InvalidArgumentError(absl::StrCat("pictures for an input of shape ",
                                                   ToString(shape),
                                                   ", expected four axes and a batch of 1"));
  }
  MIRIN_ASSIGN_OR_RETURN(Image image, DecodeImage(bytes));
  MIRIN_ASSIGN_OR_RETURN(image, Preprocessed(std::move(image), steps));
  const bool first = Fits(shape.dim(1), image.channels) && Fits(shape.dim(2), image.height) &&
                     Fits(shape.dim(3), image.width);
  const bool last = Fits(shape.dim(1), image.height) && Fits(shape.dim(2), image.width) &&
                    Fits(shape.dim(3), image.channels);
  if (!first && !last) {
    return absl::InvalidArgumentError(
        absl::StrCat("a picture of ", image.height, " rows, ", image.width, " columns and ",
                     image.channels, " channels does not fit ", ToString(shape),
                     ": see image_to_format, resize_* and center_crop_*"));
  }
  const Dims dims = first ? Dims{1, image.channels, image.height, image.width}
                          : Dims{1, image.height, image.width, image.channels};
  MIRIN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(input.type.dtype, dims));
  const int64_t plane = int64_t{image.height} * image.width;
  for (int64_t i = 0; i < plane * image.channels; ++i) {
    const int64_t to = first ? i % image.channels * plane + i / image.channels : i;
    const float v = image.pixels[static_cast<size_t>(i)];
    if (is_float) {
      tensor.mutable_data_as<float>()[to] = v;
    } else {
      tensor.mutable_data_as<uint8_t>()[to] =
          static_cast<uint8_t>(std::min(std::max(v + 0.5f, 0.0f), 255.0f));
    }
  }
  return tensor;
}

class FileReader final : public CalibrationReader {
 public:
  static absl::StatusOr<std::unique_ptr<CalibrationReader>> Open(
      const CalibrationData& config, const std::vector<CalibrationInput>& inputs) {
    auto reader = std::make_unique<FileReader>();
    reader->config_ = config;
    reader->inputs_ = inputs;
    for (const auto& [name, folder] : config.folders) {
      if (std::none_of(inputs.begin(), inputs.end(),
                       [&n = name](const CalibrationInput& i) { return i.name == n; })) {
        return absl::NotFoundError(
            absl::StrCat("calibrate_path: the model has no input '", name, "'"));
      }
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto it = std::find_if(config.folders.begin(), config.folders.end(),
                                   [&](const auto& f) { return f.first == inputs[i].name; });
      if (it == config.folders.end())
        return absl::NotFoundError(
            absl::StrCat("calibrate_path has no data for the input '", inputs[i].name, "'"));
      MIRIN_ASSIGN_OR_RETURN(std::vector<std::string> files, FilesOf(it->second));
      const int64_t samples = Limited(static_cast<int64_t>(files.size()), config);
      if (i > 0 && samples != reader->samples_) {
        return absl::InvalidArgumentError(absl::StrCat("calibrate_path: ", files.size(),
                                                       " files for the input '", inputs[i].name,
                                                       "', ", reader->samples_, " for others"));
      }
      reader->samples_ = samples;
      reader->files_.push_back(std::move(files));
    }
    return std::unique_ptr<CalibrationReader>(std::move(reader));
  }

  absl::StatusOr<std::vector<Tensor>> Read(int64_t sample) const override {
    std::vector<Tensor> tensors;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const std::string& path = files_[i][static_cast<size_t>(sample)];
      MIRIN_ASSIGN_OR_RETURN(const FileBytes file, MapFile(path, kMaxFileBytes));
      absl::StatusOr<Tensor> tensor = config_.type == CalibrationData::Type::kImage
                                          ? ReadImage(inputs_[i], file.bytes, config_)
                                          : ReadBinary(inputs_[i], file.bytes);
      if (!tensor.ok())
        return Annotate(tensor.status(),
                        absl::StrCat(path, ", for the input '", inputs_[i].name, "'"));
      tensors.push_back(*std::move(tensor));
    }
    return tensors;
  }

 private:
  CalibrationData config_;
  std::vector<CalibrationInput> inputs_;
  std::vector<std::vector<std::string>> files_;
};

// -- arrays ----------------------------------------------------------------------------------------------------------------

// How one array splits into samples.
struct Split {
  NpzArray array;
  Dims dims;  // of a sample
  int64_t count = 0;

  static absl::StatusOr<Split> Of(NpzArray array, const CalibrationInput& input) {
    const Shape& shape = input.type.shape;
    Split split;
    const std::vector<int64_t>& dims = array.dims;
    if (array.dtype() == 0)
      return absl::InvalidArgumentError(absl::StrCat("has the dtype ", array.descr));
    if (!shape.rank_known() || dims.empty())
      return absl::InvalidArgumentError("samples cannot be told apart: give the input a shape");
    const auto rank = static_cast<size_t>(shape.rank());
    if (dims.size() == rank + 1) {
      split.count = dims[0];
      split.dims.assign(dims.begin() + 1, dims.end());
    } else if (dims.size() == rank) {
      const int64_t batch = std::max<int64_t>(1, shape.dim(0) < 0 ? 1 : shape.dim(0));
      if (dims[0] % batch != 0)
        return absl::InvalidArgumentError(absl::StrCat(
            "axis 0 has ", dims[0], " slices, no multiple of the input's batch of ", batch));
      split.count = dims[0] / batch;
      split.dims.assign(dims.begin(), dims.end());
      split.dims[0] = batch;
    }
    bool fits = split.dims.size() == rank && dims.size() >= rank;
    for (size_t i = 0; fits && i < rank; ++i)
      fits = Fits(shape.dim(static_cast<int>(i)), split.dims[i]);
    if (!fits)
      return absl::InvalidArgumentError(
          absl::StrCat("has the shape ", ToString(dims), ", the input ", ToString(shape)));
    split.array = std::move(array);
    return split;
  }

  absl::StatusOr<Tensor> At(int64_t sample, DType dtype) const {
    MIRIN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, dims));
    const int64_t first = sample * tensor.elements();
    VisitDType(
        dtype,
        [&](auto tag) {
          using T = typename decltype(tag)::type;
          for (int64_t i = 0; i < tensor.elements(); ++i) {
            tensor.mutable_data_as<T>()[i] =
                static_cast<T>(static_cast<std::conditional_t<std::is_integral_v<T>, T, float>>(
                    NumberAt(array.dtype(), array.bytes.data(), first + i)));
          }
          return 0;
        },
        0);
    return tensor;
  }
};

class NpzReader final : public CalibrationReader {
 public:
  static absl::StatusOr<std::unique_ptr<CalibrationReader>> Open(
      const CalibrationData& config, const std::vector<CalibrationInput>& inputs) {
    auto reader = std::make_unique<NpzReader>();
    reader->inputs_ = inputs;
    for (const auto& folder : config.folders) {
      MIRIN_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesOf(folder.second));
      for (const std::string& path : files)
        MIRIN_RETURN_IF_ERROR(Annotate(reader->AddArchive(path), path));
    }
    int64_t samples = 0;
    for (const Archive& archive : reader->archives_) samples += archive[0].count;
    reader->samples_ = Limited(samples, config);
    return std::unique_ptr<CalibrationReader>(std::move(reader));
  }

  absl::StatusOr<std::vector<Tensor>> Read(int64_t sample) const override {
    std::vector<Tensor> tensors;
    for (const Archive& archive : archives_) {
      if (sample >= archive[0].count) {
        sample -= archive[0].count;
        continue;
      }
      for (size_t i = 0; i < inputs_.size(); ++i) {
        MIRIN_ASSIGN_OR_RETURN(Tensor tensor, archive[i].At(sample, inputs_[i].type.dtype));
        tensors.push_back(std::move(tensor));
      }
      break;
    }
    return tensors;
  }

 private:
  using Archive = std::vector<Split>;  // by input

  absl::Status AddArchive(const std::string& path) {
    MIRIN_ASSIGN_OR_RETURN(auto arrays, ReadNpz(path));
    Archive archive;
    for (const CalibrationInput& input : inputs_) {
      const auto it = arrays.find(input.name);
      if (it == arrays.end())
        return absl::NotFoundError(absl::StrCat("has no array for the input '", input.name, "'"));
      absl::StatusOr<Split> split = Split::Of(std::move(it->second), input);
      if (!split.ok())
        return Annotate(split.status(), absl::StrCat("the array '", input.name, "'"));
      if (!archive.empty() && split->count != archive[0].count) {
        return absl::InvalidArgumentError(absl::StrCat("holds ", split->count, " samples of '",
                                                       input.name, "' and ", archive[0].count,
                                                       " of '", inputs_[0].name, "'"));
      }
      archive.push_back(*std::move(split));
    }
    archives_.push_back(std::move(archive));
    return absl::OkStatus();
  }

  std::vector<CalibrationInput> inputs_;
  std::vector<Archive> archives_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CalibrationReader>> OpenCalibration(
    const CalibrationData& config, const std::vector<CalibrationInput>& inputs) {
  if (inputs.empty())
    return absl::InvalidArgumentError("a model without inputs cannot be calibrated");
  auto reader = config.type == CalibrationData::Type::kNpz ? NpzReader::Open(config, inputs)
                                                           : FileReader::Open(config, inputs);
  if (reader.ok() && (*reader)->samples() == 0)
    return absl::InvalidArgumentError("there are no samples to calibrate with");
  return reader;
}

}  // namespace mirin::converter
