// Values that the load generator sends.
#ifndef CORE_TOOLS_LOAD_INPUTS_H_
#define CORE_TOOLS_LOAD_INPUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/serving/tensor.h"

namespace mirin::load {

struct Input {
  std::string name;
  serving::Tensor value;
};

// The arrays of an .npz file, in order of their names.
absl::StatusOr<std::vector<Input>> ReadInputs(const std::string& npz);
// "x1:FP32:2,2;x2:BYTES:1": random values, the same ones every time.
absl::StatusOr<std::vector<Input>> InputsFromText(absl::string_view text);
// The inputs of a model's metadata, as Open Inference's gRPC message or HTTP's JSON has it. Open axes become `batch` at the front,
// else 1.
absl::StatusOr<std::vector<Input>> InputsFromMetadata(bool grpc, absl::string_view reply,
                                                      int64_t batch);

}  // namespace mirin::load

#endif  // CORE_TOOLS_LOAD_INPUTS_H_
