// Owners for the C API's handles, so that tests read well and leak nothing.
#ifndef TESTS_SUPPORT_C_API_H_
#define TESTS_SUPPORT_C_API_H_

#include <memory>
#include <string>
#include <vector>

#include "mirin/mirin.h"

namespace mirin::testing {

struct Destroy {
  void operator()(mirin_status* s) const { mirin_status_destroy(s); }
  void operator()(mirin_model* m) const { mirin_model_destroy(m); }
  void operator()(mirin_session* s) const { mirin_session_destroy(s); }
  void operator()(mirin_tensor* t) const { mirin_tensor_destroy(t); }
  void operator()(mirin_pool* p) const { mirin_pool_destroy(p); }
  void operator()(mirin_config* c) const { mirin_config_destroy(c); }
  void operator()(mirin_cancellation* c) const { mirin_cancellation_destroy(c); }
};
using StatusPtr = std::unique_ptr<mirin_status, Destroy>;
using ModelPtr = std::unique_ptr<mirin_model, Destroy>;
using SessionPtr = std::unique_ptr<mirin_session, Destroy>;
using PoolPtr = std::unique_ptr<mirin_pool, Destroy>;
using ConfigPtr = std::unique_ptr<mirin_config, Destroy>;
using CancellationPtr = std::unique_ptr<mirin_cancellation, Destroy>;
using TensorPtr = std::unique_ptr<mirin_tensor, Destroy>;

// "OK", or code and message; the status is consumed.
inline std::string Text(mirin_status* status) {
  if (status == nullptr) return "OK";
  const StatusPtr owner(status);
  return std::string(mirin_code_name(mirin_status_code(status))) + ": " +
         mirin_status_message(status);
}

inline TensorPtr MakeTensor(mirin_dtype dtype, const std::vector<int64_t>& dims,
                            const void* bytes) {
  mirin_tensor* t = nullptr;
  if (StatusPtr(mirin_tensor_create(dtype, dims.data(), dims.size(), &t)) != nullptr)
    return nullptr;
  if (bytes != nullptr && mirin_tensor_size(t) > 0)
    __builtin_memcpy(mirin_tensor_mutable_data(t), bytes, mirin_tensor_size(t));
  return TensorPtr(t);
}

inline std::vector<const mirin_tensor*> Pointers(const std::vector<TensorPtr>& tensors) {
  std::vector<const mirin_tensor*> out;
  for (const TensorPtr& t : tensors) out.push_back(t.get());
  return out;
}

}  // namespace mirin::testing

#endif  // TESTS_SUPPORT_C_API_H_
