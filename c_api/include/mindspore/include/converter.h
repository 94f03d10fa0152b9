// Source compatibility with MindSpore Lite's C++ API: the converter, header only over
// mirin/converter.h. Link libmirin_converter.so.1 beside libmirin.so.1. One thread at a time uses
// an object; settings are checked when it converts, and Convert's status says which one was wrong.
#ifndef MINDSPORE_INCLUDE_CONVERTER_H
#define MINDSPORE_INCLUDE_CONVERTER_H

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "include/api/data_type.h"
#include "include/api/format.h"
#include "include/api/status.h"
#include "include/api/types.h"
#include "include/registry/converter_context.h"
#include "mirin/converter.h"

namespace mindspore {

class Converter {
 public:
  Converter() = default;
  Converter(converter::FmkType framework, const std::string& model_file,
            const std::string& output_file = "", const std::string& weight_file = "") {
    Name(framework, model_file, output_file, weight_file);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    for (std::string* key : {&decrypt_key_, &encrypt_key_}) key->assign(key->size(), '\0');
  }

  void SetConfigFile(const std::string& path) { config_file_ = path; }
  std::string GetConfigFile() const { return config_file_; }
  // Instead of a file. A section that is set again is replaced.
  void SetConfigInfo(const std::string& section, const std::map<std::string, std::string>& config) {
    config_info_[section] = config;
  }
  std::map<std::string, std::map<std::string, std::string>> GetConfigInfo() const {
    return config_info_;
  }
  void SetWeightFp16(bool weight_fp16) { weight_fp16_ = weight_fp16; }
  bool GetWeightFp16() const { return weight_fp16_; }
  void SetInputShape(const std::map<std::string, std::vector<int64_t>>& shapes) {
    input_shapes_ = shapes;
  }
  std::map<std::string, std::vector<int64_t>> GetInputShape() const { return input_shapes_; }
  // DEFAULT_FORMAT, the default: as in the model.
  void SetInputFormat(Format format) { input_format_ = format; }
  Format GetInputFormat() const { return input_format_; }
  // kTypeUnknown, the default: as in the model.
  void SetInputDataType(DataType type) { input_type_ = type; }
  DataType GetInputDataType() { return input_type_; }
  void SetOutputDataType(DataType type) { output_type_ = type; }
  DataType GetOutputDataType() { return output_type_; }
  // kMindIR; anything else is refused.
  void SetSaveType(ModelType type) { save_type_ = type; }
  ModelType GetSaveType() const { return save_type_; }
  void SetExportMindIR(bool mindir) { save_type_ = mindir ? kMindIR : kMindIR_Lite; }
  bool GetExportMindIR() const { return save_type_ == kMindIR; }
  // Keys are hexadecimal digits.
  void SetDecryptKey(const std::string& key) { decrypt_key_ = key; }
  std::string GetDecryptKey() const { return decrypt_key_; }
  void SetDecryptMode(const std::string& mode) { decrypt_mode_ = mode; }
  std::string GetDecryptMode() const { return decrypt_mode_; }
  void SetEnableEncryption(bool encryption) { encryption_ = encryption; }
  bool GetEnableEncryption() const { return encryption_; }
  void SetEncryptKey(const std::string& key) { encrypt_key_ = key; }
  std::string GetEncryptKey() const { return encrypt_key_; }
  void SetInfer(bool infer) { infer_ = infer; }
  bool GetInfer() const { return infer_; }
  void SetTrainModel(bool train_model) { train_model_ = train_model; }
  bool GetTrainModel() const { return train_model_; }
  void SetNoFusion(bool no_fusion) { no_fusion_ = no_fusion; }
  bool GetNoFusion() { return no_fusion_; }
  void SetOptimizeTransformer(bool optimize) { optimize_transformer_ = optimize; }
  bool GetOptimizeTransformer() { return optimize_transformer_; }
  // "": any. A device is refused: devices are chosen when the model is loaded.
  void SetDevice(const std::string& device) { device_ = device; }
  std::string GetDevice() { return device_; }

  // Writes the output file (.mindir is appended when it is missing), whole or not at all.
  Status Convert() {
    if (output_file_.empty()) return Status(kLiteInputParamInvalid, "no output file is given");
    Handle converter;
    return Run(output_file_, &converter);
  }
  Status Convert(converter::FmkType framework, const std::string& model_file,
                 const std::string& output_file, const std::string& weight_file = "") {
    Name(framework, model_file, output_file, weight_file);
    return Convert();
  }
  // The model in memory from malloc, which the caller frees; null, and why on stderr, on failure.
  void* Convert(size_t* data_size) {
    if (data_size == nullptr) return nullptr;
    Handle converter;
    const Status status = Run("", &converter);
    if (status.IsError()) {
      std::fprintf(stderr, "Converter::Convert: %s\n", status.ToString().c_str());
      return nullptr;
    }
    size_t size = 0;
    const void* model = mirin_converter_model(converter.get(), &size);
    void* copy = model == nullptr ? nullptr : std::malloc(size);
    if (copy == nullptr) return nullptr;
    std::memcpy(copy, model, size);
    *data_size = size;
    return copy;
  }

 private:
  struct Destroy {
    void operator()(mirin_converter* converter) const { mirin_converter_destroy(converter); }
  };
  using Handle = std::unique_ptr<mirin_converter, Destroy>;

  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, CloseFile>;

  void Name(converter::FmkType framework, const std::string& model_file,
            const std::string& output_file, const std::string& weight_file) {
    framework_ = framework;
    model_file_ = model_file;
    output_file_ = output_file;
    weight_file_ = weight_file;
  }

  static std::string NameOf(converter::FmkType framework) {
    switch (framework) {
      case converter::kFmkTypeTf:
        return "TF";
      case converter::kFmkTypeCaffe:
        return "CAFFE";
      case converter::kFmkTypeOnnx:
        return "ONNX";
      case converter::kFmkTypeMs:
        return "MINDIR";
      case converter::kFmkTypeTflite:
        return "TFLITE";
      case converter::kFmkTypePytorch:
        return "PYTORCH";
      default:
        return "framework " + std::to_string(static_cast<int>(framework));
    }
  }
  static std::string NameOf(DataType type) {
    switch (type) {
      case DataType::kTypeUnknown:
        return "DEFAULT";
      case DataType::kNumberTypeFloat32:
        return "FLOAT";
      case DataType::kNumberTypeFloat16:
        return "FLOAT16";
      case DataType::kNumberTypeInt8:
        return "INT8";
      case DataType::kNumberTypeUInt8:
        return "UINT8";
      case DataType::kNumberTypeInt32:
        return "INT32";
      case DataType::kNumberTypeInt64:
        return "INT64";
      default:
        return mirin_dtype_name(static_cast<mirin_dtype>(type));
    }
  }
  static std::string NameOf(Format format) {
    return format == NHWC ? "NHWC" : format == NCHW ? "NCHW" : "format " + std::to_string(format);
  }
  static const char* NameOf(bool value) { return value ? "true" : "false"; }

  std::string ShapesText() const {
    std::string text;
    for (const auto& input : input_shapes_) {
      const std::vector<int64_t>& shape = input.second;
      text += (text.empty() ? "" : ";") + input.first + ":";
      for (size_t i = 0; i < shape.size(); ++i)
        text += (i == 0 ? "" : ",") + std::to_string(shape[i]);
    }
    return text;
  }

  // The options by the names that converter_lite gives them; those left at their defaults are not
  // set.
  std::map<std::string, std::string> Options(const std::string& output_file) const {
    std::map<std::string, std::string> options = {
        {"fmk", NameOf(framework_)},
        {"modelFile", model_file_},
        {"outputFile", output_file},
        {"weightFile", weight_file_},
        {"configFile", config_file_},
        {"inputShape", ShapesText()},
        {"fp16", weight_fp16_ ? "on" : "off"},
        {"inputDataType", NameOf(input_type_)},
        {"outputDataType", NameOf(output_type_)},
        {"infer", NameOf(infer_)},
        {"trainModel", NameOf(train_model_)},
        {"optimize", no_fusion_ ? "none" : "general"},
        {"optimizeTransformer", NameOf(optimize_transformer_)},
        {"device", device_},
        {"saveType", save_type_ == kMindIR ? "MINDIR" : "MINDIR_LITE"},
    };
    if (input_format_ != DEFAULT_FORMAT) options["inputDataFormat"] = NameOf(input_format_);
    if (!decrypt_key_.empty()) {
      options["decryptKey"] = decrypt_key_;
      options["decryptMode"] = decrypt_mode_;
    }
    if (encryption_ || !encrypt_key_.empty()) {
      options["encryption"] = NameOf(encryption_);
      options["encryptKey"] = encrypt_key_;
    }
    return options;
  }

  // The sections as a file that has no name; it goes when it is closed.
  Status WriteConfig(File* file, std::string* path) const {
    file->reset(std::tmpfile());
    if (*file == nullptr) return Status(kLiteFileError, "no temporary file could be made");
    for (const auto& section : config_info_) {
      std::fprintf(file->get(), "[%s]\n", section.first.c_str());
      for (const auto& setting : section.second) {
        if ((section.first + setting.first + setting.second).find('\n') != std::string::npos) {
          return Status(kLiteInputParamInvalid,
                        "a setting of [" + section.first + "] has a line break");
        }
        std::fprintf(file->get(), "%s=%s\n", setting.first.c_str(), setting.second.c_str());
      }
    }
    if (std::fflush(file->get()) != 0)
      return Status(kLiteFileError, "a temporary file could not be written");
    *path = "/proc/self/fd/" + std::to_string(fileno(file->get()));
    return Status();
  }

  Status Run(const std::string& output_file, Handle* out) const {
    std::map<std::string, std::string> options = Options(output_file);
    File config;
    Status status;
    if (!config_info_.empty()) {
      if (!config_file_.empty()) {
        return Status(kLiteInputParamInvalid, "both a configuration file and sections are given");
      }
      status = WriteConfig(&config, &options["configFile"]);
    }
    mirin_converter* converter = nullptr;
    if (status.IsOk()) status = internal::FromMirin(mirin_converter_create(&converter));
    out->reset(converter);
    for (const auto& option : options) {
      if (status.IsOk() && !option.second.empty()) {
        status = internal::FromMirin(
            mirin_converter_set(converter, option.first.c_str(), option.second.c_str()));
      }
    }
    for (const char* key : {"decryptKey", "encryptKey"}) {
      std::string& text = options[key];
      text.assign(text.size(), '\0');
    }
    return status.IsOk() ? internal::FromMirin(mirin_converter_run(converter)) : status;
  }

  converter::FmkType framework_ = converter::kFmkTypeTf;
  std::string model_file_, output_file_, weight_file_, config_file_;
  std::map<std::string, std::map<std::string, std::string>> config_info_;
  std::map<std::string, std::vector<int64_t>> input_shapes_;
  Format input_format_ = DEFAULT_FORMAT;
  DataType input_type_ = DataType::kTypeUnknown, output_type_ = DataType::kTypeUnknown;
  ModelType save_type_ = kMindIR;
  bool weight_fp16_ = false, encryption_ = false, infer_ = false, train_model_ = false;
  bool no_fusion_ = false, optimize_transformer_ = false;
  std::string device_, decrypt_key_, decrypt_mode_ = kDecModeAesGcm, encrypt_key_;
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_CONVERTER_H
