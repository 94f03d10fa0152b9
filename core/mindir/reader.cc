#include "core/mindir/reader.h"

#include <openssl/crypto.h>

#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/mindir/container.h"
#include "core/mindir/dequantize.h"
#include "core/mindir/lower.h"
#include "core/mindir/raw_model.h"

namespace mirin::mindir {
namespace {

// The files of one model: decrypts, keeps them alive, and makes tensors of their bytes.
class ModelFiles {
 public:
  // `directory`: with its slash at the end, or empty for the process's own.
  ModelFiles(std::string directory, bool has_directory, const ReadOptions& options)
      : directory_(std::move(directory)), has_directory_(has_directory), options_(options) {}

  // The plain bytes of a file that was mapped or given.
  absl::StatusOr<FileBytes> Open(FileBytes file) {
    MIRIN_ASSIGN_OR_RETURN(FileBytes plain, Plain(std::move(file)));
    if (options_.sources != nullptr) options_.sources->files.push_back(plain);
    return plain;
  }

  void set_main(FileBytes file) { main_ = std::move(file); }
  const FileBytes& main() const { return main_; }

  absl::StatusOr<Tensor> Load(const RawTensor& raw) {
    auto tensor = LoadBytes(raw);
    if (tensor.ok()) return tensor;
    return Annotate(tensor.status(), absl::StrCat("tensor '", raw.name, "'"));
  }

 private:
  absl::StatusOr<FileBytes> Plain(FileBytes file) const {
    if (!IsContainer(file.bytes)) {
      if (options_.mode != CipherMode::kNone) {
        return absl::InvalidArgumentError(
            "a decryption mode was given, but the model is not encrypted");
      }
      return file;
    }
    MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<const std::string> plain,
                           Decrypt(file.bytes, options_.key, options_.mode));
    if (options_.sources != nullptr) options_.sources->encrypted = true;
    FileBytes result;
    result.bytes = *plain;
    result.owner = std::move(plain);
    return result;
  }

  absl::StatusOr<Tensor> LoadBytes(const RawTensor& raw) {
    const DType dtype = DTypeFromProto(raw.data_type);
    if (dtype == DType::kUnknown)
      return absl::UnimplementedError(absl::StrCat("unsupported dtype ", raw.data_type));
    if (raw.compression != 0)
      return absl::UnimplementedError(absl::StrCat("compression type ", raw.compression));
    MIRIN_ASSIGN_OR_RETURN(const size_t bytes, CheckedBytes(dtype, raw.dims));
    absl::string_view data = raw.raw;
    std::shared_ptr<const void> owner = main_.owner;
    if (raw.external) {
      MIRIN_ASSIGN_OR_RETURN(const FileBytes* file, External(raw.location));
      if (raw.offset < 0 || raw.length < 0 ||
          static_cast<uint64_t>(raw.offset) > file->bytes.size() ||
          static_cast<uint64_t>(raw.length) >
              file->bytes.size() - static_cast<uint64_t>(raw.offset)) {
        return absl::DataLossError(absl::StrCat("bytes ", raw.offset, " to ", raw.offset, "+",
                                                raw.length, " lie outside '", raw.location, "' (",
                                                file->bytes.size(), " bytes)"));
      }
      data = file->bytes.substr(static_cast<size_t>(raw.offset), static_cast<size_t>(raw.length));
      owner = file->owner;
    }
    if (dtype == DType::kString) {
      if (!raw.dims.empty()) return absl::UnimplementedError("string tensors of rank 1 or more");
      return Tensor::FromStrings({}, {std::string(data)});
    }
    if (!raw.quant_params.empty()) {
      auto restored = Dequantize(raw, dtype, data);
      if (!restored.ok() || restored->valid()) return restored;
    }
    if (data.size() != bytes) {
      return absl::DataLossError(absl::StrCat("has ", data.size(), " bytes, ", Name(dtype),
                                              ToString(raw.dims), " takes ", bytes));
    }
    return Tensor::Borrow(dtype, raw.dims, data.data(), std::move(owner));
  }

  // Weight files lie at or below the model's directory; nothing else may be opened on a model's word.
  absl::StatusOr<const FileBytes*> External(absl::string_view location) {
    auto it = external_.find(std::string(location));
    if (it != external_.end()) return &it->second;
    if (!has_directory_) {
      return absl::FailedPreconditionError(
          "the model has external weights, which one from memory finds only where [model_file] "
          "mindir_path says");
    }
    bool safe = !location.empty() && location.front() != '/' &&
                location.find('\0') == absl::string_view::npos;
    for (absl::string_view part : absl::StrSplit(location, '/')) safe &= part != "..";
    if (!safe) {
      return absl::InvalidArgumentError(
          absl::StrCat("the weight file '", location, "' is not below the model's directory"));
    }
    MIRIN_ASSIGN_OR_RETURN(FileBytes mapped, MapFile(absl::StrCat(directory_, location),
                                                     options_.limits.max_file_bytes));
    MIRIN_ASSIGN_OR_RETURN(FileBytes file, Open(std::move(mapped)));
    if (file.bytes.empty() || file.bytes[0] != 1) {
      return absl::DataLossError(
          absl::StrCat("'", location, "' is not a weight file of a little-endian machine"));
    }
    return &external_.emplace(std::string(location), std::move(file)).first->second;
  }

  const std::string directory_;
  const bool has_directory_;
  const ReadOptions& options_;
  FileBytes main_;
  std::map<std::string, FileBytes> external_;
};

absl::StatusOr<std::unique_ptr<ir::Module>> Read(ModelFiles* files, const ReadOptions& options) {
  MIRIN_ASSIGN_OR_RETURN(const RawModel raw, ParseModel(files->main().bytes, options.limits));
  const TensorLoader load = [files](const RawTensor& tensor) { return files->Load(tensor); };
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module,
                         Lower(raw, load, options.limits, options.inspection));
  auto& metadata = module->metadata();
  metadata["ir_version"] = raw.ir_version;
  metadata["producer_name"] = raw.producer_name;
  metadata["model_version"] = raw.model_version;
  metadata["mind_ir_version"] = absl::StrCat(raw.mind_ir_version);
  if (!raw.preprocessor.empty()) metadata["preprocessor"] = raw.preprocessor;
  for (const auto& [key, value] : raw.user_info) {
    // What the format has no place for, from our own writer.
    if (key == "mirin/outputs") {
      std::vector<std::string> names = absl::StrSplit(value, '\n');
      if (names.size() == module->output_names().size()) module->set_output_names(std::move(names));
    } else if (key == "mirin/preprocessor") {
      metadata["preprocessor"] = value;
    } else {
      metadata[absl::StrCat("user_info/", key)] = value;
    }
  }
  return module;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> ReadFile(const std::string& path,
                                                     const ReadOptions& options) {
  const size_t slash = path.rfind('/');
  ModelFiles files(slash == std::string::npos ? "" : path.substr(0, slash + 1), true, options);
  MIRIN_ASSIGN_OR_RETURN(FileBytes mapped, MapFile(path, options.limits.max_file_bytes));
  auto plain = files.Open(std::move(mapped));
  if (!plain.ok()) return Annotate(plain.status(), path);
  files.set_main(*std::move(plain));
  auto module = Read(&files, options);
  if (!module.ok()) return Annotate(module.status(), path);
  return module;
}

absl::StatusOr<std::unique_ptr<ir::Module>> ReadBuffer(absl::string_view bytes,
                                                       std::shared_ptr<const void> owner,
                                                       const ReadOptions& options) {
  if (bytes.empty()) return absl::InvalidArgumentError("the model is empty");
  FileBytes given;
  if (owner == nullptr) {
    auto copy = std::make_shared<const std::string>(bytes);
    given.bytes = *copy;
    given.owner = std::move(copy);
  } else {
    given.bytes = bytes;
    given.owner = std::move(owner);
  }
  std::string directory = options.weights_directory;
  if (!directory.empty() && directory.back() != '/') directory += '/';
  ModelFiles files(directory, !directory.empty(), options);
  MIRIN_ASSIGN_OR_RETURN(FileBytes plain, files.Open(std::move(given)));
  files.set_main(std::move(plain));
  return Read(&files, options);
}

}  // namespace mirin::mindir
