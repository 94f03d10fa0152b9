// ModelInferRequest and ModelInferResponse of open_inference.proto, read and written without generated code: tensors are not copied,
// but for those that are not aligned on their way in.
#ifndef CORE_SERVING_GRPC_INFER_CODEC_H_
#define CORE_SERVING_GRPC_INFER_CODEC_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/serving/engine.h"
#include "core/serving/grpc/message_reader.h"
#include "core/serving/grpc/reply_writer.h"
#include "core/serving/message.h"
#include "core/serving/shared_memory.h"

namespace mirin::serving {

// An output that goes to shared memory.
struct OutputRegion {
  std::string output;
  std::string region;
  uint64_t offset = 0;
  uint64_t size = 0;
};

// What of a request its answer repeats or obeys.
struct InferEcho {
  std::string model;
  std::string version;
  std::string id;
  std::vector<OutputRegion> regions;
};

struct ModelInferCall {
  std::unique_ptr<InferRequest> request = std::make_unique<InferRequest>();
  InferEcho echo;
};

// InvalidArgument with the reason, Internal when `message` is no ModelInferRequest, NotFound for an unknown model. Whatever the
// answer, echo holds what was read of it. `now` begins the request's own timeout.
absl::Status ReadModelInferRequest(MessageReader message, const Engine& engine,
                                   const SharedMemoryRegistry& shared_memory, absl::Time now,
                                   ModelInferCall* call);

// Writes a ModelInferResponse. An error, when the whole request or its only instance failed or an output could not be written;
// nothing is written then. last: says that no other response follows (a stream's).
absl::Status WriteModelInferResponse(const InferEcho& echo, const InferReply& reply,
                                     const SharedMemoryRegistry& shared_memory, bool last,
                                     ReplyWriter* out);

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_INFER_CODEC_H_
