// Source compatibility with MindSpore Lite's C++ API: loading files.
#ifndef MINDSPORE_INCLUDE_API_SERIALIZATION_H
#define MINDSPORE_INCLUDE_API_SERIALIZATION_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "include/api/graph.h"
#include "include/api/types.h"

namespace mindspore {

class Model;

namespace internal {

inline Status ModelOptions(const Key& key, const std::string& mode, mirin_model_options* options) {
  if (key.len == 0) return Status();
  options->key = key.key;
  options->key_size = key.len;
  if (mode.empty()) {
    options->cipher = MIRIN_CIPHER_AUTO;
  } else if (mode == kDecModeAesGcm) {
    options->cipher = MIRIN_CIPHER_AES_GCM;
  } else if (mode == "AES-CBC") {
    options->cipher = MIRIN_CIPHER_AES_CBC;
  } else if (mode == "SM4-CBC") {
    options->cipher = MIRIN_CIPHER_SM4_CBC;
  } else {
    return Status(kLiteParamInvalid,
                  "unknown decryption mode '" + mode + "': AES-GCM, AES-CBC or SM4-CBC");
  }
  return Status();
}

inline Status LoadModel(const std::string* path, const void* data, size_t size, ModelType type,
                        const Key& key, const std::string& mode, const mirin_config* config,
                        std::shared_ptr<mirin_model>* out) {
  if (type != kMindIR && type != kMindIR_Lite)
    return Status(kLiteParamInvalid, "the model type is not MindIR");
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  Status status = ModelOptions(key, mode, &options);
  if (status.IsError()) return status;
  options.config = config;
  mirin_model* model = nullptr;
  status = FromMirin(path != nullptr ? mirin_model_load_file(path->c_str(), &options, &model)
                                     : mirin_model_load_memory(data, size, &options, &model));
  if (status.IsOk()) *out = std::shared_ptr<mirin_model>(model, mirin_model_destroy);
  return status;
}

}  // namespace internal

class Serialization {
 public:
  static Status Load(const std::string& file, ModelType type, Graph* graph, const Key& key = {},
                     const std::string& mode = kDecModeAesGcm) {
    return Finish(&file, nullptr, 0, type, graph, key, mode);
  }
  static Status Load(const void* data, size_t size, ModelType type, Graph* graph,
                     const Key& key = {}, const std::string& mode = kDecModeAesGcm) {
    return Finish(nullptr, data, size, type, graph, key, mode);
  }
  // Models of several files, parameters apart from graphs, and writing models are not Lite's
  // business or not inference.
  static Status Load(const std::vector<std::string>&, ModelType, std::vector<Graph>*,
                     const Key& = {}, const std::string& = kDecModeAesGcm) {
    return Unsupported("loading several files at once");
  }
  static Status SetParameters(const std::map<std::string, Buffer>&, Model*) {
    return Unsupported("SetParameters");
  }
  static Status ExportModel(const Model&, ModelType, Buffer*, QuantizationType = kNoQuant,
                            bool = true, const std::vector<std::string>& = {}) {
    return Unsupported("ExportModel");
  }
  static Status ExportModel(const Model&, ModelType, const std::string&,
                            QuantizationType = kNoQuant, bool = true,
                            const std::vector<std::string>& = {}) {
    return Unsupported("ExportModel");
  }

 private:
  static Status Unsupported(const std::string& what) {
    return Status(kLiteNotSupport, what + " is not supported by this inference runtime");
  }
  static Status Finish(const std::string* path, const void* data, size_t size, ModelType type,
                       Graph* graph, const Key& key, const std::string& mode) {
    if (graph == nullptr) return Status(kLiteNullptr, "graph is null");
    std::shared_ptr<mirin_model> model;
    const Status status = internal::LoadModel(path, data, size, type, key, mode, nullptr, &model);
    if (status.IsOk()) *graph = Graph(std::move(model));
    return status;
  }
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_SERIALIZATION_H
