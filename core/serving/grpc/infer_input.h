// The inputs of a ModelInferRequest and their parameters.
#ifndef CORE_SERVING_GRPC_INFER_INPUT_H_
#define CORE_SERVING_GRPC_INFER_INPUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/variant.h"
#include "core/serving/grpc/message_reader.h"
#include "core/serving/shared_memory.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

// Of bytes that are no ModelInferRequest.
inline absl::Status NotARequest() { return absl::InternalError("Unable to parse request"); }

struct Parameter {
  std::string name;
  absl::variant<absl::monostate, bool, int64_t, std::string, double, uint64_t> value;

  absl::StatusOr<uint64_t> Number() const {
    if (const auto* n = absl::get_if<int64_t>(&value); n != nullptr && *n >= 0)
      return static_cast<uint64_t>(*n);
    if (const auto* n = absl::get_if<uint64_t>(&value)) return *n;
    return Wrong("a number that is not negative");
  }
  absl::StatusOr<std::string> Text() const {
    if (const auto* text = absl::get_if<std::string>(&value)) return *text;
    return Wrong("a string");
  }
  absl::StatusOr<bool> Bool() const {
    if (const auto* b = absl::get_if<bool>(&value)) return *b;
    return Wrong("a bool");
  }
  absl::Status Wrong(absl::string_view kind) const {
    return absl::InvalidArgumentError(absl::StrCat("parameter '", name, "' must be ", kind));
  }
};
using Parameters = std::vector<Parameter>;

// Reads an entry of map<string, InferParameter>.
absl::Status ReadParameter(const MessageReader& field, Parameters* parameters);

// shared_memory_region and its companions, of an input or an output.
struct RegionParameters {
  bool given = false;
  std::string region;
  uint64_t offset = 0;
  uint64_t size = 0;
};
absl::Status ReadRegion(const Parameters& parameters, RegionParameters* out);

// An InferInputTensor; its bytes stay where they are.
struct RawInput {
  std::string name, datatype;
  Dims dims;
  uint64_t rank = 0;
  bool has_contents = false;
  MessageReader contents;
  Parameters parameters;
};
absl::Status ReadInput(MessageReader message, RawInput* input);

// Takes the input's bytes from where it says: raw_input_contents has those of all inputs that are not in shared memory, or of none.
absl::Status FillInput(const RawInput& input, const std::vector<MessageReader>& raw,
                       size_t* next_raw, const SharedMemoryRegistry& shared_memory, Tensor* tensor);

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_INFER_INPUT_H_
