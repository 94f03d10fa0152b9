// What the load generator sends, in each protocol's form.
#ifndef CORE_TOOLS_LOAD_PAYLOAD_H_
#define CORE_TOOLS_LOAD_PAYLOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tools/load/inputs.h"

namespace mirin::load {

enum class Protocol { kOipGrpc, kOipHttp, kMsGrpc, kMsHttp };
inline bool IsGrpc(Protocol p) { return p == Protocol::kOipGrpc || p == Protocol::kMsGrpc; }
inline bool IsOip(Protocol p) { return p == Protocol::kOipGrpc || p == Protocol::kOipHttp; }

struct Call {
  std::string path;     // of HTTP, or gRPC's method
  std::string headers;  // HTTP lines, each with its end
  std::string body;
  bool get = false;
};

struct Target {
  std::string model;
  std::string method;     // Open Inference: "" for the model's own
  uint64_t version = 0;   // 0: the newest
  int64_t instances = 1;  // MindSpore Serving: copies of the inputs in one request
  bool binary = false;    // Open Inference over HTTP: the binary tensor extension
};

// A request for the model's metadata. Open Inference only.
Call MetadataCall(Protocol protocol, const Target& target);
// Unimplemented: the protocol's form has no such value.
absl::StatusOr<Call> InferCall(Protocol protocol, const Target& target,
                               const std::vector<Input>& inputs);
// What is wrong with an answer that the transport calls good: "" or MindSpore Serving's error in it.
std::string AnswerError(Protocol protocol, absl::string_view body);

}  // namespace mirin::load

#endif  // CORE_TOOLS_LOAD_PAYLOAD_H_
