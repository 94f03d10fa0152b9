// Of this layer, not of the original: models for other input shapes than their file has.
#ifndef MINDSPORE_INCLUDE_API_RESHAPE_H
#define MINDSPORE_INCLUDE_API_RESHAPE_H

#include <memory>
#include <utility>
#include <vector>

#include "include/api/types.h"

namespace mindspore {
namespace internal {

// One shape for each input of a model.
class InputShapes {
 public:
  explicit InputShapes(std::vector<std::vector<int64_t>> shapes) : shapes_(std::move(shapes)) {
    for (const std::vector<int64_t>& shape : shapes_) {
      dims_.push_back(shape.data());
      ranks_.push_back(shape.size());
    }
  }
  InputShapes(const InputShapes&) = delete;
  InputShapes& operator=(const InputShapes&) = delete;

  // Whether sessions of the model take these shapes. That there is one for each input is theirs to
  // check.
  bool Fit(const mirin_model* model) const {
    for (size_t i = 0; i < shapes_.size(); ++i) {
      if (mirin_model_input_rank(model, i) < 0) continue;
      if (!HasRank(model, i, shapes_[i].size())) return false;
      const int64_t* declared = mirin_model_input_dims(model, i);
      for (size_t k = 0; k < shapes_[i].size(); ++k) {
        if (declared[k] != -1 && declared[k] != shapes_[i][k]) return false;
      }
    }
    return true;
  }

  Status Resize(mirin_session* session) const {
    return FromMirin(mirin_session_resize(session, dims_.data(), ranks_.data(), shapes_.size()));
  }

  // The model for these shapes; axes that it leaves open stay so.
  Status Reshape(const mirin_model* model, std::shared_ptr<mirin_model>* reshaped) const {
    std::vector<std::vector<int64_t>> shapes = shapes_;
    for (size_t i = 0; i < shapes.size(); ++i) {
      const bool open = mirin_model_input_rank(model, i) < 0;
      if (!open && !HasRank(model, i, shapes[i].size())) continue;
      const int64_t* declared = mirin_model_input_dims(model, i);
      for (size_t k = 0; k < shapes[i].size(); ++k) {
        if (open || declared[k] == -1) shapes[i][k] = -1;
      }
    }
    const InputShapes opened(std::move(shapes));
    mirin_model* made = nullptr;
    const Status status = FromMirin(mirin_model_reshape(
        model, opened.dims_.data(), opened.ranks_.data(), opened.dims_.size(), &made));
    if (status.IsOk()) *reshaped = std::shared_ptr<mirin_model>(made, mirin_model_destroy);
    return status;
  }

 private:
  static bool HasRank(const mirin_model* model, size_t i, size_t rank) {
    return static_cast<int64_t>(rank) == mirin_model_input_rank(model, i);
  }

  std::vector<std::vector<int64_t>> shapes_;
  std::vector<const int64_t*> dims_;
  std::vector<size_t> ranks_;
};

}  // namespace internal
}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_RESHAPE_H
