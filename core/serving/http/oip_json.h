// The Open Inference Protocol's JSON form of inference requests and answers, with binary tensor data and shared memory.
#ifndef CORE_SERVING_HTTP_OIP_JSON_H_
#define CORE_SERVING_HTTP_OIP_JSON_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/serving/http/exchange.h"
#include "core/serving/message.h"
#include "core/serving/shared_memory.h"

namespace mirin::serving {

// What the answer's form depends on.
struct OipForm {
  struct Output {
    std::string name;
    bool binary = false;
    bool shared = false;  // goes to a region of shared memory
    std::string region;
    uint64_t offset = 0;
    uint64_t byte_size = 0;
  };
  std::string model;
  std::string id;               // of the request; "": none
  bool binary = false;          // outputs that were not asked for by name
  std::vector<Output> outputs;  // empty: all
};

// Reads the body of `http` (changes its text) into instances, outputs, session, priority, deadline. shared_memory null: not allowed.
absl::Status ReadOipRequest(HttpRequest* http, SharedMemoryRegistry* shared_memory,
                            InferRequest* request, OipForm* form);

// InvalidArgument when an output cannot be given in the wanted form.
absl::Status WriteOipReply(const OipForm& form, const InferReply& reply,
                           SharedMemoryRegistry* shared_memory, HttpResponse* response);

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_OIP_JSON_H_
