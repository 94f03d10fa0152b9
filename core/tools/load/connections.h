// Connections of one thread to a server. Each lane has at most one request under way.
#ifndef CORE_TOOLS_LOAD_CONNECTIONS_H_
#define CORE_TOOLS_LOAD_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/serving/address.h"
#include "core/tools/load/payload.h"

namespace mirin::load {

struct Answer {
  std::string error;       // "": good; else a code of the protocol, "timeout", "closed" ..
  std::string text;        // of the error, where there is one
  absl::string_view body;  // until the callback returns
  uint64_t received = 0;   // bytes
};

class Connections {
 public:
  using OnAnswer = std::function<void(size_t lane, const Answer& answer)>;

  virtual ~Connections() = default;
  // From any thread, for a lane that is not under way.
  virtual void Send(size_t lane) = 0;
  // Runs until Stop; on_answer is called here, and may call Send and Stop.
  virtual void Run(OnAnswer on_answer) = 0;
  // From any thread, once no lane is under way and no Send comes any more.
  virtual void Stop() = 0;
};

struct ConnectionOptions {
  serving::Address address;
  size_t lanes = 1;
  absl::Duration timeout = absl::Seconds(60);  // of one request
  bool want_body = true;  // false: answers need no body where the transport's code says enough
};

// One connection a lane.
absl::StatusOr<std::unique_ptr<Connections>> ConnectHttp(const ConnectionOptions& options,
                                                         const Call& call);
// One channel a lane, up to 64; lanes share them beyond that.
absl::StatusOr<std::unique_ptr<Connections>> ConnectGrpc(const ConnectionOptions& options,
                                                         const Call& call);

inline absl::StatusOr<std::unique_ptr<Connections>> Connect(Protocol protocol,
                                                            const ConnectionOptions& options,
                                                            const Call& call) {
  return IsGrpc(protocol) ? ConnectGrpc(options, call) : ConnectHttp(options, call);
}

}  // namespace mirin::load

#endif  // CORE_TOOLS_LOAD_CONNECTIONS_H_
