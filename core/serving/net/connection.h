// What the connections of all faces have: a socket on a loop's thread, a deadline, an end. Everything runs on that thread.
#ifndef CORE_SERVING_NET_CONNECTION_H_
#define CORE_SERVING_NET_CONNECTION_H_

#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/serving/net/loop.h"
#include "core/serving/net/tls.h"
#include "core/serving/transport.h"

namespace mirin::serving {

// What the connections of one face know of it. Outlives them.
struct FaceState {
  const char* name = "";  // "grpc", "http": in metrics
  TransportOptions options;
  Metrics* metrics = nullptr;  // null: nothing is counted
  SslContext tls;
  std::atomic<bool> draining{false};  // no new requests

  absl::Mutex mutex;
  uint64_t connections ABSL_GUARDED_BY(mutex) = 0;

  void Refused(absl::string_view reason) const {
    if (metrics != nullptr) metrics->Refused(name, reason);
  }
  // False, with `refused` counted, when there are too many.
  bool AddConnection();
  void RemoveConnection();
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  // `socket` belongs to the loop's context.
  Connection(std::shared_ptr<Loop> loop, FaceState* state, Socket socket);
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void Start() = 0;
  // The server stops: no new requests; closes when those in progress are answered.
  virtual void Drain() = 0;
  // At once. More than one call does nothing.
  virtual void Close() = 0;
  // deadline() has passed.
  virtual void OnTimeout() = 0;
  Loop::Clock::time_point deadline() const { return deadline_; }

 protected:
  static constexpr auto kForever = Loop::Clock::time_point::max();

  // To be called once by Start and once by Close.
  void Begin();
  void End();
  // Infinite: none.
  void SetDeadline(absl::Duration timeout) { deadline_ = After(timeout); }
  static Loop::Clock::time_point After(absl::Duration timeout) {
    return After(Loop::Clock::now(), timeout);
  }
  static Loop::Clock::time_point After(Loop::Clock::time_point begin, absl::Duration timeout);
  // "127.0.0.1:4711", "unix".
  std::string PeerName() const;

  const std::shared_ptr<Loop> loop_;  // outlives the server where an answer comes too late
  FaceState* const state_;            // while not closed
  Socket socket_;
  SocketStream stream_;
  Loop::Clock::time_point deadline_ = kForever;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_NET_CONNECTION_H_
