#include "core/serving/grpc/service.h"

#include "core/serving/request.h"

namespace mirin::serving {

std::string ServiceContext::Peer(const Call& call) const {
  return LogsAccess(transport) ? call.Peer() : std::string();
}

absl::Status Malformed() { return absl::InternalError("Unable to parse request"); }

Pieces Serialize(const google::protobuf::MessageLite& message) {
  Pieces pieces;
  pieces.push_back({message.SerializeAsString(), Buffer()});
  return pieces;
}

}  // namespace mirin::serving
