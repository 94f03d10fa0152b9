// What the services of one gRPC server share: calls that can be cancelled, streams that can be drained, messages as pieces.
#ifndef CORE_SERVING_GRPC_CALL_H_
#define CORE_SERVING_GRPC_CALL_H_

#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/grpc/message_reader.h"
#include "core/serving/grpc/reply_writer.h"
#include "core/serving/message.h"
#include "core/serving/transport.h"

namespace mirin::serving {

// Long texts are cut: more does not fit into the trailers that clients accept.
grpc::Status ToGrpcStatus(const absl::Status& status);

// Deadline, request id and traceparent of a call. Ids are made where the client sends none.
void ReadCallContext(const grpc::CallbackServerContext& context, InferRequest* request);

// The bytes of a message that came in; they live as long as this.
class Pieces {
 public:
  explicit Pieces(const grpc::ByteBuffer& message);
  MessageReader reader() const { return MessageReader(pieces_); }

 private:
  std::vector<grpc::Slice> slices_;
  std::vector<absl::string_view> pieces_;
};

// Takes the pieces; buffers are sent from where they lie and kept until then.
grpc::ByteBuffer ToByteBuffer(std::vector<ReplyWriter::Piece> pieces);

// One unary call that somebody else finishes. It lives until gRPC and the last holder of a shared_ptr are done with it.
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  static std::shared_ptr<UnaryCall> Create();

  const std::shared_ptr<Cancellation>& cancellation() const { return cancellation_; }
  // Whoever gets true, once, may fill the response and must call Finish. False: the client is gone, and so is the response.
  bool Claim() { return !claimed_.exchange(true); }

  void OnCancel() override;
  void OnDone() override;

 private:
  std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();
  std::shared_ptr<UnaryCall> self_;  // gRPC's
  std::atomic<bool> claimed_{false};
};

// A call that lasts: told when the server stops.
class Stream {
 public:
  virtual ~Stream() = default;
  // No more is begun; the stream ends when what is in progress has ended.
  virtual void Drain() = 0;
};

class Streams {
 public:
  // Begins to tell `stream`; at once when the server stops already.
  void Add(const std::shared_ptr<Stream>& stream);
  void Remove(Stream* stream);
  void Drain();
  bool draining() const { return draining_; }

 private:
  std::atomic<bool> draining_{false};
  absl::Mutex mutex_;
  absl::flat_hash_map<Stream*, std::weak_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
};

// The server of a service. All outlive the services.
struct ServiceContext {
  TransportContext transport;
  bool allow_repository_control = false;
  bool allow_shared_memory = false;
  Streams* streams = nullptr;

  void Refused(absl::string_view reason) const {
    if (transport.metrics != nullptr) transport.metrics->Refused("grpc", reason);
  }
};

std::unique_ptr<grpc::Service> MakePredictService(const ServiceContext& context);
std::unique_ptr<grpc::Service> MakeInferenceService(const ServiceContext& context);
std::unique_ptr<grpc::Service> MakeHealthService(const ServiceContext& context);

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_CALL_H_
