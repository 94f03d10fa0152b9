// Of this layer, not of the original: MSTensors as the C API's tensors for a run, and back.
#ifndef MINDSPORE_INCLUDE_API_RUN_TENSORS_H
#define MINDSPORE_INCLUDE_API_RUN_TENSORS_H

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "include/api/types.h"

namespace mindspore {
namespace internal {

inline MSTensor DeclaredTensor(const char* name, mirin_dtype dtype, const int64_t* dims,
                               int32_t rank) {
  MSTensor tensor;
  tensor.SetTensorName(name);
  tensor.impl()->type = static_cast<DataType>(dtype);
  if (rank < 0) {
    tensor.impl()->shape = {-1};
  } else {
    tensor.impl()->shape.assign(dims, dims + rank);
  }
  return tensor;
}

inline std::vector<MSTensor> DeclaredInputs(const mirin_model* m) {
  std::vector<MSTensor> out;
  for (size_t i = 0; i < mirin_model_input_count(m); ++i) {
    out.push_back(DeclaredTensor(mirin_model_input_name(m, i), mirin_model_input_dtype(m, i),
                                 mirin_model_input_dims(m, i), mirin_model_input_rank(m, i)));
  }
  return out;
}

inline std::vector<MSTensor> DeclaredOutputs(const mirin_model* m) {
  std::vector<MSTensor> out;
  for (size_t i = 0; i < mirin_model_output_count(m); ++i) {
    out.push_back(DeclaredTensor(mirin_model_output_name(m, i), mirin_model_output_dtype(m, i),
                                 mirin_model_output_dims(m, i), mirin_model_output_rank(m, i)));
  }
  return out;
}

// mirin tensors over the memory of MSTensors, for one call.
class Wrapped {
 public:
  ~Wrapped() {
    for (mirin_tensor* t : tensors_) mirin_tensor_destroy(t);
  }
  Status Add(const MSTensor& tensor) {
    if (tensor == nullptr)
      return Status(kLiteNullptr, "tensor " + std::to_string(tensors_.size()) + " is null");
    if (tensor.IsDevice())
      return Status(kLiteNotSupport, "tensor '" + tensor.Name() +
                                         "' lies on a device, which this build has none of");
    mirin_tensor* made = nullptr;
    const MSTensor::Impl& t = *tensor.impl();
    if (t.type == DataType::kObjectTypeString) {
      if (static_cast<size_t>(t.Elements()) != t.strings.size()) {
        return Status(kLiteInputParamInvalid,
                      "tensor '" + t.name + "' has " + std::to_string(t.strings.size()) +
                          " texts, its shape is for " + std::to_string(t.Elements()));
      }
      std::vector<const char*> texts;
      std::vector<size_t> sizes;
      for (const std::string& s : t.strings) {
        texts.push_back(s.data());
        sizes.push_back(s.size());
      }
      const Status status = FromMirin(mirin_tensor_create_strings(
          t.shape.data(), t.shape.size(), texts.data(), sizes.data(), &made));
      if (status.IsError()) return status;
    } else {
      static char nothing[1];
      void* data = tensor.impl()->Mutable();
      if (data == nullptr && t.Bytes() > 0) {
        return Status(kLiteMemoryFailed, "tensor '" + t.name + "': no memory for " +
                                             std::to_string(t.Bytes()) + " bytes");
      }
      const Status status = FromMirin(mirin_tensor_create_borrowed(
          static_cast<mirin_dtype>(t.type), t.shape.data(), t.shape.size(),
          data == nullptr ? nothing : data, t.Bytes(), &made));
      if (status.IsError())
        return Status(status.MirinCode(), status.StatusCode(),
                      "tensor '" + t.name + "': " + status.ToString());
    }
    tensors_.push_back(made);
    return Status();
  }
  mirin_tensor* const* data() const { return tensors_.data(); }
  const mirin_tensor* const* const_data() const {
    return const_cast<const mirin_tensor* const*>(tensors_.data());
  }
  size_t size() const { return tensors_.size(); }

 private:
  std::vector<mirin_tensor*> tensors_;
};

// A result, whose memory goes with the last tensor that refers to it.
inline void TakeResult(const std::shared_ptr<mirin_tensor>& from, MSTensor* to) {
  MSTensor::Impl& t = *to->impl();
  t.type = static_cast<DataType>(mirin_tensor_dtype(from.get()));
  t.shape.assign(mirin_tensor_dims(from.get()),
                 mirin_tensor_dims(from.get()) + mirin_tensor_rank(from.get()));
  t.data = std::shared_ptr<void>(from, mirin_tensor_mutable_data(from.get()));
  t.is_result = true;
  t.strings.clear();
  if (t.type != DataType::kObjectTypeString) return;
  for (int64_t i = 0; i < mirin_tensor_elements(from.get()); ++i) {
    size_t size = 0;
    const char* text = mirin_tensor_string(from.get(), i, &size);
    t.strings.emplace_back(text, size);
  }
}

inline Status NoCallbacks() {
  return Status(kLiteNotSupport, "callbacks per operator are not supported; use a profile");
}

// Whether a run is to write into these tensors: one an output, each with memory that the user gave
// it.
inline bool AreGiven(const std::vector<MSTensor>& outputs, size_t count) {
  return !outputs.empty() && outputs.size() == count &&
         std::all_of(outputs.begin(), outputs.end(), [](const MSTensor& output) {
           return output != nullptr && output.impl()->data != nullptr && !output.impl()->is_result;
         });
}

inline Status WrapAll(const std::vector<MSTensor>& tensors, Wrapped* wrapped) {
  for (const MSTensor& tensor : tensors) {
    const Status status = wrapped->Add(tensor);
    if (status.IsError()) return status;
  }
  return Status();
}

// After a run into the user's tensors: the shapes of the results.
inline void TakeShapes(const Wrapped& from, std::vector<MSTensor>* to) {
  for (size_t i = 0; i < to->size(); ++i) {
    const mirin_tensor* t = from.data()[i];
    (*to)[i].impl()->shape.assign(mirin_tensor_dims(t),
                                  mirin_tensor_dims(t) + mirin_tensor_rank(t));
  }
}

}  // namespace internal
}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_RUN_TENSORS_H
