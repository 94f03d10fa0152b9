// The structs behind the handles, and the options as core knows them.
#ifndef C_API_SRC_BOUNDARY_H_
#define C_API_SRC_BOUNDARY_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "c_api/src/guard.h"
#include "core/base/tensor.h"
#include "core/runtime/cancel_source.h"
#include "core/runtime/model.h"
#include "core/runtime/run_config.h"
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

struct mirin_cancellation {
  mirin::runtime::CancelSource source;
};

struct mirin_config {
  mirin::runtime::RunConfig config;
};

struct mirin_session {
  std::unique_ptr<mirin::runtime::Session> session;
  std::vector<mirin::Tensor> inputs;    // of the run in progress
  std::vector<mirin_tensor> outputs;    // lent to the caller
  std::string table, trace, placement;  // lent to the caller
};

namespace mirin::c_api {

// The option struct as this library knows it: what an older caller did not have keeps its default.
template <typename Options>
absl::StatusOr<Options> Known(const Options* given, const Options& defaults) {
  Options known = defaults;
  if (given == nullptr) return known;
  if (given->struct_size < offsetof(Options, struct_size) + sizeof(size_t) ||
      given->struct_size > 65536) {
    return absl::InvalidArgumentError("options.struct_size is not set: start from the _INIT macro");
  }
  std::memcpy(&known, given, std::min(given->struct_size, sizeof known));
  return known;
}

absl::StatusOr<runtime::ModelOptions> FromC(const mirin_model_options* options);
absl::StatusOr<runtime::SessionOptions> FromC(const mirin_session_options* options);
// A null source and no deadline for NULL.
struct RunLimits {
  runtime::CancelSource* cancel = nullptr;
  Cancellation::Clock::time_point deadline = Cancellation::Clock::time_point::max();
};
absl::StatusOr<RunLimits> FromC(const mirin_run_options* options);
// Says in the log what of a config has no effect.
void LogNotes(const mirin_config* config);
absl::Status CheckOutputCount(const runtime::Model& model, size_t count);
// Checks count and NULLs; fills `to` with the tensors behind the handles.
absl::Status CollectInputs(const mirin_tensor* const* inputs, size_t count, size_t expected,
                           std::vector<Tensor>* to);

// One shape for each input of the model, which has limits of its own; NULL is for no inputs and for rank 0.
absl::Status CollectShapes(const runtime::Model& model, const int64_t* const* dims,
                           const size_t* ranks, size_t count, std::vector<Dims>* to);

// The memory behind the callers' output tensors (NULL: none), one per output of the model; InvalidArgument for a wrong dtype or one
// that is read only.
absl::StatusOr<std::vector<runtime::OutputBuffer>> BuffersOf(const runtime::Model& model,
                                                             mirin_tensor* const* outputs);
// Gives them the shapes of the results that were written there.
void TakeShapes(absl::Span<const Tensor> results, absl::Span<const runtime::OutputBuffer> buffers,
                mirin_tensor* const* outputs);

}  // namespace mirin::c_api

#endif  // C_API_SRC_BOUNDARY_H_
