// The structs behind the handles, and the options as core knows them.
#ifndef C_API_SRC_BOUNDARY_H_
#define C_API_SRC_BOUNDARY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "c_api/src/guard.h"
#include "core/base/tensor.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "core/runtime/session_cache.h"
#include "mirin/mirin.h"

struct mirin_status {
  mirin_code code;
  std::string message;
};

struct mirin_tensor {
  mirin::Tensor tensor;
  bool writable = true;
  size_t capacity = 0;  // bytes of the memory when a result smaller than it has been written there
};

struct mirin_model {
  // mirin_model_run keeps idle sessions here; they hold the model, so the cache belongs to the handle, not to the model.
  std::shared_ptr<const mirin::runtime::Model> model;
  mutable mirin::runtime::SessionCache cache;
  std::vector<std::string> metadata_keys;
};

struct mirin_session {
  std::unique_ptr<mirin::runtime::Session> session;
  std::vector<mirin::Tensor> inputs;    // of the run in progress
  std::vector<mirin_tensor> outputs;    // lent to the caller
  std::string table, trace, placement;  // lent to the caller
};

namespace mirin::c_api {

absl::StatusOr<runtime::ModelOptions> FromC(const mirin_model_options* options);
absl::StatusOr<runtime::SessionOptions> FromC(const mirin_session_options* options);
// Checks count and NULLs; fills `to` with the tensors behind the handles.
absl::Status CollectInputs(const mirin_tensor* const* inputs, size_t count, size_t expected, std::vector<Tensor>* to);

}  // namespace mirin::c_api

#endif  // C_API_SRC_BOUNDARY_H_
