// The server's end of the socket to one worker.
#ifndef CORE_SERVING_WORKER_CHANNEL_H_
#define CORE_SERVING_WORKER_CHANNEL_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/base/descriptor.h"
#include "core/serving/worker/codec.h"
#include "core/serving/worker/segment.h"

namespace mirin::serving::worker {

// Sends are for any thread and never block: what the socket does not take is queued. Reading is for one thread. Buffers of what was
// read outlive the channel.
class Channel : public TensorFinder, public std::enable_shared_from_this<Channel> {
 public:
  static std::shared_ptr<Channel> Create(Descriptor socket);
  int fd() const { return socket_.get(); }
  // want_write(true) asks for Flush when the socket takes more, want_write(false) no longer. Never called after Close.
  void SetWantWrite(std::function<void(bool)> want_write);

  // secret: the bytes are overwritten once they are sent.
  void Send(std::string frame, bool secret = false);
  // ResourceExhausted, InvalidArgument: nothing was sent.
  absl::Status SendCall(uint64_t id, const StageCall& call);
  void SendModelReply(uint64_t id, const absl::StatusOr<std::vector<StageResult>>& results);
  void Flush();
  // Forgets what is queued; later sends do nothing. The descriptor stays until the channel goes.
  void Close();

  // Hands out the frames that have come whole, as long as `take` returns ok; those about segments are dealt with here. False: the
  // worker closed its end. InvalidArgument: what came is not the protocol.
  absl::StatusOr<bool> Read(absl::FunctionRef<absl::Status(const Frame&)> take);

  absl::StatusOr<Buffer> Find(bool own, uint32_t segment, uint64_t offset, uint64_t size) override;

 private:
  struct Outgoing {
    std::string bytes;
    Descriptor fd;
    bool secret = false;
    size_t sent = 0;
  };
  struct Placement;
  // A worker's segment.
  struct Incoming {
    std::shared_ptr<Mapping> mapping;
    bool dropped ABSL_GUARDED_BY(mutex) = false;
    bool used ABSL_GUARDED_BY(mutex) =
        false;  // the worker has not been told that its bytes are free
    absl::Mutex mutex;
  };

  explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}
  absl::Status Finish(absl::StatusOr<std::string> frame, Placement* placement);
  void Enqueue(std::vector<Outgoing> frames);
  void FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False: not now, or never more.
  bool SendOne(Outgoing* frame) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Break() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::StatusOr<size_t> Receive();
  absl::Status TakeFrames(absl::FunctionRef<absl::Status(const Frame&)> take);
  absl::Status TakeFrame(const Frame& frame, absl::FunctionRef<absl::Status(const Frame&)> take);
  absl::Status AddIncoming(const Frame& frame);
  absl::Status DropIncoming(const Frame& frame);
  void EndUse(uint32_t segment, Incoming* incoming);

  const Descriptor socket_;
  std::shared_ptr<SegmentPool> lent_;

  absl::Mutex mutex_;
  std::function<void(bool)> want_write_ ABSL_GUARDED_BY(mutex_);
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;  // for Flush
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Outgoing> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;

  // The reading thread's.
  std::string in_;
  size_t in_size_ = 0;
  std::deque<Descriptor> in_fds_;
  absl::flat_hash_map<uint32_t, std::shared_ptr<Incoming>> incoming_;
  uint64_t incoming_bytes_ = 0;
  // Of the frame that is being decoded: several of its tensors may lie in one segment.
  absl::flat_hash_map<uint32_t, std::shared_ptr<const void>> frame_uses_;
};

}  // namespace mirin::serving::worker

#endif  // CORE_SERVING_WORKER_CHANNEL_H_
