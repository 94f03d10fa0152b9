// Source compatibility with MindSpore Lite's C++ API: models that share their workspace. On a CPU
// nothing is shared, since a model's intermediate memory exists once a thread that runs it: a group
// says whether its models can be built, and each of them takes the memory that it needs.
// Thread-safe.
#ifndef MINDSPORE_INCLUDE_API_MODEL_GROUP_H
#define MINDSPORE_INCLUDE_API_MODEL_GROUP_H

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "include/api/model.h"

namespace mindspore {

enum class ModelGroupFlag : int {
  kShareWorkspace = 1,
  kShareWeight = 2,
  kShareWeightAndWorkspace = 3
};

class ModelGroup {
 public:
  explicit ModelGroup(ModelGroupFlag /*flag*/ = ModelGroupFlag::kShareWorkspace) {}
  ModelGroup(const ModelGroup&) = delete;
  ModelGroup& operator=(const ModelGroup&) = delete;

  Status AddModel(const std::vector<std::string>& paths) {
    if (paths.empty()) return Status(kLiteParamInvalid, "no models are given");
    const std::lock_guard<std::mutex> lock(mutex_);
    paths_.insert(paths_.end(), paths.begin(), paths.end());
    return Status();
  }
  // The memory is read by CalMaxSizeOfWorkspace and not after.
  Status AddModel(const std::vector<std::pair<const void*, size_t>>& buffers) {
    if (buffers.empty()) return Status(kLiteParamInvalid, "no models are given");
    const std::lock_guard<std::mutex> lock(mutex_);
    buffers_.insert(buffers_.end(), buffers.begin(), buffers.end());
    return Status();
  }
  // Builds each model once, with the context, and lets go of it.
  Status CalMaxSizeOfWorkspace(ModelType type, const std::shared_ptr<Context>& context) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (paths_.empty() && buffers_.empty()) {
      return Status(kLiteUninitializedObj, "the group has no models");
    }
    Status status;
    for (const std::string& path : paths_) {
      Model model;
      if (status.IsOk()) status = model.Build(path, type, context);
    }
    for (const auto& buffer : buffers_) {
      Model model;
      if (status.IsOk()) status = model.Build(buffer.first, buffer.second, type, context);
    }
    return status;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> paths_;
  std::vector<std::pair<const void*, size_t>> buffers_;
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_MODEL_GROUP_H
