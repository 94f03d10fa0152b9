// What both faces do with a request before and after the engine has it.
#ifndef CORE_SERVING_REQUEST_H_
#define CORE_SERVING_REQUEST_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "core/serving/message.h"
#include "core/serving/transport.h"

namespace mirin::serving {

// For a request whose client sends none: 16 hexadecimal digits, unlike those of other requests and servers.
std::string MakeRequestId();

// Whether requests get a line in the log; their peers need names then.
bool LogsAccess(const TransportContext& context);
// Gives `request` to the engine; done(reply) is called as Engine::Infer says. Writes the access log. protocol: "grpc" or "http";
// peer: of LogsAccess.
void Infer(const TransportContext& context, absl::string_view protocol, std::string peer,
           std::unique_ptr<InferRequest> request, InferCallback done);

}  // namespace mirin::serving

#endif  // CORE_SERVING_REQUEST_H_
