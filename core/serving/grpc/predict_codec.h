// MSService's messages (ms_service.proto), read and written without generated code: tensors are not copied, but for those that are
// not aligned on their way in.
#ifndef CORE_SERVING_GRPC_PREDICT_CODEC_H_
#define CORE_SERVING_GRPC_PREDICT_CODEC_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "core/serving/grpc/message_reader.h"
#include "core/serving/grpc/reply_writer.h"
#include "core/serving/message.h"
#include "core/serving/shared_memory.h"

namespace mirin::serving {

// A place in registered shared memory.
struct SharedPlace {
  std::string region;
  uint64_t region_size = 0;  // as the client says it; handed back
  uint64_t offset = 0;
  uint64_t size = 0;
};

struct PredictCall {
  std::unique_ptr<InferRequest> request = std::make_unique<InferRequest>();
  // Of instances that want outputs in shared memory; shorter than the instances when the last ones do not.
  std::vector<std::vector<std::pair<std::string, SharedPlace>>> output_buffers;
  uint64_t attached_bytes = 0;  // of inputs in attached memory,
  std::string attached_key;     // and the last one's
  // Of attached memory, for outputs that have no place of their own; size 0: none.
  SharedPlace result_memory;
  // The first malformed input, and its name; the engine may find an earlier reason to refuse the request.
  Failure failure;
  std::string failed_input;
};

// False when `message` is not a PredictRequest. What is wrong with its contents is in call->failure.
bool ReadPredictRequest(MessageReader message, const SharedMemoryRegistry& shared_memory,
                        PredictCall* call);

struct PredictEcho {
  std::string servable, method;
  uint64_t version = 0;
};
// Writes a PredictReply.
void WritePredictReply(const PredictEcho& echo, const InferReply& reply,
                       const SharedMemoryRegistry& shared_memory,
                       const decltype(PredictCall::output_buffers)& output_buffers,
                       const SharedPlace& result_memory, ReplyWriter* out);

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_PREDICT_CODEC_H_
