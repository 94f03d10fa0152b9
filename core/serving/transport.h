// What both faces of a server take.
#ifndef CORE_SERVING_TRANSPORT_H_
#define CORE_SERVING_TRANSPORT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/serving/engine.h"
#include "core/serving/metrics.h"

namespace mirin::serving {

class EventLog;              // core/serving/log.h
class SharedMemoryRegistry;  // core/serving/shared_memory.h
class ServerSettings;        // core/serving/settings.h

// PEM texts, not file names: who reads the files says what is wrong with them.
struct TlsOptions {
  std::string certificate;  // the server's chain
  std::string private_key;
  std::string client_ca;  // verify clients against this and nothing else
  bool verify_client = false;
};

struct TransportOptions {
  std::string address;  // "host:port", "[v6]:port" or "unix:/path"; port 0 takes a free one
  uint64_t max_message_bytes = 100u << 20;
  std::unique_ptr<TlsOptions> tls;  // null: plain
  int threads = 0;                  // of input and output; 0: as many as the CPUs, at most 4
  // MindSpore Serving's REST dialect answers 200 for everything, as the original did.
  bool always_ok = false;
  uint64_t max_connections = 20000;
  // For a whole request head; TLS's handshake and HTTP/2's preface.
  absl::Duration header_timeout = absl::Seconds(10);
  // For its body or message, or between two parts of a large one; for the client to take a part of an answer.
  absl::Duration body_timeout = absl::Seconds(60);
  absl::Duration idle_timeout = absl::Seconds(600);  // of a connection without requests
  // Of gRPC alone.
  uint32_t max_streams = 1000;  // calls at once on one connection
  uint64_t memory_quota = 0;    // bytes of messages that came; 0: 8 of full size, 1 GiB at least
  absl::Duration keepalive_time = absl::Seconds(60);     // a silent client is pinged then,
  absl::Duration keepalive_timeout = absl::Seconds(20);  // and left when it does not answer
  absl::Duration min_ping_interval = absl::Seconds(10);  // of idle clients; others are left
  bool allow_repository_control = false;                 // load and unload over this face
  bool allow_shared_memory = false;                      // registration over this face
  bool allow_client_memory = true;                       // attachment over this face
};

// What the faces of one server share. All outlive them.
struct TransportContext {
  Engine* engine = nullptr;
  Metrics* metrics = nullptr;
  SharedMemoryRegistry* shared_memory = nullptr;
  ServerSettings* settings = nullptr;
  EventLog* log = nullptr;  // null: nothing is logged
};

class Transport {
 public:
  virtual ~Transport() = default;
  // The port that was bound; 0 for Unix sockets.
  virtual int port() const = 0;
  // Takes no new requests or connections and waits for those in progress, until the deadline; then ends them.
  virtual void Stop(absl::Time deadline) = 0;
};

// Both bind before they return.
absl::StatusOr<std::unique_ptr<Transport>> StartGrpc(const TransportContext& context,
                                                     TransportOptions options);
absl::StatusOr<std::unique_ptr<Transport>> StartHttp(const TransportContext& context,
                                                     TransportOptions options);

}  // namespace mirin::serving

#endif  // CORE_SERVING_TRANSPORT_H_
