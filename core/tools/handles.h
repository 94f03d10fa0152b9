// Owners for the C API's handles, and its statuses as absl's, for programs in C++.
#ifndef CORE_TOOLS_HANDLES_H_
#define CORE_TOOLS_HANDLES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "mirin/converter.h"
#include "mirin/mirin.h"

namespace mirin::tools {

struct Destroy {
  void operator()(mirin_status* s) const { mirin_status_destroy(s); }
  void operator()(mirin_model* m) const { mirin_model_destroy(m); }
  void operator()(mirin_session* s) const { mirin_session_destroy(s); }
  void operator()(mirin_tensor* t) const { mirin_tensor_destroy(t); }
  void operator()(mirin_converter* c) const { mirin_converter_destroy(c); }
  void operator()(mirin_pool* p) const { mirin_pool_destroy(p); }
  void operator()(mirin_cancellation* c) const { mirin_cancellation_destroy(c); }
  void operator()(mirin_config* c) const { mirin_config_destroy(c); }
};
using StatusPtr = std::unique_ptr<mirin_status, Destroy>;
using ModelPtr = std::unique_ptr<mirin_model, Destroy>;
using SessionPtr = std::unique_ptr<mirin_session, Destroy>;
using TensorPtr = std::unique_ptr<mirin_tensor, Destroy>;
using PoolPtr = std::unique_ptr<mirin_pool, Destroy>;
using CancellationPtr = std::unique_ptr<mirin_cancellation, Destroy>;
using ConfigPtr = std::unique_ptr<mirin_config, Destroy>;
using ConverterPtr = std::unique_ptr<mirin_converter, Destroy>;

// The numbers of the codes are the same. The status is consumed.
inline absl::Status Take(mirin_status* status) {
  if (status == nullptr) return absl::OkStatus();
  const StatusPtr owner(status);
  return absl::Status(static_cast<absl::StatusCode>(mirin_status_code(status)),
                      mirin_status_message(status));
}

inline std::vector<const mirin_tensor*> Pointers(const std::vector<TensorPtr>& tensors) {
  std::vector<const mirin_tensor*> out;
  for (const TensorPtr& t : tensors) out.push_back(t.get());
  return out;
}

}  // namespace mirin::tools

#endif  // CORE_TOOLS_HANDLES_H_
