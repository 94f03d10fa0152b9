// MindSpore Serving's JSON form of requests and answers.
#ifndef CORE_SERVING_HTTP_REST_JSON_H_
#define CORE_SERVING_HTTP_REST_JSON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/serving/http/json_document.h"
#include "core/serving/message.h"

namespace mirin::serving {

// The instances of {"instances": ..}. Integers are int32, or int64 (uint64) where one does not fit; floats are float32. InvalidArgument
// with MindSpore Serving's texts.
absl::StatusOr<std::vector<Instance>> ParseInstances(JsonValue body);

// {"error_msg": text}
std::string ErrorMessageJson(absl::string_view text);

// The failure that stands for the whole reply: its own, or that of all instances when they are the same. Null when there is none.
const Failure* WholeFailure(const InferReply& reply);

// {"instances": [..]}; failed instances are {"error_msg": ..} in their places.
void AppendInstances(const InferReply& reply, std::string* out);

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_REST_JSON_H_
