// One client's HTTP/2 connection: frames by nghttp2, calls on its streams. Everything but Run runs on the thread of its loop.
#ifndef CORE_SERVING_GRPC_CONNECTION_H_
#define CORE_SERVING_GRPC_CONNECTION_H_

#include <nghttp2/nghttp2.h>

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/grpc/call.h"
#include "core/serving/grpc/message_assembler.h"
#include "core/serving/grpc/output.h"
#include "core/serving/net/connection.h"

namespace mirin::serving {

// Rights that are spent, and come back at a rate.
class TokenBucket {
 public:
  TokenBucket(double most, double per_second)
      : most_(most), per_second_(per_second), tokens_(most) {}
  bool Take() {
    const Loop::Clock::time_point now = Loop::Clock::now();
    const double seconds = std::chrono::duration<double>(now - filled_).count();
    tokens_ = std::min(most_, tokens_ + seconds * per_second_);
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const double most_, per_second_;
  double tokens_;
  Loop::Clock::time_point filled_ = Loop::Clock::now();
};

struct GrpcState : FaceState {
  Methods methods;
  std::shared_ptr<MemoryBudget> budget;
  uint64_t limit = 0;  // of a message
};

class GrpcConnection : public Connection {
 public:
  GrpcConnection(std::shared_ptr<Loop> loop, GrpcState* state, Socket socket);
  ~GrpcConnection() override;

  void Start() override;
  void Drain() override;
  void Close() override;
  void OnTimeout() override;

  // Runs `work` on the thread, at once when that is this connection's turn, or drops it when the connection is gone. Any thread.
  void Run(absl::AnyInvocable<void()> work);

  // --- for its calls ---

  nghttp2_session* session() const { return session_.get(); }
  const Methods& methods() const { return grpc_state_->methods; }
  const std::shared_ptr<MemoryBudget>& budget() const { return budget_; }
  uint64_t limit() const { return limit_; }
  absl::Duration body_timeout() const { return state_->options.body_timeout; }
  absl::Duration idle_timeout() const { return state_->options.idle_timeout; }
  boost::asio::io_context& context() { return loop_->context(); }
  std::string Peer() const { return PeerName(); }
  void Refused(absl::string_view reason) const { state_->Refused(reason); }
  bool draining() const { return draining_; }
  static Loop::Clock::time_point At(absl::Duration timeout) { return After(timeout); }
  // OnTimeout is called then, some time later.
  void Sooner(Loop::Clock::time_point at) { deadline_ = std::min(deadline_, at); }
  // OnTimeout is called then.
  void ArmTimer(Loop::Clock::time_point at);
  Kept& kept() { return kept_; }
  // The client may send as much again on this stream.
  void Consume(int32_t stream, size_t bytes);

 private:
  struct SessionDeleter {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  // nghttp2's calls of this class.
  struct Callbacks;

  std::shared_ptr<GrpcConnection> Self() {
    return std::static_pointer_cast<GrpcConnection>(shared_from_this());
  }
  bool StartSession();

  // Reading.
  bool WantsRead() const;
  void WaitRead();
  void OnReadable();
  bool ReadSome();  // false: wait
  void Receive(absl::string_view bytes);
  void RunPosted();

  // Writing.
  void Flush();
  bool Fill();
  bool WriteSome();  // false: wait, or closed
  void WaitWrite();
  void Linger();

  // What nghttp2 tells.
  void OnBeginHeaders(int32_t stream);
  void OnFrame(const nghttp2_frame& frame);
  void OnFrameSent(const nghttp2_frame& frame);
  void OnPing(const nghttp2_ping& ping);
  void OnStreamClose(int32_t stream, uint32_t error);
  int MoveData(const nghttp2_frame& frame, const uint8_t* head, size_t size, Call* call);

  // Says no more than this, and ends.
  void Terminate(uint32_t error, absl::string_view reason);
  void SendLastGoAway();
  Loop::Clock::time_point CheckKeepalive(Loop::Clock::time_point now);

  GrpcState* const grpc_state_;  // while not closed
  const std::shared_ptr<MemoryBudget> budget_;
  const uint64_t limit_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  absl::flat_hash_map<int32_t, std::shared_ptr<Call>> calls_;
  Kept kept_;
  Output output_;
  std::vector<std::shared_ptr<Call>> sent_;  // whose messages have left, to be told

  bool closed_ = false;
  bool in_session_ = false;  // nghttp2 is on the stack, or Flush will be called
  bool flushing_ = false;
  bool waiting_read_ = false;
  bool waiting_write_ = false;
  bool write_blocked_ = false;     // the socket takes no more
  bool write_wants_read_ = false;  // TLS
  bool read_wants_write_ = false;  // TLS
  bool has_preface_ = false;       // the client's first SETTINGS are here
  bool lingering_ = false;         // all is said; reads what the client still sends
  bool broken_ = false;            // what the client sends cannot be understood any more
  bool draining_ = false;
  bool last_goaway_ = false;
  bool ping_sent_ = false;
  int ping_strikes_ = 0;
  TokenBucket resets_;

  using Time = Loop::Clock::time_point;
  Time preface_deadline_ = kForever;
  int32_t head_stream_ = 0;
  Time head_deadline_ = kForever;   // for the headers of head_stream_
  Time write_deadline_ = kForever;  // while blocked
  Time linger_deadline_ = kForever;
  Time drain_deadline_ = kForever;  // for the answer to the ping that goes before the last GOAWAY
  Time ping_deadline_ = kForever;
  Time last_read_;
  Time last_ping_;
  Time idle_since_;
  Time timer_at_ = kForever;
  boost::asio::steady_timer timer_;

  absl::Mutex posted_mutex_;
  std::vector<absl::AnyInvocable<void()>> posted_ ABSL_GUARDED_BY(posted_mutex_);
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_CONNECTION_H_
