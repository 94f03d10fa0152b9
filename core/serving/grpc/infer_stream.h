// ModelStreamInfer: requests on one stream, each answered once, in the order in which they end.
#ifndef CORE_SERVING_GRPC_INFER_STREAM_H_
#define CORE_SERVING_GRPC_INFER_STREAM_H_

#include <deque>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "core/serving/grpc/call.h"
#include "core/serving/grpc/infer_codec.h"

namespace mirin::serving {

class InferStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                          public Stream,
                          public std::enable_shared_from_this<InferStream> {
 public:
  // The reactor; it owns itself.
  static InferStream* Start(const ServiceContext& context, grpc::CallbackServerContext* call);

  void Drain() override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // Requests that have begun and answers that wait to be sent: a client that does not read is not read from.
  static constexpr size_t kMaxInFlight = 64;

  void Handle();
  bool Wanted();
  void Send(grpc::ByteBuffer message, const std::shared_ptr<Cancellation>& done);
  void Continue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  ServiceContext context_;
  grpc::CallbackServerContext* call_ = nullptr;
  std::shared_ptr<InferStream> self_;  // gRPC's
  grpc::ByteBuffer incoming_;          // of the read in progress

  absl::Mutex mutex_;
  absl::flat_hash_set<std::shared_ptr<Cancellation>> in_flight_ ABSL_GUARDED_BY(mutex_);
  std::deque<grpc::ByteBuffer> outgoing_
      ABSL_GUARDED_BY(mutex_);  // the first is being written, when writing_
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool handling_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;  // the client sends no more
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_INFER_STREAM_H_
